"""Who wins when a person acts on an endpoint while a rollout runs on it.

Toward stable always works. Raising the candidate by hand needs a `manual` rollout or an override.
Promoting a rollout that waits for a person is that person's answer. Every result is a value: what
the action changes, or why it is refused. The service turns refusals into answers.
"""

from dataclasses import dataclass, replace

from tidegate.core.intent import Intent
from tidegate.core.open_rollout import OpenRollout
from tidegate.core.phases import step_to_answer, waits_for_person
from tidegate.core.rollout import STARTING, Action, ActionKind, Rollout
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

    candidate: int


@dataclass(frozen=True, slots=True)
class RolloutEnding:
    """The rollout has been decided. cause: the ending and its reason. promoting: toward the
    candidate, and not back to stable. forward: what is refused leads there, too."""

    rollout: str
    cause: str
    promoting: bool = False
    forward: bool = False


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
class StepMissing:
    """The step that waits has to be named. step: its number, from 1. by_percent: the promotion was
    asked for as a percent, beside which no step can be named."""

    rollout: str
    step: int
    by_percent: bool = False


@dataclass(frozen=True, slots=True)
class OtherStep:
    """The rollout is not at the step that was named. named, step: numbers from 1; step is 0 while
    the candidate starts. waits: whether the present step waits for a person."""

    rollout: str
    named: int
    step: int
    waits: bool


@dataclass(frozen=True, slots=True)
class AlreadyAnswered:
    """Somebody has answered the step, or promoted. step: its number, None for a promotion that
    answers none. kind: approve or promote. at: epoch seconds, None where that was not kept."""

    rollout: str
    step: int | None
    kind: ActionKind
    author: str
    at: float | None


@dataclass(frozen=True, slots=True)
class NothingToResume:
    """The rollout is neither paused nor overridden."""

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
    NoCandidate
    | RolloutEnded
    | RolloutEnding
    | NeedsOverride
    | NothingToApprove
    | StepMissing
    | OtherStep
    | AlreadyAnswered
    | NothingToResume
    | RolloutRunning
)


def decide_percent(
    percent: int | None, intent: Intent, running: OpenRollout | None, *, override: bool
) -> Change | Refusal:
    """What setting the candidate's percent set by a person comes to; None and 100 are the
    promotion."""
    if running is None:
        return _percent_without_rollout(percent, intent)
    if percent is None or percent == PROMOTE:
        promotion = decide_promotion(running, override=override)
        if isinstance(promotion, StepMissing):
            return replace(promotion, by_percent=True)
        return promotion
    with_candidate = intent.candidate == running.rollout.candidate
    current = 0
    if with_candidate:
        current = intent.candidate_traffic.percent
    if percent <= current:
        return _lower(percent, current, intent, running)
    return _raise(percent, current, running, override=override)


def decide_promotion(
    running: OpenRollout, *, override: bool, step: int | None = None
) -> Promotion | Refusal:
    """What promoting comes to: a person's answer where one is waited for, else an override
    first. step: the number of the step that the person answers, None where none is named."""
    answered = _answered(running, step)
    if answered is not None:
        return answered
    if running.leaving:
        return _ending(running, forward=True)
    if running.promotion is not None:
        return _promoted(running, running.promotion)
    waits = _step_to_answer(running)
    if step is not None and step != running.progress.step.index + 1:
        return _other_step(running, step)
    if waits is not None and not override:
        if step is None:
            return StepMissing(running.rollout.id, waits)
        return Promotion((ActionKind.PROMOTE,))
    if _takes_promotion(running):
        return Promotion((ActionKind.PROMOTE,))
    if override:
        return Promotion((ActionKind.OVERRIDE, ActionKind.PROMOTE))
    return _needs_override(running, None)


