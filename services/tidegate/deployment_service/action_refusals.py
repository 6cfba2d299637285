"""Why an action on a rollout is refused, as a problem with the exact next command."""

from datetime import UTC, datetime
from typing import assert_never

from tidegate.core import commands
from tidegate.core.errors import Problem, Remediation
from tidegate.core.intent import EndpointKey
from tidegate.core.precedence import (
    AlreadyAnswered,
    NeedsOverride,
    NoCandidate,
    NothingToApprove,
    NothingToResume,
    OtherStep,
    Refusal,
    RolloutEnded,
    RolloutEnding,
    RolloutRunning,
    StepMissing,
)
from tidegate.core.rollout import ActionKind
from tidegate.core.rules import NAME_CANDIDATE
from tidegate.store.values import StoredRollout
from tidegate.web.problems import ApiError, refused

_DONE = {ActionKind.APPROVE: "approved", ActionKind.PROMOTE: "answered by a promotion"}


def refusal(key: EndpointKey, result: Refusal) -> ApiError:
    """Return the answer of a refusal: 422 where the input lacks something, else 409."""
    match result:
        case NoCandidate():
            return _no_candidate()
        case RolloutEnded():
            return _rollout_ended(key, result)
        case RolloutEnding():
            return _rollout_ending(key, result)
        case NeedsOverride():
            return _needs_override(key, result)
        case NothingToApprove(rollout):
            return _nothing_to_approve(key, rollout)
        case StepMissing():
            return _step_missing(key, result)
        case OtherStep():
            return _other_step(key, result)
        case AlreadyAnswered():
            return _already_answered(key, result)
        case NothingToResume(rollout):
            return _nothing_to_resume(key, rollout)
        case RolloutRunning():
            return _rollout_running(key, result)
        case _:
            assert_never(result)


def ended(key: EndpointKey, rollout: str, outcome: str, *, back: bool = False) -> ApiError:
    """409: what has ended takes no more actions. back: what is refused leads to stable, so that a
    promotion is undone instead."""
    if outcome == "promoted" and not back:
        remediation = Remediation(
            "leave it: it has got there",
            f"GET /api/v1/rollouts/{rollout}",
            f"tidegate rollout status {rollout}",
        )
    elif outcome == "promoted":
        remediation = Remediation(
            "go back to what served before",
            f"POST /api/v1/endpoints/{key.namespace}/{key.name}/undo",
            commands.undo(key),
        )
    else:
        remediation = Remediation(
            "make a new attempt",
            f"POST /api/v1/rollouts/{rollout}/retry",
            f"tidegate rollout retry {rollout}",
        )
    problem = Problem("rollout", f"rollout {rollout} has ended ({outcome})", remediation)
    return refused(409, "rollout-ended", problem)


def instead_of_retry(old: StoredRollout) -> Remediation:
    """What to do about a rollout that did not fail."""
    key = old.key
    candidate = old.rollout.candidate
    body = f'{{"revision": {candidate}}}'
    request = f"POST /api/v1/endpoints/{key.namespace}/{key.name}/rollouts?supersede=true {body}"
    if old.outcome is None:
        return Remediation("begin with it anew", request, commands.start_over(key, candidate))
    return Remediation(
        "leave it: it has got there",
        f"GET /api/v1/rollouts/{old.rollout.id}",
        f"tidegate rollout status {old.rollout.id}",
    )


def _no_candidate() -> ApiError:
    problem = Problem("/canary_percent", "there is no candidate to send traffic to", NAME_CANDIDATE)
    return refused(422, "no-candidate", problem)


def _rollout_ended(key: EndpointKey, result: RolloutEnded) -> ApiError:
    body = f'{{"revision": {result.candidate}}}'
    remediation = Remediation(
        "start another one",
        f"POST /api/v1/endpoints/{key.namespace}/{key.name}/rollouts {body}",
        commands.start_over(key, result.candidate),
    )
    problem = Problem("/canary_percent", "the rollout of this candidate has ended", remediation)
    return refused(409, "no-rollout", problem)


def _rollout_ending(key: EndpointKey, result: RolloutEnding) -> ApiError:
    detail = f"rollout {result.rollout} is already ending ({result.cause})"
    if result.forward:
        remediation = Remediation(
            "leave it: it goes there",
            f"GET /api/v1/rollouts/{result.rollout}",
            f"tidegate rollout status {result.rollout} -w",
        )
    elif result.promoting:
        remediation = Remediation(
            "abort it, which goes back to stable",
            f"POST /api/v1/rollouts/{result.rollout}/abort",
            commands.abort(key),
        )
    else:
        remediation = Remediation(
            "wait until it has ended, then make a new attempt",
            f"GET /api/v1/rollouts/{result.rollout}",
            f"tidegate rollout status {result.rollout} -w",
        )
    return refused(409, "rollout-ending", Problem("rollout", detail, remediation))


