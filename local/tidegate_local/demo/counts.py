"""What Envoy itself counted, per revision, while a rollout stood at one percent: the measured
split."""

from dataclasses import dataclass, field

from tidegate.core.evidence import Scrape

Totals = dict[int, int]  # answers by revision


def totals(scrape: Scrape) -> Totals:
    """Answers of each revision over all sources."""
    sums: Totals = {}
    for reading in scrape.readings:
        sums[reading.revision] = sums.get(reading.revision, 0) + reading.counters.answers
    return sums


def bad(scrape: Scrape) -> Totals:
    """Answers of each revision that were not fine, over all sources."""
    sums: Totals = {}
    for reading in scrape.readings:
        counters = reading.counters
        count = counters.errors + counters.rejections + counters.saturated
        sums[reading.revision] = sums.get(reading.revision, 0) + count
    return sums


@dataclass(slots=True)
class Split:
    """Answers while the desired percent stood: of the candidate, and of all."""

    candidate: int = 0
    all: int = 0

    @property
    def percent(self) -> float | None:
        """Measured share of the candidate; None without answers."""
        if not self.all:
            return None
        return 100 * self.candidate / self.all


@dataclass(slots=True)
class Steps:
    """The measured split of each desired percent, filled by looking often: an interval counts for a
    percent when both of its ends stood at it."""

    candidate: int
    splits: dict[int, Split] = field(default_factory=dict)
    _last: tuple[int | None, Totals] = (None, {})

    def observe(self, percent: int | None, now: Totals) -> None:
        """One reading: the percent that is desired and set, None while it moves."""
        before, old = self._last
        if percent is not None and percent == before:
            split = self.splits.setdefault(percent, Split())
            moved = {revision: count - old.get(revision, 0) for revision, count in now.items()}
            split.candidate += max(moved.get(self.candidate, 0), 0)
            split.all += sum(max(count, 0) for count in moved.values())
        self._last = (percent, now)
