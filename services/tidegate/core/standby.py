"""The standby revision that somebody else needs the capacity of."""

from dataclasses import replace

from tidegate.core.intent import Intent
from tidegate.core.observation import Observation
from tidegate.core.rollout import Decision
from tidegate.core.turn import Turn

# In the words of the API server's quota plugin, and of the scheduler
_FULL = ("exceeded quota", "Insufficient ")


def without(intent: Intent, revision: int) -> Intent:
    """The intent without this revision on standby."""
    standby = tuple(number for number in intent.standby if number != revision)
    return replace(intent, standby=standby)


def claimed(intent: Intent, observation: Observation) -> str | None:
    """Why the capacity of a standby revision is needed, in a line for people: stable or a candidate
    lacks pods for want of it. None where nobody needs it."""
    for number in (intent.stable, intent.candidate):
        live = observation.of(number)
        if live is None or live.ready >= live.desired:
            continue
        failure = live.trouble.failure or ""
        if any(words in failure for words in _FULL):
            return f"r{number} has {live.ready} of {live.desired} replicas ready ({failure})"
    return None


def release(turn: Turn, cause: str) -> Decision:
    """The decision to let old stable go for a reason."""
    base = turn.rollout.base
    message = f"r{base} is no longer on standby: {cause}"
    return turn.append(without(turn.intent, base), "release", message)
