"""Standard mode without the Gateway API on the real control plane: where the endpoint's own Service
leads."""

import uuid
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.cluster.access import bind
from tests.cluster.desk import GATEWAY_API, Desk, model, seated
from tidegate.core import strategy
from tidegate.core.intent import CandidateTraffic, EndpointKey, Mode, Runtime
from tidegate.core.rollout import ActionKind, Outcome, Rollout
from tidegate.core.strategy import Deadlines, Strategy
from tidegate.store import Started, intents, revisions, rollouts
from tidegate_local.devcluster.cluster import DevCluster

pytestmark = [pytest.mark.cluster, pytest.mark.real]
KEPT = Deadlines(undo=600.0)


@pytest.fixture(scope="module")
def plain(
    cluster: DevCluster, databases: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Desk]:
    """A worker whose settings name no gateway."""
    with seated(
        cluster, databases, tmp_path_factory.mktemp("plain"), TIDEGATE_GATEWAY_NAME=""
    ) as desk:
        yield desk


def led_to(desk: Desk, key: EndpointKey) -> set[str]:
    """The InferenceServices whose ready pods the endpoint's Service leads to, as Kubernetes itself
    works it out."""
    slices = desk.dev.kube.items("discovery.k8s.io/v1", "EndpointSlice", key.namespace)
    mine = [
        s
        for s in slices
        if s["metadata"].get("labels", {}).get("kubernetes.io/service-name") == key.name
    ]
    ready = [e for s in mine for e in s.get("endpoints") or () if e["conditions"].get("ready")]
    pods = {p["metadata"]["name"]: p for p in desk.dev.kube.items("v1", "Pod", key.namespace)}
    names = [e["targetRef"]["name"] for e in ready]
    label = "serving.kserve.io/inferenceservice"
    return {pods[name]["metadata"]["labels"][label] for name in names if name in pods}


def begin(desk: Desk, key: EndpointKey, plan: Strategy, base: int, candidate: int) -> str:
    made = str(uuid.uuid4())
    with desk.store.begin() as tx:
        if candidate > base:  # else it is there already
            revisions.add_revision(tx, key, model(candidate), Runtime(), author="ann")
        begun = rollouts.start(
            tx, key, Rollout(made, replace(plan, deadlines=KEPT), base, candidate, "ann")
        )
    assert isinstance(begun, Started)
    return made


def test_a_blue_green_promotion_and_its_undo_change_the_selector(
    plain: Desk, namespace: str
) -> None:
    bind(plain.dev, namespace)
    key = EndpointKey(namespace, "fraud")
    plain.create(key, Mode.STANDARD)
    plain.until(lambda: led_to(plain, key) == {"fraud-r1"}, instead=lambda: led_to(plain, key))
    rollout = begin(plain, key, strategy.blue_green(), 1, 2)
    plain.until(lambda: len(plain.services(key)) == 2, instead=lambda: plain.status(key))
    plain.action(rollout, ActionKind.PROMOTE)
    plain.until(
        lambda: plain.outcome(rollout) is Outcome.PROMOTED, instead=lambda: plain.status(key)
    )
    plain.until(lambda: plain.shares(key) == {2: 100}, instead=lambda: plain.status(key))
    plain.until(lambda: led_to(plain, key) == {"fraud-r2"}, instead=lambda: led_to(plain, key))
    back = begin(plain, key, strategy.undo(), 2, 1)
    plain.until(lambda: plain.outcome(back) is Outcome.PROMOTED, instead=lambda: plain.status(key))
    plain.until(lambda: led_to(plain, key) == {"fraud-r1"}, instead=lambda: led_to(plain, key))
    assert plain.dev.kube.items(GATEWAY_API, "HTTPRoute", key.namespace) == []
    note = plain.dev.kube.get(
        plain.dev.kube.path("v1", "ConfigMap", key.namespace, "fraud-tidegate")
    )
    assert note is not None
    with plain.store.begin() as tx:
        stored = intents.current_intent(tx, key)
        assert stored is not None
        assert note["data"]["generation"] == str(stored.intent.generation)
        gone = replace(
            stored.intent,
            stable=None,
            candidate=None,
            candidate_traffic=CandidateTraffic(),
            standby=(),
            author="ann",
        )
        intents.append_intent(tx, gone, stored.intent.generation)
    plain.until(lambda: plain.phase(key) == "gone", instead=lambda: plain.status(key))
    assert not plain.services(key)
    for kind, name in (("Service", "fraud"), ("ConfigMap", "fraud-tidegate")):
        assert plain.dev.kube.get(plain.dev.kube.path("v1", kind, key.namespace, name)) is None
