"""An InferenceService of somebody else on the real control plane: adopted while it serves, rolled
out, and back.

Its owner applies it with a field manager of their own. The worker looks at it and rolls out as a
process under exactly the shipped roles; the endpoint is stored as the API stores it.
"""

# ruff: noqa: F811  (the fixtures are named here for those who import them)
import json
import uuid

import pytest

from tests.cluster.desk import BY_HAND, GATEWAY_API, Desk, desk, key, model  # noqa: F401
from tests.cluster.objects import inference_service
from tests.cluster.routes import settled
from tidegate.core.adopting import Found, Survey
from tidegate.core.drivers.rendering import ENTRY
from tidegate.core.intent import EndpointKey, Mode, Runtime
from tidegate.core.rollout import ActionKind, Outcome, Rollout
from tidegate.core.strategy import Strategy, undo
from tidegate.deployment_service.preflight import StoreAsker
from tidegate.store import Started, endpoints, revisions, rollouts, workers
from tidegate.store.values import Created
from tidegate_local.devcluster.kube import Json, ready

pytestmark = [pytest.mark.cluster, pytest.mark.real]
ISVC = "serving.kserve.io/v1beta1"
REVISION = "serving.knative.dev/v1"
ROUTE = "fraud-tidegate"


def by_owner(desk: Desk, manifest: Json) -> str:
    """Apply as `kubectl apply --server-side` does; the object's path."""
    path = desk.dev.kube.path(
        ISVC, "InferenceService", manifest["metadata"]["namespace"], manifest["metadata"]["name"]
    )
    desk.dev.kube.call(
        "PATCH",
        path,
        json.dumps(manifest),
        "application/apply-patch+yaml",
        {"fieldManager": "kubectl"},
    )
    return path


def serving(desk: Desk, key: EndpointKey, mode: str) -> Json:
    """An owner's InferenceService that serves. A standard one is open to the world: KServe makes
    its route."""
    manifest = inference_service(
        key.namespace, key.name, mode, "theirs", minReplicas=1, maxReplicas=2
    )
    annotations = {"serving.kserve.io/deploymentMode": mode, "example.com/owner": "risk"}
    manifest["metadata"] |= {"labels": {"team": "risk"}, "annotations": annotations}
    manifest["spec"]["predictor"]["model"]["resources"] = {"limits": {"memory": "3Gi"}}
    return desk.dev.kube.wait(by_owner(desk, manifest), ready, 90.0)


def lives(desk: Desk) -> bool:
    """Whether the worker has reported."""
    with desk.store.read() as tx:
        return workers.newest(tx) is not None


def survey(desk: Desk, key: EndpointKey) -> Survey:
    """What the worker says of it, asked as the service asks; again while it has not read the
    cluster yet."""
    desk.until(lambda: lives(desk))
    asker = StoreAsker(desk.store, worker_timeout=30.0, limit=30.0)
    surveys: list[Survey] = []

    def looked() -> bool:
        surveys.append(asker.survey(key))
        return not surveys[-1].trouble

    desk.until(looked, instead=lambda: surveys[-1])
    return surveys[-1]


def adopt(desk: Desk, key: EndpointKey) -> Found:
    """As the service does."""
    answer = survey(desk, key)
    existing = answer.found
    assert existing is not None, answer
    with desk.store.begin() as tx:
        assert isinstance(
            endpoints.adopt(tx, key, existing, spec={}, author="ann", message="adopted"), Created
        )
    desk.until(lambda: desk.phase(key) == "ready", instead=lambda: desk.status(key))
    assert desk.shares(key) == {0: 100}
    return existing


def begin(desk: Desk, key: EndpointKey, strategy: Strategy, base: int, candidate: int) -> str:
    made = str(uuid.uuid4())
    with desk.store.begin() as tx:
        assert isinstance(
            rollouts.start(tx, key, Rollout(made, strategy, base, candidate, "ann")), Started
        )
    return made


def roll_out(desk: Desk, key: EndpointKey) -> str:
    """A rollout of r1 that waits for a person at 25 %."""
    with desk.store.begin() as tx:
        revisions.add_revision(tx, key, model(1), Runtime(), author="ann")
    made = begin(desk, key, BY_HAND, 0, 1)
    desk.until(lambda: desk.shares(key) == {0: 75, 1: 25}, instead=lambda: desk.status(key))
    return made


def all_to(desk: Desk, key: EndpointKey, rollout: str, revision: int) -> None:
    desk.until(lambda: desk.shares(key) == {revision: 100}, instead=lambda: desk.status(key))
    desk.until(lambda: desk.outcome(rollout) is Outcome.PROMOTED, instead=lambda: desk.status(key))


