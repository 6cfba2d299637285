"""No interval counts more than what was answered in it, whatever the sources do."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.core.analysis import Metric, MetricKind
from tidegate.core.evidence import Counters, Evidence, Reading, Scrape, absorb

COUNTS = ("answers", "errors", "rejections", "saturated", "lost")
METRICS = tuple(
    Metric(kind) for kind in (MetricKind.ERRORS, MetricKind.REJECTIONS, MetricKind.SATURATION)
)
INTERVAL = 15.0


@dataclass(slots=True)
class Source:
    """One process that counts the candidate's answers, with a long life behind it. unseen: requests
    that ended since a scrape last showed it. late: seconds by which it seems to have begun later
    than it did, since its uptime is not refreshed at each scrape."""

    name: str
    counters: Counters = field(default_factory=lambda: Counters(90_000, 900, (), (), 700, 80, 60))
    began: float | None = None
    visible: bool = True
    unseen: int = 0
    late: int = 0

    def reading(self) -> Reading:
        """What a scrape shows of it."""
        began = self.began
        if began is not None:
            began += self.late
        return Reading(self.name, 2, self.counters, began=began)

    def answer(self, more: Sequence[int]) -> None:
        """So many more of each count; the kinds of answers are among the answers."""
        fine, errors, rejections, saturated, lost = more
        answers = fine + errors + rejections + saturated
        added = (answers, errors, rejections, saturated, lost)
        self.counters = replace(
            self.counters,
            **{
                name: getattr(self.counters, name) + n
                for name, n in zip(COUNTS, added, strict=True)
            },
        )
        self.unseen += answers + lost

    def fall(self, name: str) -> None:
        """One count is smaller by one from now on."""
        self.counters = replace(self.counters, **{name: max(0, getattr(self.counters, name) - 1)})

    def restart(self, at: float | None) -> None:
        """It counts from zero; `at`: when, where it tells."""
        self.counters = Counters(0, 0)
        self.began = at


@dataclass(frozen=True, slots=True)
class Event:
    """What happens to a source in one interval, before it answers. count: the one that falls.
    late: as in `Source`."""

    what: str
    count: str
    more: tuple[int, ...]
    late: int


events = st.builds(
    Event,
    st.sampled_from(["nothing", "fall", "rename", "hide", "show", "restart", "restart and tell"]),
    st.sampled_from(COUNTS),
    st.tuples(*[st.integers(0, 9)] * len(COUNTS)),
    st.integers(0, 6),
)


def happen(source: Source, event: Event, number: int) -> None:
    """One event of the interval that ends at `number` intervals."""
    match event.what:
        case "fall":
            source.fall(event.count)
        case "rename":
            source.name += "'"
        case "hide":
            source.visible = False
        case "show":
            source.visible = True
        case "restart":
            source.restart(None)
        case "restart and tell":
            source.restart(INTERVAL * (number - 0.5))
        case _:
            pass
    source.answer(event.more)
    source.late = event.late


def scrape(sources: Sequence[Source], number: int) -> tuple[Scrape, int]:
    """What is shown, and how many requests ended since each of it was last shown."""
    visible = [source for source in sources if source.visible]
    readings = tuple(source.reading() for source in visible)
    ended = sum(source.unseen for source in visible)
    for source in visible:
        source.unseen = 0
    return Scrape(INTERVAL * number, readings), ended


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(events, events, st.booleans()), min_size=1, max_size=8))
def test_a_life_never_counts_as_one_interval(
    intervals: Sequence[tuple[Event, Event, bool]],
) -> None:
    sources = (Source("a"), Source("b"))
    evidence = absorb(Evidence.start(METRICS), scrape(sources, 0)[0], stable=1, candidate=2)
    for number, (first, second, comparable) in enumerate(intervals, start=1):
        for source, event in zip(sources, (first, second), strict=True):
            happen(source, event, number)
        now, ended = scrape(sources, number)
        before = evidence
        evidence = absorb(before, now, stable=1, candidate=2, comparable=comparable)
        for old, new in zip(before.tracks, evidence.tracks, strict=True):
            counted = new.rollout.candidate.n - old.rollout.candidate.n
            assert counted <= ended * comparable, new.metric.kind


def test_what_is_told_of_a_new_source_counts() -> None:
    """A replica that began within the interval counts from its beginning."""
    telling = Source("b", Counters(40, 4), began=10.0)
    silent = Source("c", Counters(40, 4))
    for source, counted in ((telling, 40), (silent, 0)):
        evidence = absorb(Evidence.start(METRICS), Scrape(0.0, ()), stable=1, candidate=2)
        now, _ = scrape((source,), 1)
        evidence = absorb(evidence, now, stable=1, candidate=2)
        assert evidence.tracks[0].rollout.candidate.n == counted


def test_lost_requests_are_errors_and_no_rejections() -> None:
    source = Source("a")
    evidence = absorb(Evidence.start(METRICS), scrape((source,), 0)[0], stable=1, candidate=2)
    source.answer((60, 3, 20, 10, 7))
    evidence = absorb(evidence, scrape((source,), 1)[0], stable=1, candidate=2)
    counted = {track.metric.kind: track.rollout.candidate for track in evidence.tracks}
    assert [(arm.n, arm.bad) for arm in counted.values()] == [(100, 10), (93, 20), (93, 10)]
    assert evidence.split.candidate.n == 100


def test_a_start_that_seems_to_move_is_no_other_start() -> None:
    """A process that tells its uptime in whole seconds seems to begin later with every scrape."""
    source = Source("b", Counters(40, 4), began=10.0)
    evidence = absorb(Evidence.start(METRICS), Scrape(9.0, ()), stable=1, candidate=2)
    for at in (10.5, 11.5, 12.6, 13.7):
        source.late = int(at - 10.0)
        now = Scrape(at, (source.reading(),))
        evidence = absorb(evidence, now, stable=1, candidate=2)
    assert evidence.tracks[0].rollout.candidate.n == 40


def test_a_start_that_moved_far_is_another_one() -> None:
    source = Source("b", Counters(40, 4), began=10.0)
    evidence = absorb(
        Evidence.start(METRICS), Scrape(60.0, (source.reading(),)), stable=1, candidate=2
    )
    source.restart(70.0)
    source.counters = Counters(50, 5)
    now = Scrape(75.0, (source.reading(),))
    evidence = absorb(evidence, now, stable=1, candidate=2)
    assert evidence.tracks[0].rollout.candidate.n == 50
