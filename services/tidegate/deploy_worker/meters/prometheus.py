"""The meter of a cluster: what its gateway, mesh or queue-proxies have counted, as Prometheus
scraped it.

`Scrape.at` is the time of the scrape, not of the query: the oldest newest sample over all living
targets, and every target is read at its last scrape not later than that. So the same samples give
the same Scrape, whoever asks.

How each trouble ends (each is a test):
- A gateway replica restarts: it is another source from zero, if its uptime or start time tells so; else it is left
  out until the next cut (counting.py). A replica that appears counts from its own start; one that Prometheus
  merely did not show before is left out. One that vanishes holds `at` back until it counts as gone, then it is dropped.
- Prometheus restarts and keeps its data: a longer interval, the same for both revisions. It loses its data: the time
  until its first scrape is lost. One or two scrapes are missing: a longer interval. More: NoData.
- Revisions counted by different processes (queue-proxy) are read at different times. An outage that both share then
  looks like one revision's for the difference, and no arithmetic on counters can repair it. So a difference above
  `skew` is NoData, and the way out is a source that counts both at once.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tidegate.core.evidence import Scrape
from tidegate.core.intent import EndpointKey
from tidegate.core.ports import NoData, Unavailable
from tidegate.deploy_worker.meters.counting import (
    CELL,
    SETTLE,
    Counted,
    LeftOut,
    Span,
    copies,
    count,
    cut,
    hidden_grpc,
    readings,
    together_from,
    with_earlier,
)
from tidegate.deploy_worker.meters.profiles import Asked, Profile
from tidegate.deploy_worker.meters.series import Answer, Prometheus
from tidegate.deploy_worker.meters.slots import Slots
from tidegate.deploy_worker.meters.targets import Target, TargetKey, doubled, targets


@dataclass(frozen=True, slots=True)
class Reach:
    """interval: seconds between Prometheus' scrapes of the data plane. missing: so many scrapes may
    be missing in a row. skew: seconds by which revisions may be read apart. only: labels that every
    series must have, such as job. cell: seconds between cuts, the same for every worker.
    stuck_seconds: a request that waits longer for its answer counts as lost."""

    interval: float = 15.0
    missing: int = 2
    skew: float = 2.0
    only: Mapping[str, str] | None = None
    cell: float = CELL
    stuck_seconds: float = 30.0

    @property
    def patience(self) -> float:
        """Seconds after which a target without a newer sample counts as gone."""
        return (self.missing + 1.5) * self.interval

    @property
    def window(self) -> float:
        """Seconds of samples that are read: a target that lags as far as it may still shows its
        sample before, and what had begun `stuck_seconds` earlier."""
        return self.patience + max(self.patience, self.stuck_seconds)


@dataclass(frozen=True, slots=True)
class Targets:
    """The targets of one endpoint that are being scraped."""

    asked: Asked
    live: Mapping[TargetKey, Target]


def no_names(_key: EndpointKey, _name: str) -> int | None:
    """For data planes without Knative."""
    return None


class PrometheusMeter:
    """core.ports.Meter over one Prometheus. slots: the present split of an endpoint, or why there
    is none. speaks_grpc: whether its clients use gRPC."""

    def __init__(
        self,
        prometheus: Prometheus,
        profile: Profile,
        slots: Callable[[EndpointKey], Slots | str],
        reach: Reach | None = None,
        *,
        revision_of: Callable[[EndpointKey, str], int | None] = no_names,
        speaks_grpc: Callable[[EndpointKey], bool] = lambda _key: False,
    ) -> None:
        self._prometheus = prometheus
        self._profile = profile
        self._slots = slots
        self._reach = reach or Reach()
        self._revision_of = revision_of
        self._speaks_grpc = speaks_grpc

    @property
    def profile(self) -> Profile:
        """The data plane that is read."""
        return self._profile

    def scrape(self, key: EndpointKey) -> Scrape | NoData:
        """Every revision's counters since the last cut, read at one time; two queries."""
        observation = self.observe(key)
        if isinstance(observation, NoData):
            return observation
        at = min(target.times()[-1] for target in observation.live.values())
        after = cut(at, observation.asked.slots.since, self._reach.cell)
        if at <= after:
            return NoData(f"{self._profile.name} was not scraped since the route of {key} changed")
        window = self._reach.window
        late = max(after, observation.asked.slots.since + SETTLE)
        lookback = window + late - after
        base = self._prometheus.samples(self._selector(key), lookback, after + lookback)
        if isinstance(base, Unavailable):
            return NoData(base.detail)
        since = targets(base.series, self._profile, observation.asked)
        begin = after
        until = at
        if not self._profile.together:
            begin = together_from(since.values(), after, self._reach.interval, self._reach.skew)
            until = at + self._reach.skew
            if at <= after + 1.5 * self._reach.interval:
                return NoData(f"the first scrapes of {key} after a cut are to come")
        visible = min(target.times()[0] for target in observation.live.values())
        span = Span(after, begin, max(begin, late), visible, self._reach.interval)
        counted = [
            count(target, since.get(k), until, span, observation.asked)
            for k, target in observation.live.items()
        ]
        counted = [
            with_earlier(item, self._reach.stuck_seconds) if isinstance(item, Counted) else item
            for item in counted
        ]
        return self._weigh(counted, at, observation.asked)

    def observe(self, key: EndpointKey) -> Targets | NoData:
        """What is being scraped of this endpoint."""
        slots = self._slots(key)
        if isinstance(slots, str):
            return NoData(slots)
        if self._speaks_grpc(key) and not self._profile.grpc:
            return NoData(
                f"{key} speaks gRPC, whose errors {self._profile.name} metrics hide: use istio "
                "instead"
            )
        answer = self._prometheus.samples(self._selector(key), self._reach.window)
        if isinstance(answer, Unavailable):
            return NoData(answer.detail)
        return self._living(answer, Asked(key, slots, self._revision_of))

    def _selector(self, key: EndpointKey) -> str:
        return self._profile.selector(key, self._reach.only or {})

    def _living(self, answer: Answer, request: Asked) -> Targets | NoData:
        result = targets(answer.series, self._profile, request)
        if not result:
            return NoData(
                f"Prometheus has no {self._profile.name} series of {request.key} in the last "
                f"{self._reach.window:g} s: "
                f"no request has come yet, or nobody scrapes it; needed: {self._profile.switch}"
            )
        newest = max(target.times()[-1] for target in result.values())
        if answer.now - newest > self._reach.patience:
            return NoData(
                f"the newest sample of {request.key} is {answer.now - newest:.0f} s old: "
                "Prometheus "
                "does not reach the "
                f"{self._profile.name} metrics any more, or scrapes less often than every "
                f"{self._reach.interval:g} s"
            )
        live = {k: t for k, t in result.items() if t.times()[-1] >= newest - self._reach.patience}
        twice = doubled(list(live.values()))
        if twice:
            return NoData(twice)
        return Targets(request, live)

    def _weigh(
        self, all_of: Sequence[Counted | LeftOut | None], at: float, request: Asked
    ) -> Scrape | NoData:
        """A Scrape of what can be used, unless it would mislead."""
        counted = [item for item in all_of if isinstance(item, Counted)]
        if not counted:
            left = [item.message for item in all_of if isinstance(item, LeftOut)]
            detail = "the first scrape is to come"
            if left:
                detail = f"{left[0]}; evidence begins again at the next cut"
            return NoData(detail)
        hidden = hidden_grpc(counted)
        if hidden is not None:
            return NoData(
                f"{hidden} answers gRPC but does not count grpc-status; switch on "
                f"{self._profile.switch}"
            )
        apart = max(
            _spread([item.at for item in counted]),
            _spread([o.first for o in counted if o.first is not None]),
        )
        if not self._profile.together and apart > self._reach.skew + 1e-6:
            return NoData(
                f"the revisions are read {apart:.1f} s apart, so their intervals differ: scrape "
                "every "
                f"{max(1, math.floor(self._reach.skew))} s, or count at the gateway, which sees "
                "both at once"
            )
        results = readings(counted, request.slots, apart=bool(request.slots.copies))
        seen = {reading.revision for reading in results}
        missing = sorted(request.slots.serving - seen)
        if missing:
            return NoData(
                f"{', '.join(f'r{n}' for n in missing)} of {request.key} has a share of the "
                "traffic "
                "but no series: no "
                f"request has reached it, or its pods or gateway are not scraped"
            )
        return Scrape(at, results, copies(counted, request.slots))


def _spread(times: Sequence[float]) -> float:
    return max(times, default=0.0) - min(times, default=0.0)
