"""What a rollout stands on the real control plane, in both modes: each endpoint comes to its
intent, nothing is left over, and no tick of etcd's log shows traffic at a wrong revision. The
worker runs under exactly the shipped roles."""

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

import pytest

from tests.cluster.faults.crashes import killed_at
from tests.cluster.faults.fleet import ISVC, PERCENT, FleetRollout
from tests.cluster.faults.lab import Lab, laboratory, seed
from tests.cluster.faults.rules import most_given
from tests.cluster.faults.wire import Wire, rewired
from tests.cluster.faults.workers import GATEWAY_API
from tidegate.core.drivers.rendering import ENDPOINT, REVISION
from tidegate.core.intent import EndpointKey, Mode
from tidegate.core.rollout import ActionKind, Outcome
from tidegate.store import Store
from tidegate.store.engine import row
from tidegate_local.devcluster.kube import KubeError

pytestmark = [pytest.mark.cluster, pytest.mark.real]


@pytest.fixture(scope="module")
def plane(databases: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with laboratory(tmp_path_factory.mktemp("faults"), databases) as result:
        yield result


@pytest.fixture
def lab(plane: Lab) -> Lab:
    plane.muster()
    return plane


def test_the_api_server_and_etcd_are_killed_in_the_middle_of_a_rollout(lab: Lab) -> None:
    with lab.worker():
        lab.fleet.start(wait=False)
        lab.kill("kube-apiserver")
        lab.fleet.until(lambda rollout: rollout.waits)
        lab.kill("etcd", "kube-apiserver")
        lab.fleet.check(lab.fleet.decide())
        lab.kill("kube-apiserver")
        lab.fleet.delete()


def test_a_worker_is_killed_between_two_writes(lab: Lab) -> None:
    chance = random.Random(seed())
    points = {
        rollout.key: [chance.randrange(1, 12), chance.randrange(12, 40)]
        for rollout in lab.fleet.rollouts
    }
    with killed_at(lab, points) as deaths:
        lab.fleet.start()
        lab.fleet.check(lab.fleet.decide(), 240.0)
    assert deaths(), "no point was reached: nothing was tested"


def test_two_workers_of_which_one_is_killed(lab: Lab) -> None:
    with lab.worker("one"):
        lab.workers.start("two")
        lab.fleet.start()
        desired = lab.fleet.decide()
        lab.workers.kill("two")
        lab.workers.start("two")
        lab.fleet.check(desired)


def test_the_watch_breaks_in_the_middle_of_a_line(lab: Lab) -> None:
    wire = Wire(lab.dev.plane.ports.get("apiserver"))
    try:
        with lab.worker(TIDEGATE_KUBECONFIG=str(rewired(lab.workers.kubeconfig, wire.port))):
            lab.fleet.start(wait=False)
            lab.fleet.until(lambda rollout: len(rollout.intents()) > 1)
            assert wire.cut() > 10, "each watch has a connection"
            wire.fray(random.Random(seed()))
            lab.fleet.until(lambda rollout: rollout.waits)
            wire.refuse()
            desired = lab.fleet.decide()
            lab.fleet.until(lambda rollout: "unreachable" in str(rollout.status().get("phase")))
            wire.fray(None)
            wire.mend()
            lab.fleet.check(desired)
    finally:
        wire.close()


@contextmanager
def patching(lab: Lab, key: EndpointKey, mode: Mode) -> Iterator[list[int]]:
    """Somebody patches the endpoint's object 50 times a second: an annotation of the route, or,
    where an annotation would make a new revision, a part of the status that nobody else writes.
    Yields how often that was."""
    kube, stop, count = lab.dev.kube, threading.Event(), [0]
    if mode is Mode.STANDARD:
        path = kube.path(GATEWAY_API, "HTTPRoute", key.namespace, key.name)
    else:
        path = (
            kube.path("serving.kserve.io/v1beta1", "InferenceService", key.namespace, key.name)
            + "/status"
        )

    def change(number: int) -> dict[str, Any]:
        if mode is Mode.STANDARD:
            return {"metadata": {"annotations": {"example.com/counter": str(number)}}}
        return {"status": {"servingRuntimeName": f"counter-{number}"}}

    def run() -> None:
        while not stop.wait(0.02):
            with suppress(KubeError):
                kube.patch(path, change(count[0]))
                count[0] += 1

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield count
    finally:
        stop.set()
        thread.join()


@pytest.mark.parametrize("mode", list(Mode))
def test_an_abort_is_not_starved_by_somebody_who_patches_the_same_object(
    lab: Lab, mode: Mode
) -> None:
    with lab.worker():
        lab.fleet.start()
        rollout = next(rollout for rollout in lab.fleet.rollouts if rollout.mode is mode)
        with patching(lab, rollout.key, mode) as count:
            lab.fleet.until(lambda _: count[0] > 20)
            rollout.end(ActionKind.ABORT)
            lab.fleet.until(lambda t: t.shares() == {t.stable: 100}, of=[rollout])
            began = count[0]
            lab.fleet.until(lambda _: count[0] > began + 20)
        for other in lab.fleet.rollouts:
            if other is not rollout:
                other.end(ActionKind.ABORT)
        lab.fleet.check({t.key: Outcome.ABORTED for t in lab.fleet.rollouts})


@contextmanager
def webhooks(lab: Lab, change: dict[str, Any]) -> Iterator[None]:
    """KServe's webhooks are registered otherwise for a while."""
    kube = lab.dev.kube
    group = "admissionregistration.k8s.io/v1"
    kinds = ("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration")
    results = [
        item | {"apiVersion": group, "kind": kind}
        for kind in kinds
        for item in kube.items(group, kind)
    ]
    results = [item for item in results if "serving.kserve.io" in item["metadata"]["name"]]
    assert results, "KServe has webhooks"
    for item in results:
        _rewrite(
            lab,
            item,
            [
                {
                    **hook,
                    **change,
                    "clientConfig": hook["clientConfig"] | change.get("clientConfig", {}),
                }
                for hook in item["webhooks"]
            ],
        )
    try:
        yield
    finally:
        for item in results:
            _rewrite(lab, item, item["webhooks"])


def _rewrite(lab: Lab, item: dict[str, Any], hooks: list[dict[str, Any]]) -> None:
    path = lab.dev.kube.path(item["apiVersion"], item["kind"], None, item["metadata"]["name"])
    lab.dev.kube.patch(path, {"webhooks": hooks})


@contextmanager
def kserve_away(lab: Lab) -> Iterator[None]:
    """Its controller is stopped, and started again."""
    lab.dev.plane.pause("kserve-manager")
    try:
        yield
    finally:
        lab.dev.plane.resume("kserve-manager")


def test_kserves_controller_is_down_for_a_while(lab: Lab) -> None:
    with lab.worker():
        with webhooks(lab, {"failurePolicy": "Ignore"}):
            with kserve_away(lab):
                lab.fleet.start(wait=False)
                lab.fleet.until(lambda rollout: f"r{rollout.candidate}" in _heads_of(lab, rollout))
                assert not any(rollout.waits for rollout in lab.fleet.rollouts)
            lab.fleet.until(lambda rollout: rollout.waits)
            with kserve_away(lab):
                desired = lab.fleet.decide()
        lab.fleet.check(desired)


def test_a_promotion_is_rolled_back_before_kserve_has_seen_it(lab: Lab) -> None:
    """Knative mode, where KServe moves the traffic: the candidate never gets what the promotion
    would have given it."""
    with lab.worker():
        lab.fleet.start()
        rollouts = [rollout for rollout in lab.fleet.rollouts if rollout.mode is Mode.KNATIVE]
        # KServe tells of nothing while it is away
        lab.fleet.until(lambda rollout: rollout.status()["settled"], of=rollouts)
        with webhooks(lab, {"failurePolicy": "Ignore"}), kserve_away(lab):
            desired = {rollout.key: Outcome.ABORTED for rollout in rollouts}
            for rollout in lab.fleet.rollouts:
                rollout.end(ActionKind.APPROVE)
                desired.setdefault(rollout.key, Outcome.PROMOTED)
            lab.fleet.until(lambda rollout: _percent(lab, rollout) == 100, of=rollouts)
            for rollout in rollouts:
                rollout.end(ActionKind.ABORT)
            lab.fleet.until(lambda rollout: _percent(lab, rollout) == 0, of=rollouts)
        lab.fleet.check(desired)
        for rollout in rollouts:
            values = most_given(rollout.key, lab.ticks.of(rollout.key.namespace))
            assert values[rollout.candidate] == PERCENT, values


def _percent(lab: Lab, rollout: FleetRollout) -> object:
    """What is written for the candidate."""
    result = lab.dev.kube.get(
        lab.dev.kube.path(ISVC, "InferenceService", rollout.key.namespace, rollout.key.name)
    )
    assert result is not None
    return result["spec"]["predictor"].get("canaryTrafficPercent")


def _heads_of(lab: Lab, rollout: FleetRollout) -> set[str]:
    """The revisions that our InferenceServices name."""
    results = [
        item
        for item in lab.dev.kube.items(ISVC, "InferenceService", rollout.key.namespace)
        if _is_of(rollout, item)
    ]
    labels = [
        item["spec"]["predictor"].get("labels", {}) | item["metadata"].get("labels", {})
        for item in results
    ]
    return {label[REVISION] for label in labels if REVISION in label}


def _is_of(rollout: FleetRollout, item: dict[str, Any]) -> bool:
    return bool(item["metadata"]["labels"].get(ENDPOINT) == rollout.key.name)


def _messages(rollout: FleetRollout) -> list[str]:
    status = rollout.status()
    return [status.get("message", ""), *status.get("waiting", ())]


def test_a_webhook_is_down_and_comes_back(lab: Lab) -> None:
    with lab.worker():
        with webhooks(lab, {"clientConfig": {"url": "https://127.0.0.1:1/nobody"}}):
            lab.fleet.start(wait=False)
            lab.fleet.until(
                lambda rollout: any("webhook" in message for message in _messages(rollout))
            )
        lab.fleet.until(lambda rollout: rollout.waits)
        with webhooks(lab, {"clientConfig": {"url": "https://127.0.0.1:1/nobody"}}):
            desired = lab.fleet.decide()
            routed = [rollout for rollout in lab.fleet.rollouts if rollout.mode is Mode.STANDARD]
            lab.fleet.until(lambda t: len(t.shares()) == 1, of=routed)
        lab.fleet.check(desired)


def _heads(lab: Lab) -> dict[tuple[str, str, str], tuple[str, int]]:
    """Everything that we write, with what changes when it is written."""
    kinds = (
        (GATEWAY_API, "HTTPRoute"),
        (ISVC, "InferenceService"),
        ("v1", "ConfigMap"),
        ("v1", "Service"),
    )
    spaces = {rollout.key.namespace for rollout in lab.fleet.rollouts}
    items = [
        (k, s, item["metadata"])
        for v, k in kinds
        for s in spaces
        for item in lab.dev.kube.items(v, k, s)
    ]
    return {(k, s, meta["name"]): (meta["uid"], meta.get("generation", 0)) for k, s, meta in items}


def test_with_an_older_database_nothing_is_written_and_that_is_said(lab: Lab) -> None:
    lab.store.close()  # Postgres copies no database that is in use
    backup = lab.databases.fresh(template=lab.workers.url.rpartition("/")[2])
    with lab.worker():
        lab.fleet.start()
        lab.fleet.check(lab.fleet.decide())
    before = _heads(lab)
    old = Store(backup)
    try:
        restored = [replace(rollout, store=old) for rollout in lab.fleet.rollouts]
        for rollout in restored:
            rollout.start()  # the rollout controller would have work
        with lab.worker(TIDEGATE_DATABASE_URL=backup):
            lab.fleet.until(lambda t: t.status().get("phase") == "blocked", of=restored)
            for rollout in restored:
                assert "the database is older than the cluster" in rollout.status()["message"]
                rollout.end(ActionKind.ABORT)  # not even toward stable
            lab.fleet.until(lambda t: _looked_at(old, t.key), of=restored)
        assert _heads(lab) == before
    finally:
        old.close()
        lab.databases.drop(backup)
    with lab.worker():
        lab.fleet.start()
        lab.fleet.check(lab.fleet.decide())


def _looked_at(store: Store, key: EndpointKey) -> bool:
    """Whether a reconcile has ended since the last wake-up: the next reconcile is far away."""
    with store.read() as tx:
        result = row(
            tx,
            """SELECT lease_token IS NULL AND due_at > now() + interval '20 s' AS so FROM endpoints
               WHERE namespace = :namespace AND name = :name""",
            namespace=key.namespace,
            name=key.name,
        )
    return bool(result and result.so)
