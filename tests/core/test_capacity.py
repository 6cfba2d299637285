"""Replicas before weight: the worked examples of the rule."""

import pytest

from tidegate.core.capacity import candidate_size, needed
from tidegate.core.intent import CandidateTraffic, HeaderMatch, Scaling


@pytest.mark.parametrize(
    ("percent", "size", "most", "expected"),
    [
        (10, 4, 8, 1),  # 0.48 -> at least 1
        (25, 4, 8, 2),  # 1.2 -> 2
        (50, 4, 8, 3),  # 2.4 -> 3
        (50, 10, 20, 6),  # exactly 6: no rounding error may make it 7
        (90, 4, 8, 4),  # 4.32 -> 5, but never more than stable has
        (50, 10, 3, 3),  # never more than maxReplicas
        (0, 4, 8, 1),  # one, so that it can get ready
        (50, 0, 0, 1),  # stable scaled to zero
        (100, 7, 7, 7),
    ],
)
def test_needed(percent: int, size: int, most: int, expected: int) -> None:
    assert needed(percent, size, Scaling(1, most)) == expected


@pytest.mark.parametrize(
    ("candidate_traffic", "expected"),
    [
        (CandidateTraffic(percent=25), 2),
        (CandidateTraffic(mirror=50), 3),
        (CandidateTraffic(percent=10, mirror=50), 3),
        (CandidateTraffic(replicas_percent=100), 4),  # blue-green
        (
            CandidateTraffic(match=(HeaderMatch("x-beta", "yes"),)),
            4,
        ),  # how many carry the header is not known beforehand
    ],
)
def test_size_for_a_whole_traffic(candidate_traffic: CandidateTraffic, expected: int) -> None:
    assert candidate_size(candidate_traffic, 4, Scaling(1, 8)) == expected
