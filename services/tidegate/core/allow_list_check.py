"""The check of the allow-list: what becomes of an intent or a decision that names a revision which
its tenant may not name any more.

A list may be narrowed while an endpoint serves. What serves is never taken away for it, and the way
to stable stays open: only a candidate gets nothing new. So the list stops going up, and stops
nothing else. An undo is no rollout of something new: what has served is not asked about again, and
what it leads away from may be bad.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from tidegate.core.allowed import Allowed, check_spec
from tidegate.core.elapsed import elapsed
from tidegate.core.intent import NO_TRAFFIC, Intent, Revision
from tidegate.core.observation import Observation
from tidegate.core.rollout import (
    NO_WAIT,
    Decision,
    Note,
    Outcome,
    Pause,
    PauseKind,
    Progress,
    Rollout,
    RolloutWait,
    WaitsFor,
)
from tidegate.core.traffic import Traffic, rises
from tidegate.core.turn import CONTROLLER

# Revision -> why its tenant may not name what it names; only those that may not
NotAllowed = Mapping[int, str]


def not_allowed(namespace: str, revisions: Iterable[Revision], allowed: Allowed) -> NotAllowed:
    """Every revision that is not allowed. What was adopted is its owner's: Tidegate lent it
    nothing."""
    messages = {}
    for revision in revisions:
        problems = (
            ()
            if revision.adopted
            else check_spec(namespace, revision.model, revision.runtime, allowed)
        )
        if problems:
            message = "; ".join(problem.sentence for problem in problems)
            messages[revision.number] = f"{revision.label} is not allowed here any more: {message}"
    return messages


def _goes_up(revision: int, old: Intent, new: Intent) -> bool:
    """Whether `new` wants pods of a revision that `old` did not, or gives it more requests or
    copies of them."""
    if revision not in new.desired:
        return False
    return revision not in old.desired or rises(revision, old, new)


def _tried(rollout: Rollout, not_allowed: NotAllowed) -> str | None:
    """Why the candidate is not_allowed; None where it is not, or where there is none. A rollout
    raises its candidate or rolls back to its base: so this is all that it can be paused for, and
    what it is freed from."""
    if rollout.strategy.proven:
        return None
    return not_allowed.get(rollout.candidate)


def stopped(
    rollout: Rollout, old: Intent, decision: Decision, not_allowed: NotAllowed
) -> str | None:
    """Why the decision's step from `old` is not taken; None where no not_allowed candidate rises in
    it. An ending other than the promotion always is taken. Stable and the rollout's base may always
    have more, and so may what is on standby: it runs already, and going back to it is the undo."""
    new = decision.intent
    candidate = rollout.candidate
    if new is None or decision.progress.end.toward not in (None, Outcome.PROMOTED):
        return None
    up = candidate not in (old.stable, *old.standby) and _goes_up(candidate, old, new)
    if not up:
        return None
    return _tried(rollout, not_allowed)


def pause(
    rollout: Rollout, before: Progress, decision: Decision, message: str, interval: float
) -> Decision:
    """The decision without its step: the rollout pauses until the list allows it, a person ends it,
    or the pause's deadline (`overdue`) does. Actions that the step would have granted are consumed,
    with a line in the ledger."""
    author = CONTROLLER.format(rollout.id)
    now = decision.progress.at
    held = Pause(PauseKind.NOT_ALLOWED, author, message)
    # Also where the list refuses it otherwise by now
    again = before.pause is not None and before.pause.kind is held.kind
    waited = 0.0
    if again:
        waited = before.wait.seconds + elapsed(before.at, now or 0.0, interval)
    progress = replace(
        before,
        at=now,
        action=decision.progress.action,
        pause=held,
        wait=RolloutWait(kind=WaitsFor.PAUSE, seconds=waited),
        end=replace(before.end, toward=None, message="", at=None),
        message=message,
    )
    unchanged = before.pause == held and before.action == progress.action
    return Decision(
        progress,
        message,
        decision.wake_at,
        None,
        () if unchanged else (Note(author, "pause", message),),
    )


def refuses(rollout: Rollout, progress: Progress, not_allowed: NotAllowed) -> str:
    """Why a rollout has to end because its candidate stays not_allowed; '' while it need not."""
    if overdue(rollout, progress):
        return _tried(rollout, not_allowed) or ""
    return ""


def overdue(rollout: Rollout, progress: Progress) -> bool:
    """Whether a rollout was paused for as long as a pause may last."""
    held = progress.pause is not None and progress.pause.kind is PauseKind.NOT_ALLOWED
    return held and progress.wait.seconds >= rollout.strategy.deadlines.decision


def freed(rollout: Rollout, progress: Progress, not_allowed: NotAllowed) -> Progress:
    """The progress without a pause of ours, once nothing that it could be paused for is
    not_allowed."""
    pause = progress.pause
    if (
        pause is None
        or pause.kind is not PauseKind.NOT_ALLOWED
        or _tried(rollout, not_allowed) is not None
    ):
        return progress
    return replace(progress, pause=None, wait=NO_WAIT)


def begins(intent: Intent, observation: Observation, not_allowed: NotAllowed) -> str | None:
    """Why nothing is made of an endpoint of which nothing is there yet; None where it may be made,
    or something is."""
    if intent.stable is None or observation.stamp.generation is not None or not observation.gone:
        return None
    return not_allowed.get(intent.stable)


def bounded(
    rollout: Rollout | None, intent: Intent, observation: Observation, not_allowed: NotAllowed
) -> tuple[Intent, str | None]:
    """The intent as far as it may be carried out, and why no further. A not_allowed candidate gets
    no more than the data plane gives it now, and no pods where it has none; rollout: the one that
    is running, an undo goes on."""
    candidate = intent.candidate
    if candidate is None or candidate not in not_allowed:
        return intent, None
    if (
        rollout is not None
        and rollout.candidate == candidate
        and _tried(rollout, not_allowed) is None
    ):
        return intent, None
    message = not_allowed[candidate]
    if observation.of(candidate) is None:
        return replace(intent, candidate=None, candidate_traffic=NO_TRAFFIC), message
    seen = observation.traffic or Traffic(())
    candidate_traffic = intent.candidate_traffic
    matched = any(
        rule.match == candidate_traffic.match and rule.percent(candidate) for rule in seen.rules
    )
    most = replace(
        candidate_traffic,
        percent=min(candidate_traffic.percent, seen.percent(candidate)),
        mirror=min(candidate_traffic.mirror, seen.mirrored(candidate)),
        match=candidate_traffic.match if matched else (),
    )
    if most == candidate_traffic:
        return (intent, None)
    return (replace(intent, candidate_traffic=most), message)
