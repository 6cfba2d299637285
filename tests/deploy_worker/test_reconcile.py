"""One reconcile at a time, over a real store and the fake control plane: refusals, outages, lost
leases, explanations."""

import time
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from fixtures_postgres import Databases

from tests.simulation.lab import Lab
from tidegate.core import failed_writes as refusals
from tidegate.core.allowed import EVERYTHING, narrow
from tidegate.core.checks import ColdPod
from tidegate.core.conditions import Code
from tidegate.core.contract import Compatibility, Contract, Difference
from tidegate.core.drivers.rendering import Gateway, Platform, number_of
from tidegate.core.intent import CandidateTraffic, EndpointKey, Mode, Model, Runtime, Scaling
from tidegate.core.planned_writes import BACK_OFF_S
from tidegate.core.ports import (
    Apply,
    Capabilities,
    NoData,
    Refused,
    Resolved,
    Snapshot,
    Unavailable,
    Unresolved,
    Write,
    WriteResult,
)
from tidegate.core.reconcile import BLOCKED_S
from tidegate.core.rollout import ActionKind, Rollout
from tidegate.core.strategy import blue_green, canary, manual, undo
from tidegate.deploy_worker import reconcile as reconciles
from tidegate.deploy_worker.loop import POLL_S, Worker
from tidegate.deploy_worker.parts import Pace, Parts
from tidegate.deploy_worker.warm_up import trusting
from tidegate.store import (
    Lease,
    Store,
    StoreUnavailable,
    endpoints,
    intents,
    leases,
    ledger,
    rollouts,
)
from tidegate.store.migrate import migrate
from tidegate.store.revisions import add_revision
from tidegate_local.played.api import ISVC

pytestmark = pytest.mark.real
KEY = EndpointKey("team", "fraud")


class Meter:
    """Nobody counts."""

    def scrape(self, key: EndpointKey) -> NoData:
        return NoData("nobody counts here")


class Moody:
    """The lab's cluster, which a test can make refuse some writes, or not answer at all."""

    def __init__(self, lab: Lab) -> None:
        self._cluster = lab.cluster
        self.refuses = ""
        self.silent = self.lasting = False
        self.tried: list[str] = []
        self.watch = self._cluster.watch
        self.capabilities = self._cluster.capabilities

    def observe(self, key: EndpointKey) -> Snapshot | Unavailable:
        if self.silent:
            return Unavailable("connection refused", self.lasting)
        return self._cluster.observe(key)

    def write(self, action: Write, *, dry_run: bool = False) -> WriteResult:
        if isinstance(action, Apply):
            kind = action.manifest["kind"]
        else:
            kind = action.kind
        self.tried.append(kind)
        if kind == self.refuses:
            return Refused(f"admission webhook denied the request: no {kind} for you")
        return self._cluster.write(action, dry_run=dry_run)


class Desk:
    """A store with one endpoint, a lab, and a worker's hands."""

    def __init__(
        self,
        store: Store,
        mode: Mode = Mode.STANDARD,
        scaling: Scaling = Scaling(1, 2),  # noqa: B008
    ) -> None:
        self.store = store
        self.lab = Lab()
        self.cluster = Moody(self.lab)
        self.parts = Parts(
            store,
            self.cluster,
            Meter(),
            lambda store_id: Platform(store_id, Gateway("main", "gateways"), drain=0.0, steady=0.0),
            Capabilities,
            pace=Pace(interval=1.0),
            explain=lambda key, revision: (f"r{revision} answered 500 three times",),
        )
        with store.begin() as tx:
            endpoints.create(
                tx,
                KEY,
                mode=mode,
                spec={},
                model=Model("fraud", "1", "s3://m/1", "sha256-1"),
                runtime=Runtime(),
                scaling=scaling,
                author="ann",
                message="first",
            )

    def ask(self, **sources: Any) -> None:
        """From now on these sources answer the worker."""
        self.parts = replace(self.parts, sources=replace(self.parts.sources, **sources))

    def lease(self) -> Lease:
        with self.store.begin() as tx:
            leases.wake(tx, KEY)
        with self.store.begin() as tx:
            (lease,) = leases.claim(tx, "w1", limit=1, seconds=30)
        return lease

    def reconcile(self) -> str:
        result = reconciles.run(self.lease(), self.parts)
        self.lab.settle(1)
        return result

    def due(self) -> float:
        with self.store.read() as tx:
            return leases.next_due(tx) or 0.0

    @property
    def status(self) -> dict[str, object]:
        with self.store.read() as tx:
            endpoint = endpoints.get(tx, KEY)
        assert endpoint is not None
        return dict(endpoint.status)

    def ledger(self) -> list[tuple[str, str]]:
        with self.store.read() as tx:
            endpoint = endpoints.get(tx, KEY)
            assert endpoint is not None
            return [(entry.action, entry.message) for entry in ledger.read(tx, endpoint.id).items]


