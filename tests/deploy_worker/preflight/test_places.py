"""Kubernetes' rule where a pod may be placed: selectors, and each kind of taint and toleration."""

import pytest

from tidegate.core.intent import Toleration
from tidegate.deploy_worker.preflight.places import (
    Node,
    Place,
    Taint,
    barriers,
    explain,
    open_to,
    tolerates,
)

BATCH = Taint("dedicated", "batch", "NoSchedule")


@pytest.mark.parametrize(
    ("toleration", "does"),
    [
        (Toleration("dedicated", "Equal", "batch", "NoSchedule"), True),
        (Toleration("dedicated", "Equal", "other", "NoSchedule"), False),
        (Toleration("dedicated", "Equal", "batch", "NoExecute"), False),
        (Toleration("dedicated", "Equal", "batch"), True),  # no effect: every effect
        (Toleration("dedicated", "", "batch"), True),  # no operator: Equal
        (Toleration("dedicated"), False),  # Equal to no value
        (Toleration("dedicated", "Exists"), True),
        (Toleration("dedicated", "Exists", effect="NoExecute"), False),
        (Toleration("other", "Exists"), False),
        (Toleration(operator="Exists"), True),  # no key: every taint
        (Toleration(operator="Exists", effect="NoExecute"), False),
        (Toleration("dedicated", "Gt", "1"), False),
    ],
)
def test_a_toleration_covers_a_taint(toleration, does):
    assert tolerates(toleration, BATCH) is does


def test_a_pod_may_be_placed_where_its_selector_matches_and_every_taint_is_tolerated():
    action = Taint("slow", effect="PreferNoSchedule")
    plain = Node("a", {}, {"pool": "gpu"}, (action,))
    batch = Node("b", {}, {"pool": "gpu"}, (BATCH, action))
    gone = Node("c", {}, {"pool": "gpu"}, (Taint("gone", effect="NoExecute"),))
    small = Node("d", {}, {"pool": "cpu"})
    asks = {"pool": "gpu"}
    assert open_to(Place(asks), (plain, batch, gone, small)) == (plain,)
    assert open_to(
        Place(asks, (Toleration("dedicated", "Exists"),)), (plain, batch, gone, small)
    ) == (plain, batch)
    assert open_to(Place({**asks, "zone": "x"}), (plain,)) == ()
    assert barriers(Place(asks), small) == ("node selector pool=gpu does not match",)


def test_what_passes_by_itself_keeps_pods_away_now_and_not_for_ever():
    sick = Node("a", {}, {}, (Taint("node.kubernetes.io/not-ready"),))
    assert open_to(Place(), (sick,)) == (sick,)
    assert barriers(Place(), sick, passing=True) == (
        "taint node.kubernetes.io/not-ready:NoSchedule is not tolerated",
    )
    drained = Node("a", {}, {}, (Taint("node.kubernetes.io/unschedulable"),))
    assert open_to(Place(), (drained,)) == ()


def test_many_nodes_are_told_in_few_words():
    nodes = [Node(f"n{number}", {}, {}, (BATCH,)) for number in range(5)]
    assert (
        explain(Place(), nodes)
        == "taint dedicated=batch:NoSchedule is not tolerated (n0, n1, n2 and 2 more)"
    )
