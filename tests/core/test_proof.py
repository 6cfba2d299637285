"""Proof of traffic."""

import numpy as np
import pytest

from tidegate.core.proof import Measured, prove, tolerance


@pytest.mark.parametrize(
    ("percent", "candidate", "total", "result"),
    [
        (10, 0, 0, Measured.UNKNOWN),
        (10, 30, 300, Measured.UNKNOWN),
        (10, 600, 6000, Measured.PROVEN),
        (10, 0, 6000, Measured.WRONG),
        (10, 3000, 6000, Measured.WRONG),
        (10, 900, 6000, Measured.WRONG),
        (10, 715, 6000, Measured.UNKNOWN),
        (50, 250, 500, Measured.PROVEN),
        (1, 100, 10000, Measured.PROVEN),
        (1, 300, 10000, Measured.WRONG),
        (0, 0, 2000, Measured.PROVEN),
        (0, 100, 2000, Measured.WRONG),
        (100, 400, 400, Measured.PROVEN),
        (100, 200, 400, Measured.WRONG),
        (10, 7, 5, Measured.WRONG),  # torn: more than all,
    ],
)
def test_what_the_counts_prove(
    percent: float, candidate: int, total: int, result: Measured
) -> None:
    proof = prove(percent, candidate, total)
    assert proof.result is result
    assert (proof.more == 0) == (result is not Measured.UNKNOWN)


@pytest.mark.parametrize(("percent", "points"), [(0, 1), (1, 1), (5, 1), (10, 2), (50, 10)])
def test_the_tolerance_is_a_point_or_a_fifth(percent: float, points: float) -> None:
    assert tolerance(percent) == points


@pytest.mark.parametrize("percent", [0, 1, 5, 10, 25, 50, 99, 100])
def test_the_forecast_of_the_proof_comes_true(percent: int) -> None:
    need = prove(percent, 0, 0).more
    need += -need % 100  # whole requests for the candidate
    assert prove(percent, need * percent // 100, need).result is Measured.PROVEN


def test_a_share_at_the_edge_of_the_tolerance_is_hardly_ever_called_proven_or_wrong() -> None:
    """Looking after every 50 answers, at alpha 1 %: the true share is exactly at the upper edge, 12
    %."""
    rng = np.random.default_rng(5)
    false = 0
    for _ in range(200):
        hits = rng.binomial(50, 0.12, size=120).cumsum()
        results = {prove(10, int(h), 50 * (i + 1)).result for i, h in enumerate(hits)}
        false += bool(results & {Measured.PROVEN, Measured.WRONG})
    assert false <= 7  # of 200 at 1 %; more would be chance once in a thousand


def test_it_says_how_many_requests_are_missing() -> None:
    proof = prove(10, 30, 300)
    assert f"about {proof.more} more requests" in proof.message
    assert 1000 < proof.more < 5000
