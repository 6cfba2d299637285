"""Which of people's own metrics are to be read in a pass. Pure."""

from dataclasses import dataclass

from tidegate.core.intent import Intent
from tidegate.core.own.readings import OwnTrack
from tidegate.core.own.spec import Own
from tidegate.core.rollout import STARTING, Progress, Rollout

# How often a metric is read in a window of noise: what is read more often says little more
_PER_WINDOW = 4


@dataclass(frozen=True, slots=True)
class OwnRequest:
    """One metric to be read of these revisions. asked: now, by the store's clock. window: seconds
    of a mean's interval, at least."""

    own: Own
    revisions: tuple[int, ...]
    asked: float
    window: float


def due(rollout: Rollout, progress: Progress, intent: Intent, now: float) -> tuple[OwnRequest, ...]:
    """Those of a rollout that are due, the one that was read longest ago first: what can be asked
    in one pass is bounded."""
    starting = progress.step.index == STARTING or intent.candidate != rollout.candidate
    if starting or progress.end.toward is not None:
        return ()
    tracks = {track.metric: track.own for track in progress.analysis.evidence.tracks}
    window = rollout.strategy.noise_window
    waiting = []
    for metric in rollout.strategy.metrics:
        own = metric.own
        known = tracks.get(metric, OwnTrack())
        if own is None or own.of_answers or not _is_due(own, known, now, window):
            continue
        waiting.append((known.asked or 0.0, own))
    revisions = (rollout.base, rollout.candidate)
    return tuple(
        OwnRequest(own, revisions, now, window / _PER_WINDOW)
        for _, own in sorted(waiting, key=lambda each: each[0])
    )


def _is_due(own: Own, known: OwnTrack, now: float, window: float) -> bool:
    if known.asked is None or now < known.asked:
        return True
    if now < known.asked + window / _PER_WINDOW:
        return False
    last = known.last
    if own.of_tallies or last is None:
        return True
    return now >= last.newest + last.seconds
