"""Who wins when a person moves traffic: the core decides, here its refusals become problems."""

from dataclasses import dataclass
from typing import assert_never

from tidegate.core.errors import Problem, Remediation
from tidegate.core.intent import Intent
from tidegate.core.open_rollout import OpenRollout
from tidegate.core.precedence import (
    Change,
    NeedsOverride,
    NoCandidate,
    NothingToApprove,
    Promotion,
    Refusal,
    RolloutEnded,
    RolloutEnding,
    RolloutRunning,
    decide_percent,
    decide_promotion,
)
from tidegate.core.rollout import Action, Progress, Rollout
from tidegate.core.rules import NAME_CANDIDATE
from tidegate.store.values import StoredRollout
from tidegate.web.problems import ApiError, refused


@dataclass(frozen=True, slots=True)
class Running:
    """A stored rollout that has not ended, with the actions that its controller has not seen
    yet."""

    stored: StoredRollout
    pending: tuple[Action, ...] = ()

    @property
    def rollout(self) -> Rollout:
        """As it was asked for."""
        return self.stored.rollout

    @property
    def progress(self) -> Progress:
        """Where it stands."""
        return self.stored.progress

    @property
    def open(self) -> OpenRollout:
        """As the core decides about it."""
        return OpenRollout(self.stored.rollout, self.stored.progress, self.pending)


def change_percent(
    percent: int | None,
    intent: Intent,
    running: Running | None,
    *,
    force: bool,
) -> Change:
    """Return what `canary_percent` changes; None and 100 are the promotion.

    Raises ApiError (409, 422) where the core refuses it.
    """
    result = decide_percent(percent, intent, running.open if running else None, override=force)
    if isinstance(result, Refusal):
        raise refusal(result)
    return result


def promotion(running: Running, *, force: bool) -> Promotion:
    """Return what promoting a rollout changes. Raises ApiError (409) where the core refuses it."""
    result = decide_promotion(running.open, override=force)
    if isinstance(result, Refusal):
        raise refusal(result)
    return result


def check(result: Refusal | None) -> None:
    """Raise ApiError (409) where the core refuses an action."""
    if result is not None:
        raise refusal(result)


def refusal(result: Refusal) -> ApiError:
    """Return the answer of a refusal: 422 where the input names nothing that exists, else 409."""
    match result:
        case NoCandidate():
            return _no_candidate()
        case RolloutEnded():
            return _rollout_ended()
        case RolloutEnding(rollout, cause):
            return _rollout_ending(rollout, cause)
        case NeedsOverride():
            return _needs_override(result)
        case NothingToApprove(rollout):
            return _nothing_to_approve(rollout)
        case RolloutRunning():
            return _rollout_running(result)
        case _:
            assert_never(result)


def _no_candidate() -> ApiError:
    problem = Problem("/canary_percent", "there is no candidate to send traffic to", NAME_CANDIDATE)
    return refused(422, "no-candidate", problem)


def _rollout_ended() -> ApiError:
    remediation = Remediation("start another one")
    problem = Problem("/canary_percent", "the rollout of this candidate has ended", remediation)
    return refused(409, "no-rollout", problem)


def _rollout_ending(rollout: str, cause: str) -> ApiError:
    problem = Problem(
        "rollout",
        f"rollout {rollout} is already ending ({cause})",
        Remediation("wait until it has, then undo or start another"),
    )
    return refused(409, "rollout-ending", problem)


def _needs_override(result: NeedsOverride) -> ApiError:
    what = "promote"
    if result.rise is not None:
        current, percent = result.rise
        what = f"raise the percent from {current} to {percent}"
    plan = f"rollout {result.rollout} ({result.kind}) moves the traffic by its plan"
    problem = Problem(
        "override",
        f"cannot {what} by hand: {plan}",
        Remediation(
            "take it over under your name, or wait for it",
            "repeat with ?force=true",
            "--force",
        ),
    )
    return refused(409, "rollout-drives", problem)


def _nothing_to_approve(rollout: str) -> ApiError:
    detail = f"rollout {rollout} has no step that waits for a person's word now"
    problem = Problem("rollout", detail, Remediation("promote, resume or abort it"))
    return refused(409, "nothing-to-approve", problem)


def _rollout_running(result: RolloutRunning) -> ApiError:
    problem = Problem(
        "supersede",
        f"rollout {result.rollout} ({result.kind} of r{result.candidate}) is still running",
        Remediation(
            "wait for it, abort it, or replace it: it is aborted, and this one starts after it",
            "repeat with ?supersede=true",
            "--supersede",
        ),
    )
    return refused(409, "rollout-running", problem)
