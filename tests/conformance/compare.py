"""Two runs of one script, compared: the fixpoint of each step, and the order of distinct states in
between.

Controllers of a real cluster run beside each other, so the order of facts that do not depend on
each other is chance; therefore each column (the traffic shown, whether it is settled, the split
routed, the life of each revision, KServe's pointers) is compared by itself, within a step. A state
may go unobserved, one at a time; none may be reordered.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import cache, partial
from itertools import zip_longest

from tests.conformance.states import State, Step, Trace


def differences(fake: Trace, real: Trace) -> list[str]:
    """Every difference in words; empty: they agree."""
    results = []
    for mine, theirs in zip_longest(fake, real):
        if mine is None or theirs is None or mine.name != theirs.name:
            results.append(
                f"other steps: {mine and mine.name!r} against {theirs and theirs.name!r}"
            )
            break
        if mine.states[-1] != theirs.states[-1]:
            results.append(
                f"{mine.name}: ends in {mine.states[-1]} in the fake, {theirs.states[-1]} in the "
                "real one"
            )
        results += [f"{mine.name}: {line}" for line in _columns(mine, theirs)]
    return results


def _columns(fake: Step, real: Step) -> Iterable[str]:
    numbers = sorted({n for state in (*fake.states, *real.states) for n, _ in state.lives})
    columns: dict[str, Callable[[State], str]] = {
        "shown": lambda s: s.shown,
        "settled": lambda s: "yes" if s.settled else "no",
        "routed": lambda s: s.routed,
        "KServe's pointers": lambda s: s.pointers or "none",
        **{f"r{n}": partial(State.life, revision=n) for n in numbers},
    }
    for name, pick in columns.items():
        first = distinct(map(pick, fake.states))
        other = distinct(map(pick, real.states))
        if not agree(first, other):
            yield f"{name} goes {' > '.join(first)} in the fake, {' > '.join(other)} in the real one"


def distinct(words: Iterable[str]) -> tuple[str, ...]:
    """Without repetitions next to each other."""
    result: list[str] = []
    for word in words:
        if not result or result[-1] != word:
            result.append(word)
    return tuple(result)


def agree(first: Sequence[str], other: Sequence[str]) -> bool:
    """Whether two orders of states may be those of one process: both begin and end alike; in
    between a side may miss states, one at a time (of `a b a` it may have seen `a`); what one side
    shows at one place, the other may not show at another instead."""

    @cache
    def fits(i: int, j: int, only_one: frozenset[str], only_other: frozenset[str]) -> bool:
        if only_one & only_other:
            return False  # the same state at two places: reordered
        if i == len(first) - 1 and j == len(other) - 1:
            return True
        return any(
            fits(
                i + a,
                j + b,
                only_one | set(first[i + 1 : i + a]),
                only_other | set(other[j + 1 : j + b]),
            )
            for a, b in ((1, 1), (1, 2), (2, 1), (2, 2), (2, 0), (0, 2))
            if i + a < len(first) and j + b < len(other) and first[i + a] == other[j + b]
        )

    return (
        bool(first)
        and bool(other)
        and first[0] == other[0]
        and fits(0, 0, frozenset(), frozenset())
    )


def told(trace: Trace) -> str:
    """A run for people."""
    return "\n".join(
        f"{step.name}\n" + "\n".join(f"    {state}" for state in step.states) for step in trace
    )