def theirs(desk: Desk, key: EndpointKey) -> Json:
    result = desk.dev.kube.get(
        desk.dev.kube.path(ISVC, "InferenceService", key.namespace, key.name)
    )
    assert result is not None
    return result


def desired(item: Json) -> tuple[str, int, Json, Json, Json]:
    """What an owner asked for, and the number that counts its changes."""
    meta = item["metadata"]
    return (
        meta["uid"],
        meta["generation"],
        meta.get("labels", {}),
        meta.get("annotations", {}),
        item["spec"],
    )


def pods(desk: Desk, key: EndpointKey, isvc: str = "fraud") -> dict[str, str]:
    """Pods of one InferenceService that are not on their way out: name -> uid."""
    results = (item["metadata"] for item in desk.dev.kube.items("v1", "Pod", key.namespace))
    label = "serving.kserve.io/inferenceservice"
    return {
        m["name"]: m["uid"]
        for m in results
        if m["labels"].get(label) == isvc and "deletionTimestamp" not in m
    }


def knative_revisions(desk: Desk, key: EndpointKey) -> dict[str, Json]:
    results = desk.dev.kube.items(REVISION, "Revision", key.namespace)
    return {item["metadata"]["name"]: item for item in results}


def test_a_standard_one_serves_on_untouched_through_a_promotion_and_an_undo(
    desk: Desk, key: EndpointKey
) -> None:
    before = desired(serving(desk, key, "Standard"))
    running = pods(desk, key)
    assert running
    routes = {
        item["metadata"]["name"]: item
        for item in desk.dev.kube.items(GATEWAY_API, "HTTPRoute", key.namespace)
    }
    assert "fraud" in routes, "KServe's own route has the endpoint's name"

    existing = adopt(desk, key)
    assert (existing.mode, existing.model.uri) == (Mode.STANDARD, "s3://models/add_sub/theirs/")
    ours = desk.dev.kube.path(GATEWAY_API, "HTTPRoute", key.namespace, ROUTE)
    desk.dev.kube.wait(ours, settled, 20.0)
    rollout = roll_out(desk, key)
    assert desk.services(key) == {"fraud", "fraud-r1"}
    desk.action(rollout, ActionKind.APPROVE)
    all_to(desk, key, rollout, 1)
    all_to(desk, key, begin(desk, key, undo(), 1, 0), 0)

    assert desired(theirs(desk, key)) == before
    assert pods(desk, key) == running
    for name, item in routes.items():
        now = desk.dev.kube.get(desk.dev.kube.path(GATEWAY_API, "HTTPRoute", key.namespace, name))
        assert now is not None
        assert now["spec"] == item["spec"], "its old address leads where it led"


def test_a_knative_one_changes_with_the_first_revision_of_ours_and_comes_back(
    desk: Desk, key: EndpointKey
) -> None:
    first = serving(desk, key, "Knative")
    before = desired(first)
    recorded = first["spec"]["predictor"]
    running = pods(desk, key)
    made = set(knative_revisions(desk, key))
    assert running
    assert len(made) == 1

    existing = adopt(desk, key)
    assert existing.mode is Mode.KNATIVE
    assert existing.adopted.predictor == recorded
    assert desired(theirs(desk, key)) == before
    assert set(knative_revisions(desk, key)) == made, "no new Knative revision"
    assert pods(desk, key) == running

    rollout = roll_out(desk, key)
    labels = theirs(desk, key)["metadata"]["labels"]
    assert labels["tidegate.dev/endpoint"] == "fraud"
    assert labels["team"] == "risk", "what its owner set beside ours stays"
    old, new = sorted(knative_revisions(desk, key))
    assert old in made
    assert knative_revisions(desk, key)[new]["metadata"]["labels"]["tidegate.dev/revision"] == "r1"
    assert running.items() <= pods(desk, key).items(), "r0 serves by the pods that it had"
    desk.action(rollout, ActionKind.APPROVE)
    all_to(desk, key, rollout, 1)
    assert theirs(desk, key)["spec"]["predictor"]["model"]["storageUri"] == "s3://models/add_sub/1/"

    all_to(desk, key, begin(desk, key, undo(), 1, 0), 0)
    desk.until(lambda: desk.phase(key) == "ready", instead=lambda: desk.status(key))
    last = theirs(desk, key)["spec"]["predictor"]
    assert last.pop("labels")["tidegate.dev/revision"] == "r0"
    assert last.pop("canaryTrafficPercent", 100) == 100
    assert set(last.pop("annotations")) == {ENTRY}
    assert last == recorded
