"""Lost requests in the evidence: they fail a candidate that hangs, and nobody by mistake."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.core.evalues import Arm, Block
from tidegate.core.evidence import (
    Counters,
    Evidence,
    Metric,
    MetricKind,
    Reading,
    Scrape,
    Verdict,
    absorb,
    judge,
    requests,
)
from tidegate.core.lost import Flow
from tidegate.core.proof import Measured, prove
from tidegate.core.scrapes import Between, truths
from tidegate.core.sequential import log_evalues

ERRORS = (Metric(MetricKind.ERRORS),)


def reading(revision: int, started: int, answered: int, active: int = 0, **flow: int) -> Reading:
    reading_flow = Flow(started, answered, active, settled=True, **flow)
    return Reading("envoy/http", revision, Counters(answered, 0, flow=reading_flow))


def gathered(*scrapes: tuple[Reading, ...], comparable: bool = True) -> Evidence:
    evidence = Evidence.start(ERRORS)
    for at, readings in enumerate(scrapes):
        evidence = absorb(
            evidence,
            Scrape(float(at), readings),
            stable=1,
            candidate=2,
            comparable=comparable,
            noise_window=1.0,
        )
    return evidence


def errors(evidence: Evidence) -> tuple[Arm, Arm]:
    (track,) = evidence.tracks
    return track.rollout.candidate, track.rollout.stable


def test_a_candidate_that_hangs_on_a_quarter_fails_while_stable_answers() -> None:
    steps = [(reading(1, 100 * n, 100 * n), reading(2, 40 * n, 30 * n)) for n in range(3)]
    evidence = gathered(*steps)
    assert errors(evidence) == (Arm(80, 20), Arm(200, 0))
    (verdict,) = judge(evidence, ERRORS, 0.01)
    assert verdict.verdict is Verdict.FAIL


def test_the_rate_goes_on_after_a_lost_request() -> None:
    steps = [(reading(1, 100 * n, 100 * n), reading(2, 40 * n, 30 * n)) for n in range(3)]
    base_line = gathered(*steps).last
    assert base_line is not None
    assert any(item.counters.lost for item in base_line.readings)
    now = Scrape(4.0, (reading(1, 300, 300), reading(2, 120, 90)))
    assert requests(base_line, now) == 140


def test_lost_requests_of_both_sides_cancel() -> None:
    steps = [(reading(1, 400 * n, 300 * n), reading(2, 40 * n, 30 * n)) for n in range(20)]
    (verdict,) = judge(gathered(*steps), ERRORS, 0.01)
    assert verdict.verdict is Verdict.UNDECIDED


def test_what_was_lost_while_the_weights_changed_counts_for_nobody() -> None:
    crossing = (reading(1, 100, 100), reading(2, 40, 10))
    evidence = gathered((reading(1, 0, 0), reading(2, 0, 0)), crossing, comparable=False)
    after = (reading(1, 200, 200), reading(2, 50, 20))
    evidence = absorb(evidence, Scrape(2.0, after), stable=1, candidate=2)
    assert errors(evidence) == (Arm(10, 0), Arm(100, 0))


def test_a_doubt_at_the_candidate_counts_against_a_pass_and_not_toward_a_fail() -> None:
    base = (reading(1, 0, 0), reading(2, 0, 0))
    clear = gathered(base, (reading(1, 400, 400), reading(2, 390, 390)))
    unclear = gathered(base, (reading(1, 400, 400), reading(2, 400, 390, unclear=10)))
    assert errors(unclear) == errors(clear) == (Arm(390, 0), Arm(400, 0))
    assert unclear.tracks[0].fail == clear.tracks[0].fail
    assert unclear.tracks[0].passing.log_e < clear.tracks[0].passing.log_e


def test_a_doubt_at_stable_counts_against_a_fail_and_not_toward_a_pass() -> None:
    base = (reading(1, 0, 0), reading(2, 0, 0))
    clear = gathered(base, (reading(1, 400, 400), reading(2, 40, 34)))
    unclear = gathered(base, (reading(1, 410, 400, unclear=10), reading(2, 40, 34)))
    assert errors(unclear) == errors(clear) == (Arm(40, 6), Arm(400, 0))
    assert unclear.tracks[0].fail.log_e < clear.tracks[0].fail.log_e
    assert unclear.tracks[0].passing == clear.tracks[0].passing


def thirty(interval: int, *, unclear: int) -> tuple[Reading, ...]:
    """Thirty proxies after so many intervals; at the first one some of the candidate's requests are
    unclear in each."""
    readings = []
    for number in range(30):
        doubtful = interval * unclear * (number == 0)
        flows = {1: Flow(100 * interval, 100 * interval, 0, settled=True)}
        flows[2] = Flow(100 * interval + doubtful, 100 * interval, 0, 0, doubtful, settled=True)
        for revision, flow in flows.items():
            counters = Counters(100 * interval, 0, flow=flow)
            readings.append(Reading(f"envoy-{number}/http", revision, counters))
    return tuple(readings)


def test_one_doubtful_proxy_of_thirty_keeps_nobody_from_passing() -> None:
    for unclear, expected in ((5, Verdict.PASS), (100, Verdict.UNDECIDED)):
        evidence = gathered(*(thirty(n, unclear=unclear) for n in range(10)))
        (verdict,) = judge(evidence, ERRORS, 0.01, noise_window=1.0)
        assert verdict.verdict is expected, verdict.message
        assert verdict.step.candidate == Arm(27_000, 0), "people are shown what is sure"


SIZES = st.integers(0, 60)
DOUBTS = st.integers(0, 40)
TESTS = [
    test
    for metric in (*ERRORS, Metric(MetricKind.ERRORS, fail_margin=0.02))
    for test in (metric.fail_test, metric.pass_test)
]


TOLERANCE = 0.25  # log e, as `truths` says
OPEN = (-10.0, 30.0)  # log e of a bet that is neither lost nor long decided


def missed(candidate: Between, stable: Between, lost: int, stable_lost: int) -> float:
    """By how much a bet that is still open is less at this truth than at those that are tried."""
    tried = [Block(*arms) for arms in truths(candidate, stable)]
    assert tried[0] == Block(candidate.arm, stable.arm)
    true = Block(candidate.arm + Arm(lost, lost), stable.arm + Arm(stable_lost, stable_lost))
    most = 0.0
    for test in TESTS:
        wins = zip(*(log_evalues(test, block) for block in tried), strict=True)
        for bet, real in zip(wins, log_evalues(test, true), strict=True):
            if OPEN[0] <= min(bet) <= OPEN[1]:
                most = max(most, min(bet) - real)
    return most


def sides(sizes: tuple[int, int, int, int], ours: int, theirs: int) -> tuple[Between, Between]:
    """sizes: good and bad answers of the candidate and of stable."""
    good, bad, stable_good, stable_bad = sizes
    return (
        Between(Arm(good + bad, bad), doubt=ours),
        Between(Arm(stable_good + stable_bad, stable_bad), doubt=theirs),
    )


@settings(max_examples=60, deadline=None)
@given(st.tuples(SIZES, SIZES, SIZES, SIZES), DOUBTS, DOUBTS, DOUBTS, DOUBTS)
def test_no_truth_gives_a_bet_that_is_open_less_than_the_truths_that_are_tried(
    sizes: tuple[int, int, int, int], ours: int, theirs: int, lost: int, stable_lost: int
) -> None:
    candidate, stable = sides(sizes, ours, theirs)
    assert missed(candidate, stable, min(lost, ours), min(stable_lost, theirs)) <= TOLERANCE


@pytest.mark.parametrize(
    ("sizes", "ours", "theirs"),
    [
        ((0, 1, 0, 0), 0, 9),
        ((0, 3, 0, 1), 0, 38),
        ((1, 1, 0, 0), 0, 40),
        ((1, 0, 49, 10), 55, 1),
        ((3, 1, 42, 5), 129, 0),
        ((0, 3, 3, 0), 3, 36),
        ((1, 1, 57, 2), 9, 5),
    ],
)
def test_the_worst_truths_between_those_that_are_tried_are_hardly_missed(
    sizes: tuple[int, int, int, int], ours: int, theirs: int
) -> None:
    """Every truth of cases in which a bet changes much between few losses."""
    candidate, stable = sides(sizes, ours, theirs)
    most = max(
        missed(candidate, stable, lost, stable_lost)
        for lost in range(ours + 1)
        for stable_lost in range(theirs + 1)
    )
    assert most <= TOLERANCE


def test_few_truths_are_tried() -> None:
    candidate, stable = sides((100, 0, 900, 0), 1000, 1000)
    assert len(candidate.possible) == 32
    assert len(truths(candidate, stable)) == 2 * 32 + 2 * 30


def test_a_proxy_that_does_not_tell_one_side_tells_nothing() -> None:
    silent = Reading("envoy/http", 1, Counters(0, 0))
    answered = Reading("envoy/http", 1, Counters(100, 0))
    evidence = gathered((silent, reading(2, 0, 0)), (answered, reading(2, 40, 30)))
    assert errors(evidence) == (Arm(30, 0), Arm(100, 0))


def test_a_candidate_that_begins_between_two_scrapes_counts_from_zero() -> None:
    evidence = gathered((reading(1, 0, 0),), (reading(1, 50, 50), reading(2, 50, 30)))
    assert errors(evidence) == (Arm(50, 20), Arm(50, 0))


def test_a_source_that_is_missing_once_counts_once() -> None:
    both = (reading(1, 10, 10), reading(2, 10, 8))
    evidence = gathered((reading(1, 0, 0), reading(2, 0, 0)), both, both[:1], both)
    assert errors(evidence) == (Arm(10, 2), Arm(10, 0))


def test_a_hang_is_no_wrong_share() -> None:
    """Half of the requests were sent to the candidate, and none of them was answered."""
    steps = [(reading(1, 900 * n, 900 * n), reading(2, 900 * n, 0, 900 * n)) for n in range(3)]
    split = gathered(*steps).split
    assert (
        prove(50, split.candidate.n, split.candidate.n + split.stable.n).result is Measured.PROVEN
    )
    assert prove(50, 0, 1800).result is Measured.WRONG


def placed(
    source: str, place: str, started: int, answered: int, zero_at: float | None = None
) -> tuple[Reading, ...]:
    """r1 and r2 alike, at one place each. The source begins at zero, the place has a life."""
    flow = Flow(started, answered, 0, settled=True, zero_at=zero_at)
    return tuple(
        Reading(
            source, revision, Counters(0, 0, flow=flow), began=zero_at, place=f"{place}#{revision}"
        )
        for revision in (1, 2)
    )


def lost_in(evidence: Evidence) -> int:
    return errors(evidence)[0].bad


def test_a_source_that_is_renamed_at_a_cut_goes_on_at_its_place() -> None:
    """What is lost in the interval of the cut counts for nobody, as its answers do."""
    before = [placed("gw@0", "gw", 100, 90), placed("gw@0", "gw", 110, 95)]
    after = [placed("gw@600", "gw", 120, 99), placed("gw@600", "gw", 130, 106)]
    assert lost_in(gathered(*before, *after)) == 5 + 3


def test_a_place_that_is_renamed_brings_nothing_of_its_life() -> None:
    before = [placed("gw", "gw", 100, 90), placed("gw", "gw", 110, 95)]
    renamed = [placed("other", "other", 120, 99), placed("other", "other", 130, 106)]
    assert lost_in(gathered(*before, *renamed)) == 5 + 3
    old = [placed("other", "other", 120, 99, -500.0), placed("other", "other", 130, 106, -500.0)]
    assert lost_in(gathered(*before, *old)) == 5 + 3


def test_a_process_that_began_between_two_scrapes_is_counted_from_zero() -> None:
    """Its start is known to a few seconds only, and it is counted once."""
    before = [placed("gw", "gw", 100, 90), placed("gw", "gw", 110, 95)]
    fresh = [placed("new", "new", 20, 14, 1.5), placed("new", "new", 40, 30, 2.5)]
    assert lost_in(gathered(*before, *fresh)) == 5 + 6 + 4


def test_the_base_line_keeps_a_place_once() -> None:
    sources = [placed(f"gw@{n}", "gw", 100 + n, 90 + n) for n in range(20)]
    last = gathered(*sources).last
    assert last is not None
    assert {reading.source for reading in last.readings} == {"gw@19"}


def young(started: int, answered: int, active: int, zero_at: float) -> tuple[Reading, ...]:
    """r1 loses nothing; r2's place had counted nothing at `zero_at`."""
    flow = Flow(started, answered, active, settled=True, zero_at=zero_at)
    return (
        Reading("gw", 1, Counters(started, 0, flow=Flow(started, started, 0)), place="gw#0"),
        Reading("gw", 2, Counters(answered, 0, flow=flow), place="gw#1"),
    )


def test_what_is_under_way_at_the_first_scrape_hides_no_loss_of_a_place_that_is_young() -> None:
    """What was lost by then was lost before; of an old place that may be all that is unanswered."""
    for zero_at, expected in ((-2.0, 20), (-500.0, 5)):
        scrapes = (young(50, 30, 15, zero_at), young(100, 60, 15, zero_at))
        assert lost_in(gathered(*scrapes)) == expected


def test_bodies_under_way_at_the_first_scrape_of_a_young_place_are_no_losses() -> None:
    assert lost_in(gathered(young(50, 50, 15, -2.0), young(100, 100, 0, -2.0))) == 0
