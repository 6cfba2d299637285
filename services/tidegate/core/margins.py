"""The stated bound: by how much the candidate may be worse, when a step ends without a verdict.

A pass refutes "θc ≥ θs + m in every block of the step" for one margin m, the plan's. Here the same
test runs for each m of a fixed list. The stated bound is the least m of which it, and every larger
one, has reached 1/alpha.

Why one alpha is enough: let D be the least by which the candidate is truly worse in any block. The
statement "at most m" is false only where m ≤ D. Then m's largest neighbour in the list that is not
above D has a true null and has reached 1/alpha, too; that one test does so with probability at most
alpha, however often one looks (Ville). Like a pass it says nothing of a candidate that is worse in
some blocks and not in others, and no window of time decides alone (`windows`).
"""

import math
from collections.abc import Sequence
from dataclasses import replace

from tidegate.core.analysis import Metric
from tidegate.core.evalues import Block
from tidegate.core.sequential import Test, Wealth, advance, restart

# Shares of requests above stable's, or above the objective
MARGINS = (
    0.0025,
    0.005,
    0.0075,
    0.01,
    0.015,
    0.02,
    0.03,
    0.04,
    0.05,
    0.075,
    0.1,
    0.15,
    0.2,
    0.3,
    0.4,
)


def tests(metric: Metric) -> tuple[Test, ...]:
    """The tests of a metric's margins, in their order."""
    base = metric.pass_test
    if metric.objective is None:
        return tuple(replace(base, margin=margin) for margin in MARGINS)
    # Beyond a share of 1 there is nothing to refute
    shares = (min(metric.objective + margin, 0.99) for margin in MARGINS)
    return tuple(replace(base, objective=share) for share in shares)


def weigh(
    wealths: Sequence[Wealth],
    metric: Metric,
    block: Block,
    *others: Block,
    window: int | None = None,
) -> tuple[Wealth, ...]:
    """How the tests stand after one block; arguments as of `sequential.advance`."""
    before = wealths or (Wealth(),) * len(MARGINS)
    return tuple(
        advance(wealth, test, block, *others, window=window)
        for wealth, test in zip(before, tests(metric), strict=True)
    )


def restarted(wealths: Sequence[Wealth], metric: Metric) -> tuple[Wealth, ...]:
    """The tests at the start of another step."""
    if not wealths:
        return ()
    return tuple(restart(wealth, test) for wealth, test in zip(wealths, tests(metric), strict=True))


def bound(wealths: Sequence[Wealth], alpha: float) -> float | None:
    """The stated bound as a share; None where not even the largest margin is refuted yet."""
    least = None
    for margin, wealth in zip(reversed(MARGINS), reversed(wealths), strict=False):
        if wealth.log_e < math.log(1 / alpha):
            break
        least = margin
    return least
