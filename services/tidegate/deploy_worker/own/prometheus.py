"""People's own metrics, read from Prometheus.

Counters are read as they were scraped and added up for each source here, so that a restart, a pod
that comes and a scrape that is missing are seen (`core/own/readings.py`). A mean is what its query
answers. Each query is bound to the endpoint's namespace anew, each time.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from tidegate.core.intent import EndpointKey
from tidegate.core.own.due import OwnRequest
from tidegate.core.own.promql import Subject, counters, expression
from tidegate.core.own.readings import OwnReading, Tally
from tidegate.core.own.spec import Own
from tidegate.core.own.tokens import Refused
from tidegate.deploy_worker.meters.prometheus import Reach
from tidegate.deploy_worker.meters.series import Prometheus, Series
from tidegate.deploy_worker.meters.targets import Target, TargetKey, doubled, key_of
from tidegate.deploy_worker.own.queries import NotRead, Queries, Value
from tidegate.deploy_worker.own.source import Pods

BUDGET_S = 2.0  # of one pass
_SCRAPES = 4  # that the window of a mean holds: rate() needs two, and any may be missing


class PrometheusOwn:
    """`source.OwnSource` over one Prometheus. reach: how it scrapes. budget: seconds of one pass.
    clock: monotonic seconds."""

    def __init__(
        self,
        prometheus: Prometheus,
        reach: Reach,
        budget: float = BUDGET_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._prometheus = prometheus
        self._reach = reach
        self._budget = budget
        self._clock = clock

    def read(
        self, key: EndpointKey, pods: Pods, requests: Sequence[OwnRequest]
    ) -> tuple[OwnReading, ...]:
        """See OwnSource. What does not fit into the budget is told as not asked."""
        queries = Queries(self._prometheus, self._budget, self._clock)
        return tuple(self._reading(queries, key, pods, request) for request in requests)

    def _reading(
        self, queries: Queries, key: EndpointKey, pods: Pods, request: OwnRequest
    ) -> OwnReading:
        name = request.own.name
        try:
            return self._read(queries, key, pods, request)
        except _Trouble as trouble:
            return OwnReading(name, request.asked, trouble=str(trouble), refused=trouble.refused)
        except Refused as refused:
            return OwnReading(name, request.asked, trouble=str(refused), refused=True)

    def _read(
        self, queries: Queries, key: EndpointKey, pods: Pods, request: OwnRequest
    ) -> OwnReading:
        window = max(request.window, _SCRAPES * self._reach.interval)
        subjects = {}
        for revision in request.revisions:
            names = pods.get(revision, ())
            if not names:
                raise _Trouble(f"r{revision} has no pod")
            subjects[revision] = Subject(key.namespace, f"r{revision}", names, window)
        if request.own.of_tallies:
            return self._tallies(queries, subjects, request)
        return _values(queries, subjects, request, window)

    def _tallies(
        self, queries: Queries, subjects: dict[int, Subject], request: OwnRequest
    ) -> OwnReading:
        sides = {
            revision: self._side(queries, subject, request.own)
            for revision, subject in subjects.items()
        }
        if not any(side.part for side in sides.values()):
            raise _Trouble(f"no series: {_part(request.own)} selects nothing")
        tallies = [tally for revision, side in sides.items() for tally in side.tallies(revision)]
        times = [tally.at for tally in tallies]
        return OwnReading(
            request.own.name,
            request.asked,
            min(times),
            max(times),
            tuple(tally.tally for tally in tallies),
        )

    def _side(self, queries: Queries, subject: Subject, own: Own) -> "_Side":
        whole = self._samples(queries, subject, own.queries.whole)
        if not whole:
            raise _Trouble(f"no series of {subject.revision}: {_whole(own)} selects nothing")
        twice = doubled([Target(key) for key in dict.fromkeys(key for key, _ in whole)])
        if twice:
            raise _Trouble(twice)
        return _Side(self._samples(queries, subject, own.queries.part), whole)

    def _samples(self, queries: Queries, subject: Subject, query: str) -> "_Samples":
        samples = []
        for selector in counters(query, subject).selectors:
            answer = queries.range(selector, self._reach.patience)
            if isinstance(answer, NotRead):
                raise _Trouble(f"{subject.revision}: {answer.detail}", answer.refused)
            samples += [(key_of(series.labels), series) for series in answer]
        return tuple(samples)


class _Trouble(Exception):  # noqa: N818  (an expected answer, within this module)
    """Why a metric was not read."""

    def __init__(self, text: str, refused: bool = False) -> None:
        super().__init__(text)
        self.refused = refused


_Samples = tuple[tuple[TargetKey, Series], ...]


@dataclass(frozen=True, slots=True)
class _At:
    """A tally, and the time of its samples."""

    tally: Tally
    at: float


@dataclass(frozen=True, slots=True)
class _Side:
    """What was scraped of one revision."""

    part: _Samples
    whole: _Samples

    def tallies(self, revision: int) -> Iterable[_At]:
        """One for each source, at the newest scrape that both queries show."""
        for key in dict.fromkeys(key for key, _ in self.whole):
            own = [series for target, series in self.part if target == key]
            all_of = [series for target, series in self.whole if target == key]
            at = _newest(all_of)
            if own:
                at = min(at, _newest(own))
            source = "/".join(part for part in key if part)
            yield _At(Tally(source, revision, _sum(own, at), _sum(all_of, at)), at)


def _newest(series: Sequence[Series]) -> float:
    holes = {at for each in series for at in each.holes}
    times = {at for each in series for at, _ in each.samples}
    newest = max(times | holes, default=0.0)
    if newest in holes:
        raise _Trouble("the newest sample of a counter is no count (NaN, infinite or negative)")
    return newest


def _sum(series: Sequence[Series], at: float) -> int:
    """What the series show at one scrape."""
    return round(sum(dict(each.samples).get(at, 0.0) for each in series))


def _values(
    queries: Queries, subjects: dict[int, Subject], request: OwnRequest, window: float
) -> OwnReading:
    """A mean of each revision. The last is the candidate; what is shown beside it may be missing."""
    own = request.own
    values = {}
    for revision, subject in subjects.items():
        answer = queries.value(expression(own.queries.value, subject).text)
        if isinstance(answer, Value):
            values[revision] = answer
        elif revision == request.revisions[-1] or answer.refused:
            raise _Trouble(f"r{revision}: {answer.detail}", answer.refused)
    at = values[request.revisions[-1]].at
    pairs = tuple((revision, value.value) for revision, value in values.items())
    return OwnReading(own.name, request.asked, at, at, values=pairs, seconds=window)


def _part(own: Own) -> str:
    return "good" if own.ready is None else own.ready.value


def _whole(own: Own) -> str:
    return "total" if own.ready is None else own.ready.value
