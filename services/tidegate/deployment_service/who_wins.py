"""Who wins when a person moves traffic: the core decides, here its refusals become problems."""

from dataclasses import dataclass

from tidegate.core.intent import EndpointKey, Intent
from tidegate.core.open_rollout import OpenRollout
from tidegate.core.precedence import (
    Change,
    Promotion,
    Refusal,
    decide_percent,
    decide_promotion,
)
from tidegate.core.rollout import Action, Progress, Rollout
from tidegate.deployment_service.action_refusals import refusal
from tidegate.store.values import StoredRollout


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
    key: EndpointKey,
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
        raise refusal(key, result)
    return result


def promotion(running: Running, *, force: bool, step: int | None) -> Promotion:
    """Return what promoting a rollout changes. Raises ApiError (409, 422) where the core refuses
    it."""
    result = decide_promotion(running.open, override=force, step=step)
    if isinstance(result, Refusal):
        raise refusal(running.stored.key, result)
    return result


def check(key: EndpointKey, result: Refusal | None) -> None:
    """Raise ApiError (409, 422) where the core refuses an action."""
    if result is not None:
        raise refusal(key, result)
