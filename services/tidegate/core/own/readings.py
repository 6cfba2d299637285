"""What was read of a metric of people's own at one time, and what happened between two of these.
Pure."""

import math
from dataclasses import dataclass, field

from tidegate.core.evalues import Arm


@dataclass(frozen=True, slots=True)
class Tally:
    """Two cumulative counts of one revision at one source (a pod, or whatever Prometheus scrapes).
    part: of the whole, good units; or what adds up to a mean, in its smallest unit."""

    source: str
    revision: int
    part: int
    whole: int


@dataclass(frozen=True, slots=True)
class OwnReading:
    """What was read of one metric. asked: when, by the store's clock, epoch seconds. oldest,
    newest: the times of the samples, by the clock of who keeps them; one source is scraped later
    than another. values: by revision, of a mean over the `seconds` before `newest`. trouble: why
    nothing, or not all, was read. refused: it is the query's fault, so asking again is no use."""

    name: str
    asked: float
    oldest: float = 0.0
    newest: float = 0.0
    tallies: tuple[Tally, ...] = ()
    values: tuple[tuple[int, float], ...] = ()
    seconds: float = 0.0
    trouble: str = ""
    refused: bool = False


@dataclass(frozen=True, slots=True)
class Rise:
    """What came on top between two readings, of one revision. part, whole: as in Tally. trouble:
    why some of it could not be told."""

    part: int = 0
    whole: int = 0
    trouble: str = ""

    @property
    def arm(self) -> Arm:
        """The units, those that are not good as bad."""
        return Arm(self.whole, self.whole - self.part)


def rise(last: OwnReading, now: OwnReading, revision: int, *, within: bool) -> Rise:
    """What came on top of the counts of a revision.

    A source whose count fell began again, and nobody knows what it lost: it says nothing in this
    interval and is the base line of the next. So does one that was not there before. within: the
    part is of the whole, so that it cannot rise by more.
    """
    before = {(tally.source, tally.revision): tally for tally in last.tallies}
    part = whole = 0
    trouble = ""
    for tally in now.tallies:
        old = before.get((tally.source, tally.revision))
        if tally.revision != revision or old is None:
            continue
        more = (tally.part - old.part, tally.whole - old.whole)
        if min(more) < 0:
            trouble = f"a counter of {tally.source} fell: it began again"
        elif within and more[0] > more[1]:
            trouble = (
                f"{tally.source} counted {more[0]} good units of {more[1]}: good must be part of "
                "total"
            )
        else:
            part += more[0]
            whole += more[1]
    return Rise(part, whole, trouble)


@dataclass(frozen=True, slots=True)
class Measured:
    """Values of a mean, for people: their sum, and how many."""

    total: float = 0.0
    count: int = 0

    @property
    def mean(self) -> float | None:
        """None before the first."""
        if not self.count:
            return None
        return self.total / self.count

    def having(self, value: float | None) -> "Measured":
        """With one more; None is none."""
        if value is None:
            return self
        return Measured(self.total + value, self.count + 1)


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean beside its objective, in its own unit, in one step. candidate, stable: None where
    nothing was read. most: where values are cut off."""

    candidate: float | None
    stable: float | None
    objective: float
    most: float


@dataclass(frozen=True, slots=True)
class Burning:
    """Units of the candidate, and the bad ones among them, that decay over a window of `seconds`."""

    seconds: float
    n: float = 0.0
    bad: float = 0.0

    def having(self, arm: Arm, elapsed: float) -> "Burning":
        """After an interval of `elapsed` seconds with these units."""
        left = math.exp(-elapsed / self.seconds)
        return Burning(self.seconds, self.n * left + arm.n, self.bad * left + arm.bad)

    def above(self, share: float) -> bool:
        """Whether more than this share of them is bad."""
        return self.bad > share * self.n


@dataclass(frozen=True, slots=True)
class OwnTrack:
    """What a track remembers of a metric of people's own, beside its tests. last: the base line of
    the next interval. asked: when it was read last. answers: of the candidate since the last value
    of a mean. ours, theirs: of candidate and stable in this step. burning: where it is a burn
    rate."""

    last: OwnReading | None = None
    asked: float | None = None
    answers: int = 0
    ours: Measured = field(default_factory=Measured)
    theirs: Measured = field(default_factory=Measured)
    burning: tuple[Burning, ...] = ()
