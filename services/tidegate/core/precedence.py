"""Who wins when a person acts on an endpoint while a rollout runs on it.

Toward stable always works. Raising the candidate by hand needs a `manual` rollout or an override.
Promoting a rollout that waits for a person is that person's answer. Every result is a value: what
the action changes, or why it is refused. The service turns refusals into answers.
"""

from dataclasses import dataclass

from tidegate.core.intent import Intent
from tidegate.core.open_rollout import OpenRollout
from tidegate.core.phases import waits_for_person
from tidegate.core.rollout import STARTING, ActionKind, Rollout
from tidegate.core.strategy import Kind

PROMOTE = 100  # percent: the promotion, never stored


@dataclass(frozen=True, slots=True)
class Lowering:
    """Fewer requests for the candidate, or as many: allowed whatever generation the caller saw.

    percent: for the next intent; None: it has that percent already. actions: for the controller,
    in this order.
    """

    percent: int | None
    actions: tuple[ActionKind, ...] = ()


@dataclass(frozen=True, slots=True)
class Raising:
    """More requests for the candidate.

    percent: for the next intent. actions: for the controller, in this order.
    """

    percent: int
    actions: tuple[ActionKind, ...] = ()


@dataclass(frozen=True, slots=True)
class Promotion:
    """The controller makes the candidate stable. actions: for it, in this order."""

    actions: tuple[ActionKind, ...]


@dataclass(frozen=True, slots=True)
class NoCandidate:
    """There is nothing to send traffic to."""


@dataclass(frozen=True, slots=True)
class RolloutEnded:
    """The candidate's rollout has ended meanwhile, and without one nothing is raised."""


@dataclass(frozen=True, slots=True)
class RolloutEnding:
    """The rollout has been decided. cause: the ending and its reason."""

    rollout: str
    cause: str


@dataclass(frozen=True, slots=True)
class NeedsOverride:
    """The rollout moves the traffic by its plan.

    rise: the percents that were asked for, from and to; None: the promotion.
    """

    rollout: str
    kind: Kind
    rise: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class NothingToApprove:
    """The rollout has no step that waits for a person now."""

    rollout: str


@dataclass(frozen=True, slots=True)
class RolloutRunning:
    """Another rollout acts on the endpoint, of revision `candidate`."""

    rollout: str
    kind: Kind
    candidate: int

    @classmethod
    def of(cls, rollout: Rollout) -> "RolloutRunning":
        """Return the refusal that names this rollout."""
        return cls(rollout.id, rollout.strategy.kind, rollout.candidate)


Change = Lowering | Raising | Promotion
Refusal = (
    NoCandidate | RolloutEnded | RolloutEnding | NeedsOverride | NothingToApprove | RolloutRunning
)


def decide_percent(
    percent: int | None, intent: Intent, running: OpenRollout | None, *, override: bool
) -> Change | Refusal:
    """What setting the candidate's percent set by a person comes to; None and 100 are the
    promotion."""
    if running is None:
        return _percent_without_rollout(percent, intent)
    if running.progress.ending is not None:
        return _ending(running)
    if percent is None or percent == PROMOTE:
        return decide_promotion(running, override=override)
    with_candidate = intent.candidate == running.rollout.candidate
    current = 0
    if with_candidate:
        current = intent.candidate_traffic.percent
    if percent <= current:
        return _lower(percent, current, running)
    return _raise(percent, current, running, override=override)


def decide_promotion(running: OpenRollout, *, override: bool) -> Promotion | Refusal:
    """What promoting comes to: a person's answer where one is waited for, else an override
    first."""
    if running.leaving:
        return _ending(running)
    if _takes_promotion(running):
        return Promotion((ActionKind.PROMOTE,))
    if override:
        return Promotion((ActionKind.OVERRIDE, ActionKind.PROMOTE))
    return _needs_override(running, None)


def refuse_approval(running: OpenRollout) -> Refusal | None:
    """Why a rollout takes no approval now; None where it waits for one."""
    if running.override or not waits_for_person(running.rollout, running.progress):
        return NothingToApprove(running.rollout.id)
    return None


def refuse_counts(running: OpenRollout) -> Refusal | None:
    """Why a rollout takes no counts from outside any more; None while it is open."""
    if not running.leaving:
        return None
    return _ending(running)


def refuse_start(running: OpenRollout | None, *, supersede: bool) -> Refusal | None:
    """Why no rollout starts beside this one; None where none runs, or the new one supersedes it."""
    if running is None or supersede:
        return None
    return RolloutRunning.of(running.rollout)


def _percent_without_rollout(percent: int | None, intent: Intent) -> Lowering | Refusal:
    if intent.candidate is None:
        return NoCandidate()
    # Its rollout ended a moment ago
    if percent is not None and percent <= intent.candidate_traffic.percent:
        return Lowering(percent)
    return RolloutEnded()


def _lower(percent: int, current: int, running: OpenRollout) -> Lowering:
    """A plan that is lowered by hand is paused, or it would raise the candidate again."""
    if percent == current:
        return Lowering(None)
    if running.override or running.paused:
        return Lowering(percent)
    return Lowering(percent, (ActionKind.PAUSE,))


def _raise(
    percent: int,
    current: int,
    running: OpenRollout,
    *,
    override: bool,
) -> Raising | Refusal:
    if running.leaving:
        return _ending(running)
    if running.override:
        return Raising(percent)
    if override:
        return Raising(percent, (ActionKind.OVERRIDE,))
    return _needs_override(running, (current, percent))


def _takes_promotion(running: OpenRollout) -> bool:
    """Whether promoting overrides nobody. An A/B may be decided by a person at any time."""
    rollout = running.rollout
    progress = running.progress
    compared = rollout.strategy.kind is Kind.AB and progress.step > STARTING
    return running.override or compared or waits_for_person(rollout, progress)


def _ending(running: OpenRollout) -> RolloutEnding:
    return RolloutEnding(running.rollout.id, running.leaving)


def _needs_override(running: OpenRollout, rise: tuple[int, int] | None) -> NeedsOverride:
    return NeedsOverride(running.rollout.id, running.rollout.strategy.kind, rise)
