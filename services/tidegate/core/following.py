"""What follows an action that was accepted, in one line for people."""

from collections.abc import Sequence

from tidegate.core import commands, reachable
from tidegate.core.intent import EndpointKey
from tidegate.core.rollout import STARTING, ActionKind, Progress, Rollout
from tidegate.core.strategy import Ending, Kind

_TOWARD_STABLE = (ActionKind.ABORT, ActionKind.REJECT)


def of_start(key: EndpointKey, rollout: Rollout, *, queued: bool) -> str:
    """What follows the start of a rollout. queued: it waits behind one that is superseded."""
    candidate = f"r{rollout.candidate}"
    steps = rollout.strategy.steps
    ready = f"{candidate} gets ready without traffic"
    if rollout.strategy.kind is Kind.UNDO:
        follows = f"{candidate} gets ready, then all traffic goes to it"
    elif steps:
        first = reachable.describe(steps[0].candidate_traffic)
        follows = f"{ready}, then step 1 of {len(steps)}: {first}"
    else:
        follows = f"{ready}, then `tidegate set canary {key} PERCENT` moves it"
    if queued:
        return f"the running rollout ends first; {follows}"
    return follows


def of_waiting(rollout: Rollout) -> str:
    """What follows the end of a rollout that waits behind another one."""
    return f"{named(rollout)}, which waits behind another one, does not start"


def of_end(stable: int, queued: Sequence[Rollout]) -> str:
    """What follows the end of the rollout that acts, while others start after it. stable: what is
    stable then."""
    follows = f"all traffic goes back to r{stable}"
    for rollout in queued:
        follows += (
            f"; then {named(rollout)} starts: `{commands.abort_by_id(rollout.id)}` ends that one"
        )
    return follows


def of_ends(stable: int, acting: Rollout, queued: Sequence[Rollout]) -> str:
    """What follows an undo that ends everything that runs, or waits behind it."""
    ends = "the rollout ends"
    if queued:
        names = ", ".join(named(each) for each in (acting, *queued))
        ends = f"these end: {names}"
    return f"{ends}, all traffic goes back to r{stable}"


def named(rollout: Rollout) -> str:
    """A rollout in a sentence: its kind, candidate and author."""
    return f"the {rollout.strategy.kind} of r{rollout.candidate} by {rollout.author}"


def of_resumed_undo(rollout: Rollout, cause: str) -> str:
    """What follows an undo to where one leads that somebody paused or overrode. cause: who did."""
    return f"the undo to r{rollout.candidate}, {cause}, goes on: all traffic goes there"


def of_action(kind: ActionKind, rollout: Rollout, progress: Progress) -> str:
    """What follows an action on a running rollout."""
    if kind in _TOWARD_STABLE:
        return f"all traffic goes back to r{rollout.base}"
    match kind:
        case ActionKind.PAUSE:
            return (
                "no more traffic goes to the candidate until `resume`; a failing one is still "
                "rolled back"
            )
        case ActionKind.RESUME:
            return "the rollout goes on by its plan"
        case ActionKind.APPROVE:
            return _approval(rollout, progress)
        case ActionKind.PROMOTE:
            return promotion(rollout)
    raise ValueError(f"nobody asks a rollout to {kind}")


def promotion(rollout: Rollout) -> str:
    """A rollout that promotes its candidate."""
    return f"r{rollout.candidate} becomes stable and gets all traffic"


def _approval(rollout: Rollout, progress: Progress) -> str:
    steps = rollout.strategy.steps
    following = progress.step.index + 1
    if progress.step.index > STARTING and following < len(steps):
        traffic = reachable.describe(steps[following].candidate_traffic)
        return f"step {following + 1} of {len(steps)} follows: {traffic}"
    if rollout.strategy.ending is Ending.KEEP_STABLE:
        return f"r{rollout.candidate} goes, r{rollout.base} stays stable"
    return promotion(rollout)