def _needs_override(key: EndpointKey, result: NeedsOverride) -> ApiError:
    what = "promote"
    command = f"tidegate rollout promote {key} --force"
    if result.rise is not None:
        current, percent = result.rise
        what = f"raise the percent from {current} to {percent}"
        command = f"tidegate set canary {key} {percent} --force"
    plan = f"rollout {result.rollout} ({result.kind}) moves the traffic by its plan"
    problem = Problem(
        "override",
        f"cannot {what} by hand: {plan}",
        Remediation(
            "take it over under your name, or wait for it",
            "repeat with ?force=true",
            command,
        ),
    )
    return refused(409, "rollout-drives", problem)


def _nothing_to_approve(key: EndpointKey, rollout: str) -> ApiError:
    detail = f"rollout {rollout} has no step that waits for a person's word now"
    remediation = Remediation(
        "look where it is, then promote, resume or abort it",
        f"GET /api/v1/rollouts/{rollout}",
        f"tidegate rollout status {key}",
    )
    return refused(409, "nothing-to-approve", Problem("rollout", detail, remediation))


def _step_missing(key: EndpointKey, result: StepMissing) -> ApiError:
    detail = f"step {result.step} of rollout {result.rollout} waits, and the answer names no step"
    if result.by_percent:
        remediation = Remediation(
            f"look at step {result.step}, then promote by its number",
            f'POST /api/v1/rollouts/{result.rollout}/promote {{"step": {result.step}}}',
            f"tidegate rollout promote {key} --step {result.step}",
        )
        return refused(422, "step-missing", Problem("/canary_percent", detail, remediation))
    remediation = Remediation(
        f"look at step {result.step}, then name it",
        f'{{"step": {result.step}}}',
        f"--step {result.step}; `tidegate rollout status {key}` shows its evidence",
    )
    return refused(422, "step-missing", Problem("/step", detail, remediation))


def _other_step(key: EndpointKey, result: OtherStep) -> ApiError:
    place = f"at step {result.step}"
    if result.step == 0:
        place = "still before step 1"
    waits = "which waits for no answer"
    if result.waits:
        waits = "which waits for an answer of its own"
    remediation = Remediation(
        "look at it, then decide anew",
        f"GET /api/v1/rollouts/{result.rollout}",
        f"tidegate rollout status {key}",
    )
    detail = (
        f"the answer is for step {result.named}, and rollout {result.rollout} is {place}, {waits}"
    )
    return refused(409, "other-step", Problem("/step", detail, remediation))


def _already_answered(key: EndpointKey, result: AlreadyAnswered) -> ApiError:
    what = f"rollout {result.rollout} was promoted"
    if result.step is not None:
        what = f"step {result.step} of rollout {result.rollout} was {_DONE[result.kind]}"
    when = ""
    if result.at is not None:
        when = f", at {datetime.fromtimestamp(result.at, UTC):%Y-%m-%dT%H:%M:%SZ}"
    remediation = Remediation(
        "look what follows, then decide anew",
        f"GET /api/v1/rollouts/{result.rollout}",
        f"tidegate rollout status {key}",
    )
    problem = Problem("/step", f"{what} by {result.author} already{when}", remediation)
    return refused(409, "already-answered", problem)


def _nothing_to_resume(key: EndpointKey, rollout: str) -> ApiError:
    remediation = Remediation(
        "look where it is",
        f"GET /api/v1/rollouts/{rollout}",
        f"tidegate rollout status {key}",
    )
    problem = Problem("rollout", f"rollout {rollout} is not paused", remediation)
    return refused(409, "nothing-to-resume", problem)


def _rollout_running(key: EndpointKey, result: RolloutRunning) -> ApiError:
    problem = Problem(
        "supersede",
        f"rollout {result.rollout} ({result.kind} of r{result.candidate}) is still running",
        Remediation(
            "wait for it, abort it, or replace it: it is aborted, and this one starts after it",
            "repeat with ?supersede=true",
            f"--supersede, or {commands.abort(key)}",
        ),
    )
    return refused(409, "rollout-running", problem)
