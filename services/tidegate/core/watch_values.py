"""The values of the watch that follows a promotion: what was asked for, and what it has seen."""

from dataclasses import dataclass
from enum import StrEnum

from tidegate.core.evidence import EMPTY, Arm, Evidence
from tidegate.core.intent import CandidateTraffic, Mode

WATCH_S = 1800.0  # seconds
GROSS = 0.05  # share of answers above old stable's record
SHARE = 5  # percent that old stable gets back, to be compared
COMPARED = CandidateTraffic(percent=SHARE, replicas_percent=100)


class OnWatchFail(StrEnum):
    """What follows when the promoted revision fails under the watch."""

    UNDO = "undo"  # a rollout back to old stable, once per promotion
    ALERT = "alert"  # a condition and an alert; people decide


@dataclass(frozen=True, slots=True)
class WatchPlan:
    """What a plan says of the time after its promotion. seconds: 0: nobody watches. on_fail: None:
    the default of the mode, undo in standard and alert in knative."""

    seconds: float = WATCH_S
    on_fail: OnWatchFail | None = None

    def undoes(self, mode: Mode) -> bool:
        """Whether a watch undoes by itself in this mode: Knative keeps no pods of old stable, and
        would have to start some."""
        if self.on_fail is None:
            return mode is Mode.STANDARD
        return self.on_fail is OnWatchFail.UNDO

    def compares(self, mode: Mode) -> bool:
        """Whether old stable may get a share again."""
        return self.seconds > 0 and self.undoes(mode)


class WatchState(StrEnum):
    """Where a watch is."""

    PROMOTING = "promoting"  # the cluster does not show the promotion yet
    WATCHING = "watching"  # nothing is wrong
    COMPARING = "comparing"  # old stable has a small share again, to tell whose fault it is
    SHARED = "shared-outage"  # both fail: nothing moves
    FAILING = "failing"  # the promoted revision fails, and nobody undoes it by itself
    UNDONE = "undone"  # an undo was started
    ENDED = "ended"


_OVER = (WatchState.UNDONE, WatchState.ENDED)


@dataclass(frozen=True, slots=True)
class Watch:
    """One watch, stored with the progress of the rollout that was promoted.

    record: old stable's share of bad answers when it was promoted away, None where too few were
    counted. until: epoch seconds. since: of the present state, epoch seconds. message: what it
    saw, '' while nothing is wrong. alone, compared: evidence of the promoted revision, against the
    record and beside old stable. old: of old stable against the record. recent: what the promoted
    revision answered in the last intervals, oldest first. sound: log capital of the
    bets that old stable is sound, in this comparison. restarts: of the promoted
    revision's containers before the watch. down: observed seconds without a ready pod of it.
    released: why old stable is not on standby any more, '' while it is. undo: id of the rollout
    that was started.
    """

    record: float | None = None
    state: WatchState = WatchState.PROMOTING
    until: float | None = None
    since: float | None = None
    message: str = ""
    alone: Evidence = EMPTY
    compared: Evidence = EMPTY
    old: Evidence = EMPTY
    recent: tuple[Arm, ...] = ()
    sound: tuple[float, ...] = ()
    restarts: int = 0
    down: float = 0.0
    released: str = ""
    undo: str = ""

    @property
    def runs(self) -> bool:
        """Whether it still looks at the promoted revision."""
        return self.until is not None and self.state not in _OVER

    @property
    def threshold(self) -> float:
        """The share of bad answers that is gross: the record and five points."""
        return min((self.record or 0.0) + GROSS, 1 - GROSS)


@dataclass(frozen=True, slots=True)
class WatchStatus:
    """A watch as it is told. revision: that is watched. base: what was stable before."""

    rollout: str
    revision: int
    base: int
    state: WatchState
    until: float | None
    since: float | None
    message: str
    record: float | None
    released: str
    undo: str


def summary(rollout: str, revision: int, base: int, watch: Watch) -> WatchStatus:
    """A watch without its evidence."""
    return WatchStatus(
        rollout,
        revision,
        base,
        watch.state,
        watch.until,
        watch.since,
        watch.message,
        watch.record,
        watch.released,
        watch.undo,
    )


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a decision knows of its endpoint beside its own rollout. error_rate: stable's share of
    bad answers over about a day, None where too few were counted. splits: whether the traffic can
    be split. superseded: whether another rollout runs."""

    error_rate: float | None = None
    splits: bool = True
    superseded: bool = False


ALONE = Surroundings()
