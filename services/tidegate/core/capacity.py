"""How many ready replicas a revision needs before its share may rise."""

from math import ceil

from tidegate.core.intent import CandidateTraffic, Scaling

HEADROOM = 12  # tenths: a candidate gets a fifth more replicas than its share of stable's


def needed(percent: int, size: int, scaling: Scaling) -> int:
    """Replicas for `percent` of the requests, given stable's replicas `size` at the start of the
    rollout.

    min(S', max(1, ceil(S × percent × 1.2))) with S' = max(1, min(S, maxReplicas)).
    """
    top = max(1, min(size, scaling.max_replicas))
    whole = -(-size * percent * HEADROOM // 1000)  # a ceiling in integers, free of rounding
    return min(top, max(1, whole))


def candidate_size(candidate_traffic: CandidateTraffic, size: int, scaling: Scaling) -> int:
    """Replicas a candidate needs for its whole candidate traffic. The share behind a header match
    is not known beforehand, not even that of buckets, which clients make: it is prepared for all of
    it."""
    percent = 100
    if not candidate_traffic.match:
        percent = max(candidate_traffic.percent, candidate_traffic.mirror)
    floor = min(ceil(size * candidate_traffic.replicas_percent / 100), max(1, scaling.max_replicas))
    return max(needed(percent, size, scaling), floor)
