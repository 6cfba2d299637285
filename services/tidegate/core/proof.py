"""Proof of traffic: does the candidate really get the share that the route promises?

A sequential test on the requests of one rule since its weights settled: those that were sent, so
that a candidate that answers late or never is no wrong share; final answers where the proxy does
not tell what was sent. It may be looked at after every scrape: the statements "proven" and "wrong"
are each false with probability at most alpha over all scrapes.
"""

import math
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

_MOST = 10**9  # answers; nobody waits for more


class Measured(StrEnum):
    """What the counts say about the share."""

    PROVEN = "proven"
    WRONG = "wrong"
    UNKNOWN = "not measurable yet"


@dataclass(frozen=True, slots=True)
class Proof:
    """share: measured, in 0..1, None without requests. more: further requests of the rule that are
    about needed, 0 when decided. message: one line for people."""

    result: Measured
    share: float | None
    more: int
    message: str


def tolerance(percent: float) -> float:
    """How far the measured share may be from the desired percent, in points: max(1, 20 % of the
    desired)."""
    return max(1.0, 0.2 * percent)


def prove(percent: float, candidate: int, total: int, alpha: float = 0.01) -> Proof:
    """Is the candidate's share of `total` requests within `tolerance` of `percent` (0..100)?

    Robbins' mixture: M(p) = ∫ L(q) π(q) dq / L(p), with Beta laws as π, is a martingale with mean 1
    when the share is p, so {p: M(p) < 1/alpha} is a confidence sequence. It is an interval round
    the measured share; hence "proven" when both edges of the tolerance are outside it on their own
    side, "wrong" when the nearer edge is outside and the measured share beyond that. alpha:
    probability of ever stating something false.
    """
    candidate = min(max(candidate, 0), total)
    low = (percent - tolerance(percent)) / 100
    high = (percent + tolerance(percent)) / 100
    if total <= 0:
        need = _needed(percent, low, high, 0, alpha)
        return Proof(
            Measured.UNKNOWN,
            None,
            need,
            f"no requests yet; about {need} needed to prove {percent:g} %",
        )
    share = candidate / total
    seen = f"{candidate} of {total} requests ({100 * share:.1f} %) for {percent:g} % ± {tolerance(percent):g}"
    below = low > 0 and not _excluded(low, candidate, total, percent, alpha)
    above = high < 1 and not _excluded(high, candidate, total, percent, alpha)
    if low <= share <= high and not below and not above:
        return Proof(Measured.PROVEN, share, 0, f"measured: {seen}")
    if (share < low and not below) or (share > high and not above):
        return Proof(Measured.WRONG, share, 0, f"wrong share: {seen}")
    need = _needed(percent, low, high, total, alpha)
    return Proof(
        Measured.UNKNOWN,
        share,
        need,
        f"not measurable yet: {seen}; about {need} more requests needed",
    )


def _excluded(p: float, hits: float, total: float, percent: float, alpha: float) -> bool:
    """Whether p in (0, 1) is outside the confidence sequence."""
    own = hits * math.log(p) + (total - hits) * math.log1p(-p)
    return max(_log_mixed(hits, total, a, b) for a, b in _laws(percent)) - own >= math.log(
        2 / alpha
    )


def _laws(percent: float) -> tuple[tuple[float, float], ...]:
    """Two mixing laws, half of the capital each: one centred on the desired share with the weight
    of 50 answers, which proves a right share soon, and a flat one, which soon sees a share that is
    far off."""
    share = percent / 100
    return (50 * share + 0.5, 50 * (1 - share) + 0.5), (1.0, 1.0)


def _log_mixed(hits: float, total: float, a: float, b: float) -> float:
    """log ∫ L(q) Beta(q; a, b) dq."""
    return _log_beta(a + hits, b + total - hits) - _log_beta(a, b)


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def _needed(percent: float, low: float, high: float, total: int, alpha: float) -> int:
    """Further answers until a share that is exactly as desired is proven (bisection on the whole
    number)."""
    many = _whole(percent, low, high, alpha)
    # off centre: twice as many, then look again
    if many > total:
        return many - total
    return total


@lru_cache(maxsize=256)  # asked anew at every scrape
def _whole(percent: float, low: float, high: float, alpha: float) -> int:
    """The same from the first answer on."""
    edges = [edge for edge in (low, high) if 0 < edge < 1]
    few = 0
    many = _MOST
    while many - few > 1:
        middle = (few + many) // 2
        enough = all(_excluded(e, middle * percent / 100, middle, percent, alpha) for e in edges)
        if enough:
            many = middle
        else:
            few = middle
    return many
