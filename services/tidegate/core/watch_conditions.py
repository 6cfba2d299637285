"""What people are told of the watch after a promotion. Nothing while nothing is wrong: then the
rollout's own answer says until when it lasts."""

from collections.abc import Iterator, Sequence

from tidegate.core.conditions import Code, Condition, Param
from tidegate.core.steering import Decided
from tidegate.core.watch_values import Watch, WatchState, WatchStatus, summary

_CODES = {
    WatchState.COMPARING: Code.WATCH_COMPARING,
    WatchState.SHARED: Code.SHARED_OUTAGE,
    WatchState.FAILING: Code.WATCH_FAILED,
}


def conditions(decisions: Sequence[Decided]) -> tuple[Condition, ...]:
    """Of every watch that still looks."""
    return tuple(condition for decided in decisions for condition in _of(decided))


def status(decisions: Sequence[Decided]) -> WatchStatus | None:
    """The watch that still looks, None where none does."""
    for decided in decisions:
        watch = decided.progress.watch
        if watch is not None and watch.runs:
            rollout = decided.rollout
            return summary(rollout.id, rollout.candidate, rollout.base, watch)
    return None


def _of(decided: Decided) -> Iterator[Condition]:
    watch = decided.progress.watch
    if watch is None or not watch.runs:
        return
    code = _CODES.get(watch.state)
    params: dict[str, Param] = {
        "rollout": decided.rollout.id,
        "revision": decided.rollout.candidate,
        "base": decided.rollout.base,
    }
    if code is not None:
        yield Condition(code, watch.message, params)
    if watch.released:
        yield Condition(Code.STANDBY_RELEASED, _released(decided, watch), params)


def _released(decided: Decided, watch: Watch) -> str:
    base = decided.rollout.base
    return f"r{base} is no longer on standby, so no undo is at hand: {watch.released}"
