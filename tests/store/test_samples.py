"""Samples are stored with the progress they belong to, thin themselves, and go some days after the
rollout's end."""

from dataclasses import replace

import pytest
from store.builders import KEY, claim_one, make_endpoint, make_rollout

from tidegate.core.evalues import Arm, Block
from tidegate.core.evidence import Verdict
from tidegate.core.rollout import End, Outcome, Progress
from tidegate.core.sampling import CandidateShare, MetricSample, RolloutSample
from tidegate.core.thinning import Place, Thinning, due
from tidegate.core.traffic import Rule, Share, Traffic
from tidegate.store import housekeeping, leases, reconciles, rollouts, samples
from tidegate.store.engine import Store, row, run
from tidegate.store.values import Lease, LostLease

pytestmark = pytest.mark.real
EMPTY = Block()
COUNTS = Block(Arm(40, 1), Arm(360, 2), 5.0)


def sample(at: float, place: Place = Place(0)) -> RolloutSample:  # noqa: B008
    metric = MetricSample("errors", Verdict.FAIL, COUNTS, COUNTS, 500.5, -0.25, 5.3, 4.6)
    share = CandidateShare(10)
    return RolloutSample(at, place, 1, share, share, COUNTS, (metric,), ())


def started(store: Store) -> Lease:
    make_endpoint(store)
    with store.begin() as tx:
        rollouts.start(tx, KEY, make_rollout())
    return claim_one(store)


def kept(store: Store) -> list[RolloutSample]:
    with store.read() as tx:
        return list(samples.of_rollout(tx, "one"))


def test_a_sample_comes_back_as_it_was_and_once(store: Store) -> None:
    lease = started(store)
    for _ in range(2):  # with an intent, and again with the status
        with store.begin() as tx:
            progress = [("one", Progress())]
            sampled = [("one", sample(100.0))]
            reconciles.record(tx, lease, progress=progress, sampled=sampled, release=False)
    assert kept(store) == [sample(100.0)]


def test_without_the_lease_no_sample_is_stored(store: Store) -> None:
    lease = replace(started(store), token="00000000-0000-0000-0000-000000000000")
    with store.begin() as tx:
        result = reconciles.record(tx, lease, sampled=[("one", sample(100.0))])
    assert isinstance(result, LostLease)
    assert kept(store) == []


def test_the_database_thins_as_the_core_does(store: Store) -> None:
    started(store)
    thinning = Thinning()
    expected: list[tuple[float, int | None]] = []
    with store.begin() as tx:
        for turn in range(2000):
            thinning, place = due(thinning, float(turn), (f"step {turn // 400}",), 1.0)
            if place is None:
                continue
            samples.add(tx, [("one", sample(float(turn), place))])
            level = place.drops or 0
            expected = [(at, n) for at, n in expected if n is None or n % 2**level == 0]
            expected.append((float(turn), place.number))
    stored = kept(store)
    assert [(each.at, each.place.number) for each in stored] == expected
    assert 300 <= len(stored) < 1000


def test_samples_go_some_days_after_the_end_and_not_before(store: Store) -> None:
    lease = started(store)
    with store.begin() as tx:
        reconciles.record(tx, lease, progress=[("one", Progress())], sampled=[("one", sample(1.0))])
        run(tx, "UPDATE progress SET updated_at = now() - interval '40 days'")
    with store.begin() as tx:
        assert housekeeping.prune(tx, 30) == 0  # it still runs
        leases.wake(tx, KEY)
    ended = Progress(outcome=Outcome.ABORTED, end=End(tidy=True))
    lease = claim_one(store)
    with store.begin() as tx:
        reconciles.record(tx, lease, progress=[("one", ended)])
        run(tx, "UPDATE progress SET updated_at = now() - interval '29 days'")
        assert housekeeping.prune(tx, 30) == 0
        run(tx, "UPDATE progress SET updated_at = now() - interval '31 days'")
        assert housekeeping.prune(tx, 30) == 1
    assert kept(store) == []


def test_what_is_routed_now_is_never_forgotten(store: Store) -> None:
    created = make_endpoint(store)
    traffic = Traffic((Rule((), (Share(1, 100),)),))
    with store.begin() as tx:
        now = row(tx, "SELECT extract(epoch FROM now())::float8 AS now")
        assert now is not None
        day = 86_400.0
        for days, content in ((300, traffic), (200, None), (1, traffic)):
            samples.add_routed(tx, created.endpoint.id, now.now - days * day, 1, content)
        assert housekeeping.prune(tx, 90) == 1
        left = samples.routed(tx, created.endpoint.id, now.now - 100 * day, now.now, 10)
    assert [each.traffic for each in left] == [None, traffic]
    assert left[1].generation == 1


def test_a_window_begins_with_what_was_routed_at_its_start(store: Store) -> None:
    created = make_endpoint(store)
    with store.begin() as tx:
        for at in (100.0, 200.0, 300.0):
            samples.add_routed(tx, created.endpoint.id, at, None, None)
        times = [each.at for each in samples.routed(tx, created.endpoint.id, 250.0, 300.0, 10)]
        limited = [each.at for each in samples.routed(tx, created.endpoint.id, 0.0, 999.0, 2)]
    assert times == [200.0, 300.0]
    assert limited == [200.0, 300.0]
