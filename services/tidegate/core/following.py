"""What follows an action that was accepted, in one line for people."""

from collections.abc import Sequence

from tidegate.core import commands, reachable
from tidegate.core.duration import lasts
from tidegate.core.intent import EndpointKey, Scaling
from tidegate.core.open_rollout import OpenRollout
from tidegate.core.precedence import Change, Promotion
from tidegate.core.rollout import STARTING, ActionKind, Progress, Rollout
from tidegate.core.strategy import Ending, Kind

ADOPT = "it serves on as r0, and no pod restarts"  # what follows an adoption
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


def of_create(first: int) -> str:
    """What follows the creation of an endpoint."""
    return f"r{first} gets ready, then it serves all traffic"


def of_delete(opened: Sequence[OpenRollout]) -> str:
    """What follows a delete. opened: the rollouts that have not ended."""
    running = ""
    if len(opened) == 1:
        running = "its rollout ends, then "
    elif opened:
        running = f"its {len(opened)} rollouts end, then "
    return f"{running}its objects go; its history and its numbers stay"


def of_scaling(scaling: Scaling) -> str:
    """What follows a change of the replica bounds."""
    if scaling.min_replicas == scaling.max_replicas:
        return f"every revision has {_replicas(scaling.min_replicas)} from now on"
    return (
        f"every revision has {scaling.min_replicas} to {_replicas(scaling.max_replicas)} "
        "from now on"
    )


def _replicas(count: int) -> str:
    if count == 1:
        return "1 replica"
    return f"{count} replicas"


def of_percent(key: EndpointKey, percent: int, change: Change, running: OpenRollout) -> str:
    """What follows a percent that a person sets for the candidate of a rollout. running: as it was
    before."""
    rollout = running.rollout
    candidate = f"r{rollout.candidate}"
    if isinstance(change, Promotion):
        return promotion(rollout)
    moved = f"{percent} % of the traffic goes to {candidate}"
    if running.going_back:
        return f"{moved} until it has gone back to r{rollout.base}"
    if running.progress.step.index == STARTING:
        moved = f"{candidate} gets ready, then {percent} % of the traffic goes to it"
    paused = ActionKind.PAUSE in change.actions
    if paused or rollout.strategy.kind is not Kind.MANUAL:
        return f"{moved}, and its plan rests until `{commands.resume(key)}`"
    return moved


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


def of_heartbeat(rollout: Rollout, *, release: bool) -> str:
    """What follows a heartbeat of a rollout's pipeline. release: its last one."""
    if release:
        return "no more heartbeats are waited for"
    if rollout.guard is None:
        return "nothing: this rollout waits for no heartbeats"
    return f"the next one is waited for {lasts(rollout.guard.timeout)}"


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
