"""What one block says: log e-values of two Bernoulli streams for one scrape interval.

An e-value is a number whose expectation is at most 1 whatever point of the null is true. Those of
successive blocks multiply, also when block sizes, rates and the split change between blocks, so one
may look at every scrape. Every function returns natural logarithms and 0.0 (no information) where
the block cannot speak.

Three null hypotheses need three formulas:
- no margin, θc ≤ θs: `conditional`, which needs no base rate;
- a margin, θc ≤ θs + m or θc ≥ θs + m: `projected`, which bets on a pair of rates;
- a fixed objective, θc ≤ o or θc ≥ o: `against`, which looks at the candidate only.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

# Above this many terms the exact sum of `conditional` gives way to a closed upper bound of it.
EXACT_TERMS = 200


@dataclass(frozen=True, slots=True)
class Arm:
    """What one revision answered: `n` answers, `bad` of them bad (or slow)."""

    n: int = 0
    bad: int = 0

    def __add__(self, other: "Arm") -> "Arm":
        return Arm(self.n + other.n, self.bad + other.bad)

    @property
    def rate(self) -> float:
        """Share of bad answers in 0..1; 0 without answers."""
        if not self.n:
            return 0.0
        return self.bad / self.n


@dataclass(frozen=True, slots=True)
class Block:
    """Both revisions over the same interval of `seconds`."""

    candidate: Arm = field(default_factory=Arm)
    stable: Arm = field(default_factory=Arm)
    seconds: float = 0.0

    def __add__(self, other: "Block") -> "Block":
        return Block(
            self.candidate + other.candidate,
            self.stable + other.stable,
            self.seconds + other.seconds,
        )


def conditional(
    candidate: Arm, stable: Arm, odds: tuple[float, ...], most: int = EXACT_TERMS
) -> tuple[float, ...]:
    """Log e-values against θc ≤ θs, one for each alternative odds ratio (each > 1).

    Given the total T of bad answers, the candidate's part follows Fisher's noncentral
    hypergeometric law with the true odds ratio ρ, whatever the base rate is: an outage that both
    share, or a daily rhythm, cancels. E = P_ω(yc | T) / P_1(yc | T) = ω^yc / H(ω), with H(ω) = Σ_k
    P_1(k | T) ω^k. Its mean is 1 at ρ = 1. It rises with yc, and a smaller ρ makes yc
    stochastically smaller (monotone likelihood ratio), so the mean is at most 1 for every ρ ≤ 1,
    which is θc ≤ θs. A larger H only makes E smaller, so an upper bound of H is safe too:
    `_generating_bound` is used for blocks with more than `most` terms. The choice looks only at the
    sizes and T, on which everything here is conditioned.
    """
    total = candidate.bad + stable.bad
    low = max(0, total - stable.n)
    high = min(candidate.n, total)
    if low == high:
        return (0.0,) * len(odds)
    if high - low > most:
        return tuple(
            candidate.bad * math.log(w) - _generating_bound(candidate.n, stable.n, total, w)
            for w in odds
        )
    means = _generating(candidate.n, stable.n, total, odds)
    return tuple([candidate.bad * math.log(w) - mean for w, mean in zip(odds, means, strict=True)])


@lru_cache(
    maxsize=4096
)  # whoever simulates many rollouts, or judges many endpoints, meets the same few sizes again
def _generating(nc: int, ns: int, total: int, odds: tuple[float, ...]) -> tuple[float, ...]:
    """log H(ω) for each of `odds`, exactly."""
    low = max(0, total - ns)
    high = min(nc, total)
    first = _log_first(nc, ns, total, low)
    ratios = [(nc - k) * (total - k) / ((k + 1) * (ns - total + k + 1)) for k in range(low, high)]
    sums = [_sum(ratios, w) for w in odds]
    if math.isinf(max(sums)):
        terms = _hypergeometric(nc, ns, total, low, high)
        return tuple(_log_generating(terms, low, high, math.log(w)) for w in odds)
    return tuple(
        first + low * math.log(w) + math.log(sum_) for w, sum_ in zip(odds, sums, strict=True)
    )


def _sum(ratios: Sequence[float], odds: float) -> float:
    """Σ P_1(k) ω^k over its first term (Horner), from the ratios of P_1(k + 1) to P_1(k): ten times
    as fast as a sum of logarithms. Infinite where it is too large for a float."""
    value = 1.0
    for ratio in reversed(ratios):
        value = 1.0 + ratio * odds * value
    return value


def _log_first(nc: int, ns: int, total: int, low: int) -> float:
    return _log_choose(nc, low) + _log_choose(ns, total - low) - _log_choose(nc + ns, total)


def _hypergeometric(nc: int, ns: int, total: int, low: int, high: int) -> list[float]:
    """Log probabilities of low..high bad answers at the candidate when the labels do not matter."""
    logs = [_log_first(nc, ns, total, low)]
    for k in range(low, high):
        step = (nc - k) * (total - k) / ((k + 1) * (ns - total + k + 1))
        logs.append(logs[-1] + math.log(step))
    return logs


def _log_generating(terms: Sequence[float], low: int, high: int, log_odds: float) -> float:
    """log Σ_k exp(terms_k) ω^k for k = low..high."""
    return log_sum(
        [term + k * log_odds for term, k in zip(terms, range(low, high + 1), strict=True)]
    )


def _generating_bound(nc: int, ns: int, total: int, odds: float) -> float:
    """An upper bound of log H(ω) in four operations.

    Draws without replacement are dominated in convex order by draws with replacement (Hoeffding
    1963), so H is at most a binomial's generating function. The same law can be seen as draws of
    bad or of good answers, for either arm; the least of the four bounds is taken.
    """
    size = nc + ns
    log_odds = math.log(odds)
    share = nc / size
    rate = total / size
    return min(
        total * math.log1p(share * (odds - 1)),
        nc * math.log1p(rate * (odds - 1)),
        nc * log_odds + (size - total) * math.log1p(share * (1 / odds - 1)),
        total * log_odds + ns * math.log1p(rate * (1 / odds - 1)),
    )


def projected(candidate: Arm, stable: Arm, rates: tuple[float, float], margin: float) -> float:
    """Log e-value against the one-sided null whose edge is θc = θs + margin, for the alternative
    `rates` = (θs*, θc*), which lies strictly beyond the edge, off the null.

    E is the likelihood ratio of the alternative to its projection on the edge (`projection`). Its
    log mean at (θs, θc) is nc·log A(θc) + ns·log B(θs) with A and B affine: concave. Along the edge
    its derivative is zero at the projection, where it is 0: so it is at most 0 on the whole edge.
    Off the edge, into the null, θc moves away from θc*, and A falls monotonely (Turner, Ly,
    Grünwald: Generic E-variables for exact sequential k-sample tests that allow for optional
    stopping).
    """
    if not candidate.n or not stable.n:
        return 0.0
    edge = projection(candidate.n, stable.n, rates, margin)
    return _log_ratio(stable.n, stable.bad, rates[0], edge) + _log_ratio(
        candidate.n, candidate.bad, rates[1], edge + margin
    )


@lru_cache(maxsize=4096)  # as `_generating`
def projection(nc: float, ns: float, rates: tuple[float, float], margin: float) -> float:
    """θs° of the point (θs°, θs° + margin) of the edge that is nearest to `rates` in the
    Kullback-Leibler sense for `nc` and `ns` answers: the root of nc(θc°−θc*)/(θc°(1−θc°)) +
    ns(θs°−θs*)/(θs°(1−θs°)), which lies between θs* and θc* − margin. For margin 0 that is the
    weighted mean."""
    stable, candidate = rates
    if margin == 0:
        return (nc * candidate + ns * stable) / (nc + ns)
    low, high = sorted((stable, candidate - margin))
    low = max(low, -margin, 0.0)
    high = min(high, 1.0 - margin, 1.0)
    for _ in range(40):
        middle = (low + high) / 2
        c = middle + margin
        pull = nc * (c - candidate) * middle * (1 - middle) + ns * (middle - stable) * c * (1 - c)
        if pull > 0:
            high = middle
        else:
            low = middle
    return (low + high) / 2


def against(candidate: Arm, rate: float, objective: float) -> float:
    """Log e-value against θc ≤ objective (for rate > objective) or θc ≥ objective (for rate <
    objective).

    The likelihood ratio of two Bernoulli laws: mean 1 at the objective, at most 1 on the far side
    (the mean is a power of an affine function of θc that falls on the way there)."""
    return _log_ratio(candidate.n, candidate.bad, rate, objective)


def growth(
    candidate: float,
    stable: float,
    true: tuple[float, float],
    bet: tuple[float, float],
    margin: float,
) -> float:
    """Expected log e-value of `projected` for a block of these (real-valued) sizes, when the rates
    are `true` = (θs, θc) and the bet was `bet`. With bet = true it is the Kullback-Leibler distance
    of the block from the null's edge: no e-value can grow faster (Grünwald, de Heide, Koolen: Safe
    testing)."""
    edge = projection(candidate, stable, bet, margin)
    return _log_ratio(stable, stable * true[0], bet[0], edge) + _log_ratio(
        candidate, candidate * true[1], bet[1], edge + margin
    )


def _log_ratio(n: float, bad: float, top: float, bottom: float) -> float:
    """Log likelihood ratio of `bad` of `n` between two rates strictly inside 0..1."""
    return bad * math.log(top / bottom) + (n - bad) * math.log((1 - top) / (1 - bottom))


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def log_sum(logs: Sequence[float]) -> float:
    """log Σ exp, without overflow."""
    top = max(logs)
    if math.isinf(top):
        return top
    return top + math.log(math.fsum([math.exp(x - top) for x in logs]))


def log_add(a: float, b: float) -> float:
    """`log_sum` of two."""
    if a < b:
        a, b = b, a
    if math.isinf(a):
        return a
    return a + math.log1p(math.exp(b - a))
