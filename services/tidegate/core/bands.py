"""Bands: how well a share is known, at all times at once. For people's eyes; nothing decides by it.

Robbins' mixture for a Bernoulli stream with one unknown share θ: the Beta(1/2, 1/2) mixture of
likelihood ratios to θ is an e-process under θ, so the shares at which it has not reached 1/alpha
hold the true one at all times with probability at least 1 - alpha (Robbins 1970; Howard, Ramdas et
al. 2021). It needs answers that are independent and a share that stays: within one step of a
rollout that is a fair picture, and no more than that.
"""

import math

from tidegate.core.evalues import Arm

_HALVINGS = 50  # of bisection: 2**-50 is far below what anybody reads


def band(arm: Arm, alpha: float) -> tuple[float, float]:
    """The lowest and the highest share of bad answers (0..1) that these counts leave."""
    if not arm.n:
        return 0.0, 1.0
    limit = math.log(1 / alpha)
    rate = arm.bad / arm.n
    low = 0.0
    if arm.bad:
        low = _edge(arm, limit, rate, 0.0)
    high = 1.0
    if arm.bad < arm.n:
        high = _edge(arm, limit, rate, 1.0)
    return low, high


def difference(candidate: Arm, stable: Arm, alpha: float) -> tuple[float, float]:
    """The least and the most by which the candidate's share of bad answers may be above stable's
    (-1..1): each of the two is known at alpha / 2."""
    first = band(candidate, alpha / 2)
    second = band(stable, alpha / 2)
    return first[0] - second[1], first[1] - second[0]


def _edge(arm: Arm, limit: float, inside: float, outside: float) -> float:
    """Where the mixture reaches the limit between a share that is in the band and one that is
    not."""
    for _ in range(_HALVINGS):
        middle = (inside + outside) / 2
        if _log_mixture(arm, middle) < limit:
            inside = middle
        else:
            outside = middle
    return outside


def _log_mixture(arm: Arm, share: float) -> float:
    """Log of the mixture's likelihood ratio to `share`, strictly inside 0..1."""
    good = arm.n - arm.bad
    mixture = _log_beta(arm.bad + 0.5, good + 0.5) - _log_beta(0.5, 0.5)
    return mixture - arm.bad * math.log(share) - good * math.log1p(-share)


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
