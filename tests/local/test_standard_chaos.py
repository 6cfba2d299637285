"""Standard mode under seeded random interleavings: capacity, weights and status stay true at every
tick."""

import random

import pytest

from tests.simulation.kubelet import Behaviour
from tests.simulation.lab import NAMESPACE, Lab
from tests.simulation.manifests import route, standard
from tidegate.core.ports import Done
from tidegate_local.played.api import HTTP_ROUTE, ISVC, POD
from tidegate_local.played.workloads import is_ready


def ready_pods(lab: Lab, number: int) -> int:
    """Pods of a revision that take requests."""
    results = lab.objects.list(POD, NAMESPACE, {"tidegate.dev/revision": f"r{number}"})
    return sum(map(is_ready, results))


def accepted_generation(lab: Lab) -> int:
    """The route's generation that the gateway speaks of."""
    parents = lab.get(HTTP_ROUTE, "fraud").get("status", {}).get("parents", ())
    return max((c["observedGeneration"] for p in parents for c in p["conditions"]), default=0)


def weights_now(lab: Lab) -> tuple[int, ...]:
    """Weights that the data plane routes by."""
    result = lab.data_plane.table.route(NAMESPACE, "fraud")
    if not result:
        return ()
    return tuple(target.weight for target in result.rules[0].targets)


@pytest.mark.parametrize("seed", range(6))
def test_rolling_update_keeps_the_capacity_in_every_order(seed: int) -> None:
    lab = Lab()
    dice = random.Random(seed)
    desired = dice.choice((1, 2, 4))
    lab.apply(standard("fraud", 1, minReplicas=desired, maxReplicas=4))
    lab.settle()
    lab.kubelet.behave("fraud-v9", Behaviour(delay=5))
    changed = standard("fraud", 1, minReplicas=desired, maxReplicas=4)
    changed["spec"]["predictor"]["model"]["storageUri"] = "s3://models/fraud-v9/"
    lab.apply(changed)
    for _ in range(300):
        lab.step(dice.choice(lab.plane.names))
        lab.clock.advance(dice.choice((0, 0, 0, 1)))
        assert ready_pods(lab, 1) >= desired - desired // 4
        assert (
            len([p for p in lab.objects.list(POD) if "deletionTimestamp" not in p["metadata"]])
            <= desired + 1
        )
    lab.settle(seconds=60)
    lab.settle(seconds=60)
    assert ready_pods(lab, 1) == desired


@pytest.mark.parametrize("seed", range(6))
def test_accepted_is_never_ahead_of_the_data_plane(seed: int) -> None:
    dice = random.Random(seed)
    lab = Lab(delay=float(seed % 3))
    written = {}
    for number in (1, 2):
        lab.apply(standard("fraud", number))
    for _ in range(30):
        share = dice.randrange(101)
        generation = lab.apply(route("fraud", (1, 100 - share), (2, share)))["metadata"][
            "generation"
        ]
        written[generation] = (100 - share, share)
        for _ in range(dice.randrange(20)):
            lab.step(dice.choice(lab.plane.names))
            lab.clock.advance(dice.choice((0, 0, 1)))
            spoken = accepted_generation(lab)
            later = [weights for number, weights in written.items() if number >= spoken > 0]
            assert not later or weights_now(lab) in later
    lab.settle()
    lab.settle(seconds=5)
    assert weights_now(lab) == written[max(written)]
    assert accepted_generation(lab) == max(written)


@pytest.mark.parametrize("seed", range(4))
def test_delete_and_create_again_in_every_order_ends_with_the_new_object_only(seed: int) -> None:
    lab = Lab()
    dice = random.Random(seed)
    lab.apply(standard("fraud", 1, minReplicas=2))
    lab.settle()
    for _ in range(3):
        assert lab.objects.delete(ISVC, NAMESPACE, "fraud-r1") == Done()
        for name in dice.choices(lab.plane.names, k=dice.randrange(12)):
            lab.step(name)
        lab.apply(standard("fraud", 1, minReplicas=2))
        for name in dice.choices(lab.plane.names, k=dice.randrange(30)):
            lab.step(name)
    lab.settle()
    pods = lab.objects.list(POD)
    assert len(pods) == 2
    assert ready_pods(lab, 1) == 2
    uid = lab.get(ISVC, "fraud-r1")["metadata"]["uid"]
    owners = {
        o["metadata"]["ownerReferences"][0]["uid"]
        for o in lab.objects.all()
        if o["kind"] in ("Deployment",)
    }
    assert owners == {uid}
