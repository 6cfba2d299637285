"""Lost requests in the evidence: they fail a candidate that hangs, and nobody by mistake."""

from tidegate.core.evalues import Arm
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

ERRORS = (Metric(MetricKind.ERRORS),)


def reading(revision: int, started: int, answered: int, active: int = 0, **flow: int) -> Reading:
    reading_flow = Flow(started, answered, active, settled=True, **flow)
    return Reading("envoy/http", revision, Counters(answered, 0, flow=reading_flow))


def gathered(*scrapes: tuple[Reading, ...], comparable: bool = True) -> Evidence:
    evidence = Evidence.start(ERRORS)
    for at, readings in enumerate(scrapes):
        evidence = absorb(
            evidence, Scrape(float(at), readings), stable=1, candidate=2, comparable=comparable
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


def test_an_ambiguous_interval_counts_no_losses_and_cannot_pass() -> None:
    base = (reading(1, 0, 0), reading(2, 0, 0))
    unclear = (reading(1, 400, 400), reading(2, 400, 390, unclear=1))
    evidence = gathered(base, unclear)
    (track,) = evidence.tracks
    assert track.rollout.candidate == Arm(390, 0)
    assert track.step.candidate == Arm()


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
