"""How a mean with an objective fares: `python bench/means.py` writes build/means.md.

One value each quarter of a window; the largest value is four times the objective. Noise is a
log-normal factor of a window (mean 1), so that the four values of a window go together.
"""

import math
import random
from collections.abc import Iterator
from pathlib import Path
from statistics import quantiles

from tidegate.core.own.mean import bet
from tidegate.core.sequential import Test, Wealth

RUNS = 400
WINDOWS = 60
PER_WINDOW = 4
OBJECTIVE = 0.25  # of the largest value
ALPHA = 0.0033  # a part of three of alpha 1 %
NEVER = WINDOWS + 1


def noise(rng: random.Random, cv: float) -> float:
    """A factor of mean 1."""
    spread = math.log1p(cv * cv)
    return math.exp(rng.gauss(-spread / 2, math.sqrt(spread)))


def windows_until(rng: random.Random, ratio: float, cv: float, worse: bool) -> int:
    """Windows until the verdict; NEVER where none came. ratio: of the mean to the objective."""
    test = Test(worse, objective=OBJECTIVE)
    threshold = math.log(1 / (ALPHA if worse else 0.01))
    wealth = Wealth()
    for window in range(WINDOWS):
        own = noise(rng, cv)
        for _ in range(PER_WINDOW):
            value = min(ratio * OBJECTIVE * own * noise(rng, 0.2), 1.0)
            wealth = bet(wealth, test, value, window)
            if wealth.log_e >= threshold:
                return window + 1
    return NEVER


def lines() -> Iterator[str]:
    """A row for each mean and noise."""
    yield "| mean / objective | noise of a window | fails | windows until fail | passes | until pass |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for ratio in (0.1, 0.5, 0.8, 1.0, 1.5, 2.0, 4.0):
        for cv in (0.0, 0.5, 1.0):
            rng = random.Random(f"{ratio} {cv}")
            fails = [windows_until(rng, ratio, cv, True) for _ in range(RUNS)]
            passes = [windows_until(rng, ratio, cv, False) for _ in range(RUNS)]
            cells = (*_cells(fails), *_cells(passes))
            yield f"| {ratio:g} | {cv:g} | {' | '.join(cells)} |"


def _cells(windows: list[int]) -> tuple[str, str]:
    """(share of the runs with a verdict, median and 90th percentile of the windows)."""
    share = sum(each < NEVER for each in windows) / len(windows)
    if share < 0.5:
        return f"{100 * share:.1f} %", "-"
    tenths = quantiles(windows, n=10)
    last = f"{tenths[8]:.0f}" if tenths[8] < NEVER else "never"
    return f"{100 * share:.1f} %", f"{tenths[4]:.0f} / {last}"


def main() -> None:
    """Write the table."""
    folder = Path("build")
    folder.mkdir(exist_ok=True)
    text = "\n".join(lines()) + "\n"
    (folder / "means.md").write_text(text)
    print(text)  # noqa: T201


if __name__ == "__main__":
    main()