@pytest.fixture
def desk(databases: Databases) -> Iterator[Desk]:
    store = Store(databases.fresh(databases.template("migrated", migrate)))
    yield Desk(store)
    store.close()


def test_a_refusal_becomes_the_status_and_is_not_repeated(desk: Desk) -> None:
    desk.cluster.refuses = "InferenceService"
    for _ in range(4):
        desk.reconcile()
    assert desk.cluster.tried.count("InferenceService") == 1
    assert desk.status["phase"] == "degraded"
    assert "admission webhook denied the request: no InferenceService for you" in str(
        desk.status["message"]
    )


def test_a_refusal_is_tried_again_after_a_long_interval(desk: Desk) -> None:
    action = Apply({"kind": "InferenceService"}, None, "")
    refusal = refusals.remember(action, 3, "no", now=1000.0)
    assert refusal.covers(action, None, 3, 1000.0 + refusals.LONG_S - 1, refusals.LONG_S)
    assert not refusal.covers(action, None, 3, 1000.0 + refusals.LONG_S, refusals.LONG_S)
    assert not refusal.covers(action, None, 4, 1001.0, refusals.LONG_S)  # another intent
    # Another object
    assert not refusal.covers(
        Apply({"kind": "Service"}, None, ""), None, 3, 1001.0, refusals.LONG_S
    )


def test_other_writes_go_on_beside_a_refused_one(desk: Desk) -> None:
    desk.parts = replace(desk.parts, platform=lambda store_id: _with_alias(store_id))
    desk.cluster.refuses = "Service"
    for _ in range(6):
        desk.reconcile()
    assert desk.cluster.tried.count("Service") == 1
    assert desk.lab.shares("fraud") == {"r1": 100.0}
    assert "no Service for you" in str(desk.status["message"])


def _with_alias(store_id: str) -> Platform:
    return Platform(
        store_id, Gateway("main", "gateways", service="gateway.gateways.svc"), drain=0.0, steady=0.0
    )


def test_a_silent_cluster_is_said_and_keeps_what_was_known(desk: Desk) -> None:
    for _ in range(6):
        desk.reconcile()
    assert desk.status["phase"] == "ready"
    desk.cluster.silent = True
    assert desk.reconcile() == "unavailable"
    assert desk.status["phase"] == "unreachable"
    assert desk.status["message"] == "the cluster does not answer: connection refused"
    assert desk.status["traffic"] == {
        "rules": [{"match": [], "shares": [{"revision": 1, "percent": 100}], "mirrors": []}]
    }
    assert desk.due() <= BACK_OFF_S
    desk.cluster.lasting = True  # until a person does something, which wakes it
    desk.reconcile()
    assert desk.due() > BLOCKED_S / 2
    desk.cluster.silent = False
    desk.reconcile()
    assert desk.status["phase"] == "ready"


def test_nothing_is_written_once_the_lease_is_gone(desk: Desk) -> None:
    lease = desk.lease()
    with desk.store.begin() as tx:
        assert leases.extend(tx, lease, 0.0) is not None  # it ends now
    assert reconciles.run(lease, desk.parts) == "lost"
    assert desk.cluster.tried == []


def test_an_abort_is_explained_in_the_ledger(desk: Desk) -> None:
    for _ in range(6):
        desk.reconcile()
    with desk.store.begin() as tx:
        add_revision(tx, KEY, Model("fraud", "2", "s3://m/2", "sha256-2"), Runtime(), author="ann")
        rollouts.start(tx, KEY, Rollout("ro-1", canary(bake=0.0), 1, 2, "ann"))
    for _ in range(4):
        desk.reconcile()
    with desk.store.begin() as tx:
        rollouts.add_action(tx, "ro-1", ActionKind.ABORT, author="bob", reason="looks odd")
    for _ in range(4):
        desk.reconcile()
    assert ("explain", "r2: r2 answered 500 three times") in desk.ledger()
    assert desk.lab.shares("fraud") == {"r1": 100.0}


