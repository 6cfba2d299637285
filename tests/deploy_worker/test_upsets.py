"""What goes wrong around a reconcile: slow stores, actions that come in between, webhooks that
meddle, bugs."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from fixtures_postgres import Databases

from tests.deploy_worker.test_reconcile import KEY, Desk
from tidegate.core import failed_writes as refusals
from tidegate.core.drivers.rendering import Gateway, Platform
from tidegate.core.intent import (
    CandidateTraffic,
    HeaderMatch,
    Intent,
    Mode,
    Model,
    Runtime,
    Scaling,
)
from tidegate.core.observation import Observation
from tidegate.core.ports import (
    Apply,
    Conflict,
    Done,
    Refused,
    Resolved,
    Snapshot,
    Unavailable,
    Write,
    WriteResult,
)
from tidegate.core.rollout import ActionKind, End, Outcome, Progress, Rollout
from tidegate.core.strategy import blue_green, canary
from tidegate.core.traffic import desired
from tidegate.deploy_worker import reconcile as reconciles
from tidegate.deploy_worker.parts import Pace
from tidegate.deploy_worker.rereading import LONGEST_S, Asked, Rereading
from tidegate.store import Lease, Store, intents, leases, rollouts
from tidegate.store.migrate import migrate
from tidegate.store.revisions import add_revision
from tidegate_local.played.api import HTTP_ROUTE, ISVC

pytestmark = pytest.mark.real


@pytest.fixture
def desk(databases: Databases) -> Iterator[Desk]:
    store = Store(databases.fresh(databases.template("migrated", migrate)))
    yield Desk(store)
    store.close()


def begun(desk: Desk, rollout: Rollout, *, mutable: bool = False) -> None:
    """r1 serves, and r2 is the candidate."""
    for _ in range(6):
        desk.reconcile()
    with desk.store.begin() as tx:
        add_revision(
            tx,
            KEY,
            Model("fraud", "2", "s3://m/2", "sha256-2", mutable=mutable),
            Runtime(),
            author="ann",
        )
        rollouts.start(tx, KEY, rollout)


def write(desk: Desk, kind: ActionKind) -> None:
    with desk.store.begin() as tx:
        rollouts.add_action(tx, "ro-1", kind, author="bob", reason="now")


class Slow:
    """A store whose bytes take as long as the test wants."""

    def __init__(self) -> None:
        self.read = threading.Event()
        self.asked = 0

    def resolve(self, uri: str) -> Resolved:
        self.asked += 1
        assert self.read.wait(60)
        return Resolved(uri, "sha256-2", mutable=True)


def promoting(desk: Desk) -> Slow:
    """A mutable r2 is up, and somebody asks to promote it; its bytes come when the store that is
    answered says so."""
    desk.ask(registry=(slow := Slow()), rereading=Rereading(patience=0.01))
    begun(desk, Rollout("ro-1", blue_green(), 1, 2, "ann"), mutable=True)
    for _ in range(4):
        desk.reconcile()
    write(desk, ActionKind.PROMOTE)
    return slow


def test_a_large_mutable_model_is_read_beside_the_reconciles(desk: Desk) -> None:
    """The rise waits with a reason; nothing else does, and it is read once."""
    slow = promoting(desk)
    for _ in range(3):
        assert desk.reconcile() == "ok"
    assert desk.lab.shares("fraud") == {"r1": 100.0}
    assert "r2 waits: its bytes at s3://m/2 may have changed and are being read again" in str(
        desk.status["message"]
    )
    assert slow.asked == 1
    slow.read.set()
    desk.ask(rereading=_patient(desk.parts.sources.rereading))
    for _ in range(4):
        desk.reconcile()
    assert desk.lab.shares("fraud") == {"r2": 100.0}
    assert slow.asked == 1


def _patient(reading: Rereading) -> Rereading:
    reading._patience = 30.0
    return reading


def test_a_model_that_is_being_read_keeps_no_abort_waiting(desk: Desk) -> None:
    slow = promoting(desk)
    desk.reconcile()
    write(desk, ActionKind.ABORT)
    desk.reconcile()
    with desk.store.read() as tx:
        now = intents.current_intent(tx, KEY)
    assert now is not None
    assert (now.intent.stable, now.intent.candidate) == (1, None)
    slow.read.set()


def test_a_store_that_never_tells_all_is_one_that_is_away() -> None:
    now = [0.0]
    reading = Rereading(patience=0.0, clock=lambda: now[0])
    slow = Slow()
    request = Asked(KEY, 3, "s3://m/2")
    assert reading(slow, request) is None
    now[0] = LONGEST_S + 1
    resolved = reading(slow, request)
    assert resolved is not None
    assert not isinstance(resolved, Resolved)
    slow.read.set()


def test_nothing_rises_past_an_abort_that_came_after_the_observation(desk: Desk) -> None:
    begun(desk, Rollout("ro-1", canary((50,), bake=0.0), 1, 2, "ann"))
    observe = desk.cluster.observe

    def between(key: Any) -> Any:
        """r2 is up: this reconcile would raise it. The abort is accepted while it looks."""
        seen = observe(key)
        up = isinstance(seen, Snapshot) and any(
            o["kind"] == "Deployment" and o["metadata"]["name"] == "fraud-r2-predictor"
            and (o.get("status") or {}).get("availableReplicas") for o in seen.objects
        )  # fmt: skip
        if up:
            desk.cluster.observe = observe  # type: ignore[method-assign]
            write(desk, ActionKind.ABORT)
        return seen

    desk.cluster.observe = between  # type: ignore[method-assign]
    results = [desk.reconcile() for _ in range(12)]
    assert desk.cluster.observe == observe
    assert "stale" in results
    with desk.store.read() as tx:
        shares = [
            stored.intent.candidate_traffic.percent for stored in intents.history(tx, KEY).items
        ]
    assert max(shares) == 0
    assert not any(split.get("r2") for split in desk.lab.history("fraud"))


class Meddled:
    """The desk's cluster with something of a test's in the way of each write."""

    def __init__(self, desk: Desk, instead: Callable[[Write], WriteResult | Write]) -> None:
        self._cluster = desk.cluster
        self._instead = instead
        self.tried: list[str] = []
        self.observe = desk.cluster.observe
        self.watch = desk.cluster.watch
        self.capabilities = desk.cluster.capabilities
        desk.parts = replace(desk.parts, cluster=self)

    def write(self, write: Write, *, dry_run: bool = False) -> WriteResult:
        self.tried.append(write.manifest["kind"] if isinstance(write, Apply) else write.kind)
        done = self._instead(write)
        return self._cluster.write(done, dry_run=dry_run) if isinstance(done, Apply) else done  # type: ignore[return-value]


def two_writes(desk: Desk) -> None:
    """The next reconcile has two, as the endpoint has an address inside the cluster."""
    gateway = Gateway("main", "gateways", service="gateway.gateways.svc")
    desk.parts = replace(
        desk.parts, platform=lambda store_id: Platform(store_id, gateway, drain=0.0, steady=0.0)
    )
    desk.reconcile()


def leased(desk: Desk) -> float:
    """Seconds until the endpoint is due."""
    with desk.store.read() as tx:
        due = leases.next_due(tx)
    assert due is not None
    return due


def test_a_write_that_was_planned_for_another_intent_is_not_made(desk: Desk) -> None:
    def patched(write: Write) -> Write:
        if len(cluster.tried) == 1:
            with desk.store.begin() as tx:
                stored = intents.current_intent(tx, KEY)
                assert stored is not None
                intents.append_intent(
                    tx, replace(stored.intent, author="ann"), stored.intent.generation
                )
        return write

    two_writes(desk)
    cluster = Meddled(desk, patched)
    assert desk.reconcile() == "stale"
    assert len(cluster.tried) == 1
    assert leased(desk) == 0.0


def test_no_write_outlives_its_lease(desk: Desk) -> None:
    """A lease of 30 s, and writes that may take 40; after one that nobody answered, its like
    waits."""
    left: list[float] = []

    def slow(write: Write) -> WriteResult:
        left.append(leased(desk))
        return Unavailable("timed out")

    begun(desk, Rollout("ro-1", blue_green(), 1, 2, "ann"))
    for _ in range(4):
        desk.reconcile()
    with desk.store.begin() as tx:
        stored = intents.current_intent(tx, KEY)
        assert stored is not None
        intents.append_intent(
            tx, replace(stored.intent, scaling=Scaling(2, 4)), stored.intent.generation
        )
    two_writes(desk)
    cluster = Meddled(desk, slow)
    desk.parts = replace(desk.parts, pace=Pace(write_s=40.0))
    assert desk.reconcile() == "ok"
    assert min(left) > 35.0
    assert cluster.tried == ["InferenceService", "Service"]


def test_a_bug_in_a_reconcile_is_told_and_does_not_keep_the_lease(desk: Desk) -> None:
    for _ in range(6):
        desk.reconcile()

    def broken(snapshot: Snapshot, serving: Any) -> Any:
        raise ValueError("no such colour")

    whole = desk.parts
    desk.ask(warm_up=broken)
    assert desk.reconcile() == "failed"
    assert desk.status["phase"] == "blocked"
    assert str(desk.status["message"]).endswith("ValueError: no such colour")
    assert desk.status["traffic"]
    assert leased(desk) <= reconciles.FAILED_S
    desk.parts = whole
    desk.reconcile()
    assert str(desk.status["message"]) == "r1 100 %"


def test_a_stamp_that_was_made_unreadable_is_put_right(desk: Desk) -> None:
    for _ in range(6):
        desk.reconcile()
    change = {"metadata": {"annotations": {"tidegate.dev/generation": "four"}}}
    assert desk.lab.objects.edit(HTTP_ROUTE, KEY.namespace, KEY.name, change) == Done()
    for _ in range(2):
        assert desk.reconcile() == "ok"
    assert (
        desk.lab.get(HTTP_ROUTE, KEY.name)["metadata"]["annotations"]["tidegate.dev/generation"]
        == "1"
    )


def test_refused_writes_on_the_way_back_are_tried_again_soon() -> None:
    back = Intent(KEY, 3, Mode.STANDARD, 1, mark="m")
    away = replace(back, candidate=2, candidate_traffic=CandidateTraffic(percent=50))
    at_stable = Observation(traffic=desired(back))
    at_half = Observation(traffic=desired(away))
    assert refusals.interval(back, at_half, ()) == refusals.SOON_S
    assert refusals.interval(away, at_stable, ()) == refusals.LONG_S
    assert refusals.interval(back, at_stable, ()) == refusals.LONG_S
    assert (
        refusals.interval(back, at_stable, (Progress(end=End(toward=Outcome.ABORTED)),))
        == refusals.SOON_S
    )
    assert refusals.interval(replace(back, stable=None), at_stable, ()) == refusals.SOON_S


def test_a_percent_that_is_too_high_beside_a_header_match_is_on_the_way_back() -> None:
    match = (HeaderMatch("x-beta", "yes"),)
    traffic = CandidateTraffic(percent=5, match=match)
    low = Intent(KEY, 3, Mode.STANDARD, 1, 2, traffic, mark="m")
    high = replace(low, candidate_traffic=replace(traffic, percent=50))
    copies = replace(low, candidate_traffic=replace(traffic, mirror=50))
    unmatched = replace(low, candidate_traffic=CandidateTraffic(percent=5))
    assert refusals.interval(low, Observation(traffic=desired(low)), ()) == refusals.LONG_S
    for routed in (high, copies):
        seen = Observation(traffic=desired(routed))
        assert refusals.interval(low, seen, ()) == refusals.SOON_S
    matched = Observation(traffic=desired(low))
    assert refusals.interval(unmatched, matched, ()) == refusals.SOON_S


def test_each_refused_write_is_remembered(desk: Desk) -> None:
    two_writes(desk)
    cluster = Meddled(desk, lambda _: Refused("no"))
    for _ in range(4):
        desk.reconcile()
    assert sorted(cluster.tried) == ["InferenceService", "Service"]


def test_what_admission_changes_back_is_told_not_written_for_ever(desk: Desk) -> None:
    def mutated(write: Write) -> Write:
        """A policy that knows better how long pods may take to end."""
        if not isinstance(write, Apply) or write.manifest["kind"] != "InferenceService":
            return write
        spec = write.manifest["spec"]
        return replace(
            write,
            manifest={
                **write.manifest,
                "spec": {
                    **spec,
                    "predictor": {**spec["predictor"], "terminationGracePeriodSeconds": 1},
                },
            },
        )

    cluster = Meddled(desk, mutated)
    for _ in range(10):
        desk.reconcile()
    assert cluster.tried.count("InferenceService") == 2
    assert desk.status["phase"] == "degraded"
    message = "changed back by the cluster's admission: spec.predictor.terminationGracePeriodSeconds of Infer"
    assert message in str(desk.status["message"])


def test_what_somebody_deletes_and_finalizers_hold_is_waited_for_with_a_reason(desk: Desk) -> None:
    for _ in range(6):
        desk.reconcile()
    observe = desk.cluster.observe

    def going(key: Any) -> Any:
        seen = observe(key)
        assert isinstance(seen, Snapshot)
        return replace(seen, objects=tuple(map(_terminating, seen.objects)))

    desk.cluster.observe = going  # type: ignore[method-assign]
    written = len(desk.cluster.tried)
    for _ in range(3):
        desk.reconcile()
    assert len(desk.cluster.tried) == written
    assert desk.status["phase"] == "progressing"
    assert "InferenceService fraud-r1 is being deleted but needed" in str(desk.status["message"])


def _terminating(item: Any) -> Any:
    if item["kind"] != ISVC.kind:
        return item
    return {**item, "metadata": {**item["metadata"], "deletionTimestamp": "2026-01-01T00:00:00Z"}}


def test_a_conflict_is_no_hot_loop(desk: Desk) -> None:
    Meddled(desk, lambda _: Conflict("409"))
    desk.reconcile()
    assert leased(desk) > 0.0


def test_a_lease_knows_what_was_asked_since(desk: Desk) -> None:
    begun(desk, Rollout("ro-1", canary(), 1, 2, "ann"))
    lease: Lease = desk.lease()

    def overtaken(generation: int) -> bool:
        with desk.store.single() as tx:
            held = leases.holds(tx, lease, generation=generation, action=0)
        assert held is not None
        return held.overtaken

    assert not overtaken(1)
    assert overtaken(2)
    write(desk, ActionKind.PAUSE)
    assert overtaken(1)
