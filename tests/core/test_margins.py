"""The stated bound: how often it is false, how tight it is, and when there is none."""

import numpy as np
import pytest

from tidegate.core.analysis import Metric, MetricKind
from tidegate.core.evalues import Arm, Block
from tidegate.core.margins import MARGINS, bound
from tidegate.core.sequential import Wealth
from tidegate.core.verdicts import Track, restarted, verdict, weigh

ERRORS = Metric(MetricKind.ERRORS, bounded=True)
ALPHA = 0.01
SECONDS = 60.0


def after(track: Track, *blocks: tuple[int, int, int, int]) -> Track:
    """candidate bad, n, stable bad, n of each."""
    for bad, n, stable_bad, stable_n in blocks:
        track = weigh(track, Block(Arm(n, bad), Arm(stable_n, stable_bad), SECONDS), True)
    return track


def stated(track: Track, alpha: float = ALPHA) -> float | None:
    return verdict(track, alpha, alpha).bound


def test_answers_without_a_fault_bound_the_difference() -> None:
    """A single look that was fixed beforehand would say 2.5 points at 99 %; this one holds at every
    look."""
    assert stated(after(Track(ERRORS), *[(0, 18, 0, 18)] * 10)) == 0.04
    assert stated(after(Track(ERRORS), *[(0, 50, 0, 50)] * 10)) == 0.015
    assert stated(after(Track(ERRORS), *[(2, 432, 2, 432)] * 10)) == pytest.approx(
        0.0075, abs=0.003
    )


def test_few_answers_bound_nothing() -> None:
    assert stated(Track(ERRORS)) is None
    assert stated(after(Track(ERRORS), (0, 3, 0, 3))) is None


def test_one_window_alone_states_nothing_however_many_answers_it_holds() -> None:
    assert stated(after(Track(ERRORS), (0, 100_000, 500, 100_000))) is None


def test_more_answers_tighten_it_and_bad_ones_loosen_it() -> None:
    good = stated(after(Track(ERRORS), *[(0, 60, 0, 60)] * 12))
    worse = stated(after(Track(ERRORS), *[(2, 60, 0, 60)] * 12))
    assert good is not None
    assert worse is not None
    assert good < 2 / 60 < worse


def test_it_agrees_with_the_pass_of_the_same_margin() -> None:
    track = after(Track(ERRORS), *[(1, 400, 2, 400)] * 10)
    passes = verdict(track, ALPHA, ALPHA)
    assert passes.verdict == "pass"
    assert passes.bound is not None
    assert passes.bound <= ERRORS.pass_margin


def test_another_step_begins_without_a_bound() -> None:
    track = restarted(after(Track(ERRORS), *[(0, 60, 0, 60)] * 12))
    assert stated(track) is None


def test_without_a_time_box_nothing_is_kept_for_it() -> None:
    track = after(Track(Metric(MetricKind.ERRORS)), *[(0, 60, 0, 60)] * 3)
    assert track.margins == ()


def test_with_an_objective_it_is_above_the_objective() -> None:
    metric = Metric(MetricKind.ERRORS, objective=0.01, bounded=True)
    track = after(Track(metric), *[(0, 60, 30, 60)] * 12)
    value = stated(track)
    assert value is not None
    assert value <= 0.02


def test_a_gap_in_the_list_states_nothing_below_it() -> None:
    """Only the margins above which every test has refuted count, so that one alpha is enough."""
    sure = Wealth((10.0,))
    open_ = Wealth((0.0,))
    wealths = [sure] * len(MARGINS)
    wealths[5] = open_
    assert bound(wealths, ALPHA) == MARGINS[6]
    wealths[-1] = open_
    assert bound(wealths, ALPHA) is None


@pytest.mark.parametrize(("base", "worse_by"), [(0.005, 0.04), (0.05, 0.02), (0.0, 0.1)])
def test_a_bound_is_below_the_truth_with_probability_alpha_at_most(base: float, worse_by: float) -> None:
    """Looking after every block; alpha 20 %, so that the promise is put to the test."""
    rng = np.random.default_rng(7)
    alpha = 0.2
    runs = 60
    false = 0
    for _ in range(runs):
        track = Track(ERRORS)
        for _ in range(12):
            counts = (
                int(rng.binomial(40, base + worse_by)),
                40,
                int(rng.binomial(40, base)),
                40,
            )
            track = after(track, counts)
            value = stated(track, alpha)
            if value is not None and value <= worse_by:
                false += 1
                break
    assert false <= alpha * runs + 3 * (alpha * (1 - alpha) * runs) ** 0.5