def test_the_end_of_a_log_comes_with_the_reason_and_is_kept_in_the_ledger(desk: Desk) -> None:
    lines = ("loading model", "CUDA error: out of memory")
    desk.ask(logs=lambda _, containers: dict.fromkeys(containers, lines))
    desk.lab.kubelet.crash("m/2", "exit code 1")
    for _ in range(6):
        desk.reconcile()
    with desk.store.begin() as tx:
        add_revision(tx, KEY, Model("fraud", "2", "s3://m/2", "sha256-2"), Runtime(), author="ann")
        rollouts.start(tx, KEY, Rollout("ro-1", canary(bake=0.0), 1, 2, "ann"))
    for _ in range(4):
        desk.reconcile()
    lives: Any = desk.status["live"]
    (live,) = [each for each in lives if each["revision"] == 2]
    assert live["trouble"]["failure"] == "exit code 1"
    assert live["trouble"]["log"] == list(lines)
    with desk.store.begin() as tx:
        rollouts.add_action(tx, "ro-1", ActionKind.ABORT, author="bob", reason="it crashes")
    for _ in range(4):
        desk.reconcile()
    for line in lines:
        assert ("explain", f"r2: kserve-container: {line}") in desk.ledger()


def test_a_field_that_somebody_changes_is_told_and_remembered(desk: Desk) -> None:
    for _ in range(6):
        desk.reconcile()
    change = {"spec": {"predictor": {"minReplicas": 2}}}
    desk.lab.objects.edit(ISVC, KEY.namespace, "fraud-r1", change, "kubectl-scale")
    desk.reconcile()
    (drift,) = desk.status["drift"]  # type: ignore[misc]
    assert (drift["field"], drift["manager"]) == ("spec.predictor.minReplicas", "kubectl-scale")
    assert not drift["put_back"]
    codes = [each["code"] for each in desk.status["conditions"]]  # type: ignore[attr-defined]
    assert Code.DRIFT in codes
    desk.reconcile()
    (later,) = desk.status["drift"]  # type: ignore[misc]
    assert later["seen_at"] > drift["seen_at"]
    assert later == {**drift, "put_back": True, "seen_at": later["seen_at"]}


def test_no_metric_source_is_asked_before_the_writes_toward_stable(desk: Desk) -> None:
    """A source that takes its time would hold a person's abort."""
    for _ in range(6):
        desk.reconcile()
    with desk.store.begin() as tx:
        add_revision(tx, KEY, Model("fraud", "2", "s3://m/2", "sha256-2"), Runtime(), author="ann")
        rollouts.start(tx, KEY, Rollout("ro-1", canary(bake=0.0), 1, 2, "ann"))
    for _ in range(6):
        desk.reconcile()
    calls: list[str] = []

    class Slow:
        def scrape(self, key: EndpointKey) -> NoData:
            calls.append("scrape")
            return NoData("slow")

    def explain(key: EndpointKey, revision: int) -> tuple[str, ...]:
        calls.append(f"explain after {len(desk.cluster.tried)} writes")
        return ()

    desk.parts = replace(desk.parts, meter=Slow(), explain=explain)
    with desk.store.begin() as tx:
        rollouts.add_action(tx, "ro-1", ActionKind.ABORT, author="bob")
    desk.cluster.tried.clear()
    desk.reconcile()
    assert desk.cluster.tried
    assert calls == [f"explain after {len(desk.cluster.tried)} writes"]


class Bytes:
    """A registry whose bytes a test can change."""

    def __init__(self, digest: str) -> None:
        self.digest = digest

    def resolve(self, uri: str) -> Resolved | Unresolved:
        if self.digest:
            return Resolved(uri, self.digest, mutable=True)
        return Unresolved("the store is away")


