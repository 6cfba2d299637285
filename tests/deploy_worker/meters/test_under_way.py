"""Requests that are under way at a cut of the route: followed by process, and never counted as lost
when they are answered."""

import pytest

from tests.deploy_worker.meters.under_way import Traffic
from tidegate.core.evidence import Verdict

SEEDS = range(40)


def rollout(seed: int, *, body: float = 0.0, hangs: float = 0.0, torn: float = 0.0) -> Traffic:
    """10 %, 50 %, another process of the gateway, back to 10 %, a cut because ten minutes are
    over."""
    traffic = Traffic(seed, body=body, hangs=hangs, torn=torn)
    traffic.now += 530.0  # the next cut is half a minute away
    for envoy in traffic.envoys:
        envoy.born += 530.0
    traffic.write(1, 2, percent=10)
    traffic.run(8)
    traffic.write(1, 2, percent=50)
    traffic.run(7)
    traffic.replace_gateway()
    traffic.run(7)
    traffic.write(1, 2, percent=10)
    traffic.run(14)
    return traffic


@pytest.mark.parametrize("body", [0.0, 1.0], ids=["at-once", "streamed"])
def test_no_good_candidate_with_slow_answers_loses_a_request(body: float) -> None:
    verdicts = [rollout(seed, body=body).verdict() for seed in SEEDS]
    assert [verdict.verdict for verdict in verdicts if verdict.verdict is Verdict.FAIL] == []
    assert [verdict.rollout.candidate.bad for verdict in verdicts] == [0] * len(SEEDS)


def test_counters_that_are_not_read_at_one_instant_abort_no_good_candidate() -> None:
    """Every scrape reads its gauges 20 ms late, in which a request or two end."""
    verdicts = [rollout(seed, torn=0.02).verdict() for seed in SEEDS]
    assert [verdict.verdict for verdict in verdicts if verdict.verdict is Verdict.FAIL] == []
    assert max(verdict.rollout.candidate.bad for verdict in verdicts) <= 3


def test_a_candidate_that_hangs_fails_over_the_same_cuts() -> None:
    assert all(rollout(s, hangs=0.25).verdict().verdict is Verdict.FAIL for s in (1, 2))


def test_what_was_under_way_to_one_that_was_removed_counts_for_no_other() -> None:
    """r3 takes the slot in which every request of r2 hangs; the old cluster is still there."""
    for seed in range(10):
        traffic = Traffic(seed, hangs=1.0, percent=50)
        traffic.run(6)
        traffic.write(1, 3, percent=50)
        traffic.hangs = 0.0
        traffic.run(10)
        assert traffic.evidence.last is not None
        lost = {r.revision: r.counters.lost for r in traffic.evidence.last.readings}
        assert lost[3] == 0, (seed, lost)


def test_a_candidate_that_hangs_and_begins_between_two_scrapes_is_counted_from_zero() -> None:
    traffic = Traffic(1)
    traffic.write(1, percent=0)
    traffic.run(6)
    traffic.write(1, 2, percent=50)
    traffic.hangs = 1.0
    traffic.run(8)
    sent = len(traffic.envoys[0].requests[1])
    assert traffic.evidence.last is not None
    (lost,) = (r.counters.lost for r in traffic.evidence.last.readings if r.revision == 2)
    # those of the last second wait, those of the two before it were seen only once
    assert lost >= sent - 4 * 60
    assert lost > 0
