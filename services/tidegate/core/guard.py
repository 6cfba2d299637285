"""What happens to a rollout whose pipeline has gone silent.

A pipeline's tasks beat while they wait. A pod that is killed, a run that is cancelled or a driver that never comes back
says nothing at all, so the rule lives here and not in the pipeline. Silence is a sum of observed intervals, like every
wait: an outage of the worker, during which nobody could hear a beat, does not count as the pipeline's silence.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

GAP_S = 900.0  # a pipeline's pods may queue for minutes between two tasks


class WhenGone(StrEnum):
    """What a rollout does without its pipeline."""

    CONTINUE = "continue"  # the rollout controller goes on by itself; the silence is shown
    PAUSE = "pause"  # nothing rises until a beat or a person's resume; then the pause's own deadline
    ABORT = "abort"  # back to stable


@dataclass(frozen=True, slots=True)
class Guard:
    """What the author of a rollout chose. gap: seconds of silence that count as gone."""

    when_gone: WhenGone = WhenGone.CONTINUE
    gap: float = GAP_S


@dataclass(frozen=True, slots=True)
class Beat:
    """The last sign of life. at: by the database's clock. released: the pipeline has done its part."""

    at: float
    released: bool = False


@dataclass(frozen=True, slots=True)
class Pulse:
    """What the rollout controller remembers. silent: observed seconds since a beat was new. missed: the silence has
    been acted on,
    once; a person may go on since then."""

    at: float | None = None
    silent: float = 0.0
    missed: bool = False
    released: bool = False


def listen(guard: Guard, before: Pulse, beat: Beat | None, elapsed: float) -> Pulse:
    """The pulse after `elapsed` more observed seconds. `missed` turns true with the reconcile that must act."""
    if beat is not None and beat.released:
        return Pulse(beat.at, released=True)
    if beat is not None and beat.at != before.at:
        return Pulse(beat.at)
    silent = before.silent + elapsed
    return replace(before, silent=silent, missed=before.missed or silent >= guard.gap)