def test_a_candidate_gets_no_share_before_its_pods_are_warm(desk: Desk) -> None:
    requests: list[set[int]] = []

    def cold(snapshot: Snapshot, serving: Collection[int]) -> Mapping[str, ColdPod]:
        """Every pod of r2 is cold, unless r2 serves."""
        requests.append(set(serving))
        pods = []
        if 2 not in serving:
            pods = [p["metadata"]["uid"] for p in snapshot.all("Pod") if number_of(p) == 2]
        return dict.fromkeys(pods, ColdPod(2, "the warm-up did not succeed"))

    for _ in range(6):
        desk.reconcile()
    with desk.store.begin() as tx:
        add_revision(tx, KEY, Model("fraud", "2", "s3://m/2", "sha256-2"), Runtime(), author="ann")
        rollouts.start(tx, KEY, Rollout("ro-1", canary((50,), bake=1e6), 1, 2, "ann"))
    desk.ask(warm_up=cold)
    for _ in range(8):
        desk.reconcile()
    assert desk.lab.shares("fraud") == {"r1": 100.0}
    assert "the warm-up did not succeed" in str(desk.status["message"])
    desk.ask(warm_up=trusting)
    for _ in range(6):
        desk.reconcile()
    assert desk.lab.shares("fraud") == {"r1": 50.0, "r2": 50.0}
    desk.ask(warm_up=cold)
    desk.reconcile()
    assert requests[-1] == {1, 2}, "another worker, which knows of no warm pod, takes nothing away"
    assert desk.lab.shares("fraud") == {"r1": 50.0, "r2": 50.0}


def by_hand(desk: Desk, percent: int) -> None:
    """A person brings r2 with a percent, as PATCH does: the intent is theirs, the rollout
    controller only guards."""
    with desk.store.begin() as tx:
        add_revision(tx, KEY, Model("fraud", "2", "s3://m/2", "sha256-2"), Runtime(), author="ann")
        rollouts.start(tx, KEY, Rollout("ro-1", manual(), 1, 2, "ann"))
        stored = intents.current_intent(tx, KEY)
        assert stored is not None
        now = stored.intent
        intent = replace(
            now, candidate=2, candidate_traffic=CandidateTraffic(percent=percent), author="ann"
        )
        intents.append_intent(tx, intent, now.generation)


def test_no_percent_of_a_person_gets_ahead_of_the_contract(desk: Desk) -> None:
    """While it cannot be compared nothing moves; a breaking one takes the candidate back with its
    reason."""
    contracts: list[Contract | str] = ["the contract of r1 cannot be read: connection refused"]
    desk.ask(contracts=lambda _snapshot, _observed, _rollout: contracts[-1])
    for _ in range(6):
        desk.reconcile()
    by_hand(desk, 50)
    for _ in range(8):
        desk.reconcile()
    assert desk.lab.shares("fraud") == {"r1": 100.0}
    assert "the contract of r1 cannot be read" in str(desk.status["message"])
    gone = Difference("fraud", "input X is gone", breaking=True)
    contracts.append(Contract(Compatibility.BREAKING, (gone,), "fraud: input X is gone"))
    for _ in range(4):
        desk.reconcile()
    assert not any("r2" in split for split in desk.lab.history("fraud"))
    assert ("contract", "breaking: fraud: input X is gone") in desk.ledger()
    (abort,) = [message for action, message in desk.ledger() if action == "abort"]
    assert abort.startswith("back to r1: r2 breaks the contract of r1: fraud: input X is gone; ")


def test_no_percent_gets_ahead_of_the_contract_where_pods_may_go_to_zero(
    databases: Databases,
) -> None:
    """In Knative mode a revision without pods answers through the activator; one whose pods are
    held does not."""
    store = Store(databases.fresh(databases.template("migrated", migrate)))
    desk = Desk(store, Mode.KNATIVE, Scaling(0, 2))
    desk.ask(contracts=lambda *_: "the contract of r1 cannot be read: connection refused")
    for _ in range(8):
        desk.reconcile()
    by_hand(desk, 50)
    for _ in range(8):
        desk.reconcile()
    assert "the contract of r1 cannot be read" in str(desk.status["message"])
    assert not any(split.get("r2") for split in desk.lab.history("fraud"))
    desk.ask(contracts=lambda *_: Contract(Compatibility.COMPATIBLE))
    for _ in range(4):
        desk.reconcile()
    assert desk.lab.shares("fraud") == {"r1": 50.0, "r2": 50.0}
    store.close()


