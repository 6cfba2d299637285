"""Bets on the mean of a bounded quantity: an e-process for a metric such as a queue time.

Each interval gives a value, which is cut off at the metric's largest and divided by it: x in 0..1.
With o the objective on the same scale, a bet on the alternative mean p multiplies by

    1 + λ (x − o),   λ = (p − o) / (o (1 − o))

which for x of 0 and 1 is the likelihood ratio of two Bernoulli laws, and between them the straight
line. It is never negative, and its mean is 1 where x has the mean o, at most 1 on the far side,
whatever else the law of x is. So with a p above o the product is a nonnegative supermartingale
under the null "given the past, each interval's mean of min(value, max) is at most the objective",
and with a p below o under "at least" (Waudby-Smith and Ramdas, Estimating means of bounded random
variables by betting). Mixtures of such products are, too, and so is what `windows` leaves of one.

What is only measured, and not promised: intervals that depend on each other. A value that stays high
for minutes, because a node is slow, is a high mean given the past; it fails the candidate as soon as
no window alone carries the evidence.
"""

import math

from tidegate.core.evalues import Arm, Block
from tidegate.core.sequential import Test, Wealth, bets, capital, staked
from tidegate.core.windows import MOST_TOWARD_FAIL

# One value counts like so many answers where a little of the capital is spread again
_WEIGHT = 10
_LIMIT = math.log(MOST_TOWARD_FAIL)


def log_evalues(test: Test, value: float) -> tuple[float, ...]:
    """The log e-value of one value, 0..1, for each bet. The test has an objective."""
    edge = test.objective
    assert edge is not None
    return tuple(
        math.log1p((p - edge) / (edge * (1 - edge)) * (value - edge)) for _, p in bets(test)
    )


def bet(wealth: Wealth, test: Test, value: float, window: int) -> Wealth:
    """The capital after one value, 0..1. Every bet toward "worse" is limited in its window: one
    interval's value is one draw, however many requests it holds."""
    gains = log_evalues(test, value)
    limits = (_LIMIT,) * len(gains)
    return staked(wealth, test, gains, Block(Arm(_WEIGHT)), window, limits)


def values_to(wealth: Wealth, test: Test, threshold: float, value: float) -> float | None:
    """About how many more values like this one, 0..1, a test needs to reach log capital
    `threshold`; None: it is not expected to get there. Windows limit it beside that."""
    needs = [
        max(0.0, threshold - own) / gain
        for own, gain in zip(capital(wealth, test), log_evalues(test, value), strict=True)
        if gain > 1e-9
    ]
    return min(needs, default=None)