def refuse_approval(running: OpenRollout, step: int | None) -> Refusal | None:
    """Why a rollout takes no approval of this step now; None where it waits for one. So each step
    is approved once: the second of two approvers, and whoever looks at an old page, is told."""
    answered = _answered(running, step)
    if answered is not None:
        return answered
    if running.leaving:
        return _ending(running, forward=True)
    if step is not None and step != running.progress.step.index + 1:
        return _other_step(running, step)
    waits = _step_to_answer(running)
    if waits is None:
        return NothingToApprove(running.rollout.id)
    if step is None:
        return StepMissing(running.rollout.id, waits)
    return None


def refuse_pause(running: OpenRollout, intent: Intent) -> Refusal | None:
    """Why nothing is left to pause; None where a pause stops something. A promotion is stopped as
    long as stable has not changed."""
    if running.going_back or intent.stable == running.rollout.candidate:
        return _ending(running)
    return None


def refuse_resume(running: OpenRollout) -> Refusal | None:
    """Why a resume would change nothing; None where something is paused or overridden."""
    if running.leaving:
        return _ending(running, forward=True)
    if not running.rests:
        return NothingToResume(running.rollout.id)
    return None


def refuse_counts(running: OpenRollout) -> Refusal | None:
    """Why a rollout takes no counts from outside any more; None while it is open."""
    if not running.leaving:
        return None
    return _ending(running, forward=True)


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
    return RolloutEnded(intent.candidate)


def _lower(
    percent: int, current: int, intent: Intent, running: OpenRollout
) -> Lowering | RolloutEnding:
    """A plan that is lowered by hand is paused, or it would raise the candidate again; a promotion
    that was decided is called off by that."""
    if intent.stable == running.rollout.candidate:
        return _ending(running)
    new: int | None = percent
    if percent == current:
        new = None
    if running.going_back:
        return Lowering(new)
    if running.leaving or running.promotion is not None:
        return Lowering(new, (ActionKind.PAUSE,))
    if new is None or running.override or running.paused:
        return Lowering(new)
    return Lowering(new, (ActionKind.PAUSE,))


def _raise(
    percent: int,
    current: int,
    running: OpenRollout,
    *,
    override: bool,
) -> Raising | Refusal:
    if running.leaving:
        return _ending(running, forward=True)
    if running.promotion is not None:
        return _promoted(running, running.promotion)
    if running.override:
        return Raising(percent)
    if override:
        return Raising(percent, (ActionKind.OVERRIDE,))
    return _needs_override(running, (current, percent))


def _takes_promotion(running: OpenRollout) -> bool:
    """Whether promoting overrides nobody. An A/B may be decided by a person at any time."""
    rollout = running.rollout
    progress = running.progress
    compared = rollout.strategy.kind is Kind.AB and progress.step.index > STARTING
    return running.override or compared or waits_for_person(rollout, progress)


def _step_to_answer(running: OpenRollout) -> int | None:
    if running.override:
        return None
    return step_to_answer(running.rollout, running.progress)


def _answered(running: OpenRollout, step: int | None) -> AlreadyAnswered | None:
    """The refusal of an answer that names a step which has one, also an earlier step."""
    if step is None or running.going_back:
        return None
    answer = running.answer(step)
    if answer is None:
        return None
    return AlreadyAnswered(running.rollout.id, step, answer.kind, answer.author, answer.at)


def _promoted(running: OpenRollout, promotion: Action) -> AlreadyAnswered:
    return AlreadyAnswered(running.rollout.id, None, promotion.kind, promotion.author, promotion.at)


def _other_step(running: OpenRollout, named: int) -> OtherStep:
    present = running.progress.step.index + 1
    waits = _step_to_answer(running) is not None
    return OtherStep(running.rollout.id, named, present, waits)


def _ending(running: OpenRollout, *, forward: bool = False) -> RolloutEnding:
    """The refusal of what comes too late."""
    cause = running.leaving or f"promoted: r{running.rollout.candidate} is stable"
    promoting = not running.going_back
    return RolloutEnding(running.rollout.id, cause, promoting, forward and promoting)


def _needs_override(running: OpenRollout, rise: tuple[int, int] | None) -> NeedsOverride:
    return NeedsOverride(running.rollout.id, running.rollout.strategy.kind, rise)