def test_no_promotion_by_hand_gets_ahead_of_the_contract(desk: Desk) -> None:
    """It is asked for while the candidate loads; the comparison comes when it is ready."""
    gone = Difference("fraud", "input X is gone", breaking=True)
    contract = Contract(Compatibility.BREAKING, (gone,), "fraud: input X is gone")
    desk.ask(contracts=lambda _snapshot, _observed, _rollout: contract)
    for _ in range(6):
        desk.reconcile()
    by_hand(desk, 0)
    with desk.store.begin() as tx:
        rollouts.add_action(tx, "ro-1", ActionKind.OVERRIDE, author="bob", reason="now")
        rollouts.add_action(tx, "ro-1", ActionKind.PROMOTE, author="bob", reason="now")
    for _ in range(6):
        desk.reconcile()
    assert not any("r2" in split for split in desk.lab.history("fraud"))
    (abort,) = [message for action, message in desk.ledger() if action == "abort"]
    assert abort.startswith("back to r1: r2 breaks the contract of r1: fraud: input X is gone; ")


def test_other_bytes_behind_a_mutable_model_end_its_rollout_before_it_rises(desk: Desk) -> None:
    desk.ask(registry=(store := Bytes("")))  # away: the rollout goes on
    for _ in range(6):
        desk.reconcile()
    with desk.store.begin() as tx:
        add_revision(
            tx,
            KEY,
            Model("fraud", "2", "s3://m/2", "sha256-2", mutable=True),
            Runtime(),
            author="ann",
        )
        rollouts.start(tx, KEY, Rollout("ro-1", blue_green(), 1, 2, "ann"))
    for _ in range(4):
        desk.reconcile()
    store.digest = "sha256-other"
    with desk.store.begin() as tx:
        rollouts.add_action(tx, "ro-1", ActionKind.PROMOTE, author="bob", reason="looks good")
    for _ in range(4):
        desk.reconcile()
    assert desk.lab.shares("fraud") == {"r1": 100.0}
    assert not any("r2" in split for split in desk.lab.history("fraud"))
    (message,) = [message for action, message in desk.ledger() if action == "abort"]
    assert (
        "the bytes at s3://m/2 changed since r2 was made (sha256-2 is now sha256-other)" in message
    )


def test_what_its_list_bars_from_the_beginning_is_looked_at_again(desk: Desk) -> None:
    desk.ask(allowed=narrow(("gs",)))
    assert desk.reconcile() == "blocked"
    status = desk.status
    assert status["phase"] == "blocked"
    assert "blocked: r1 is not allowed here any more: " in str(status["message"])
    with desk.store.read() as tx:
        due = leases.next_due(tx)
    assert due is not None  # a worker that was restarted with another default finds it by itself
    assert due <= BLOCKED_S
    desk.ask(allowed=EVERYTHING)
    for _ in range(6):
        desk.reconcile()
    assert desk.status["phase"] == "ready"


def test_an_undo_that_was_begun_is_carried_out_whatever_the_list_says_by_now(desk: Desk) -> None:
    for _ in range(6):
        desk.reconcile()
    with desk.store.begin() as tx:
        add_revision(tx, KEY, Model("fraud", "2", "gs://m/2", "sha256-2"), Runtime(), author="ann")
        rollouts.start(tx, KEY, Rollout("ro-1", undo(), 1, 2, "ann"))
    # R2 is not_allowed, and its pods are gone
    desk.ask(allowed=narrow(("s3",)))
    for _ in range(8):
        desk.reconcile()
    assert desk.lab.shares("fraud") == {"r2": 100.0}


def test_threads_come_back_when_the_database_is_away(desk: Desk) -> None:
    worker = Worker("w1", desk.parts, desk.store.url, threads=3)
    away = Store("postgresql://nobody@127.0.0.1:1/none")
    worker._parts = replace(desk.parts, store=away)
    worker.seen_at = time.monotonic()  # its sign of life is not due
    with ThreadPoolExecutor(3) as pool:
        for _ in range(3):
            with pytest.raises(StoreUnavailable):
                worker._turn(pool)
        assert worker._taken == 0
        worker._parts = desk.parts
        assert worker._turn(pool) <= POLL_S
    away.close()
