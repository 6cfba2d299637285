"""Gateways whose requests take seconds, so that many are under way at every cut: what their
counters show at each moment."""

import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from tests.deploy_worker.meters.fake_prometheus import FakePrometheus
from tests.deploy_worker.meters.world import KEY, START, cluster
from tidegate.core.evidence import Evidence, Metric, MetricKind, MetricVerdict, absorb, judge
from tidegate.core.ports import NoData
from tidegate.deploy_worker.meters.profiles import ENVOY_GATEWAY
from tidegate.deploy_worker.meters.prometheus import PrometheusMeter, Reach
from tidegate.deploy_worker.meters.series import Prometheus
from tidegate.deploy_worker.meters.slots import Slots

METRICS = (Metric(MetricKind.ERRORS),)
TICK_S = 0.01
SPLIT = Slots((1, 2), frozenset({1, 2}), START - 400)


class Request(NamedTuple):
    """Times in seconds. answered: when its answer began; None: it never did, its client left at
    `ended`."""

    begun: float
    answered: float | None
    ended: float


@dataclass
class Envoy:
    """One process. Its requests by the slot that they were sent to."""

    pod: str
    born: float
    requests: dict[int, list[Request]] = field(default_factory=lambda: defaultdict(list))

    def expose(self, prometheus: FakePrometheus, at: float, slots: int, torn: float) -> None:
        """A scrape, which reads the gauges so many seconds later than the counters."""
        own = {"pod": self.pod, "instance": f"{self.pod}:19001", "job": "envoy"}
        for slot in range(slots):
            name = {"envoy_cluster_name": cluster(1, slot)} | own
            counters = self._counters(slot, at, torn)
            for metric, value in counters.items():
                prometheus.store({"__name__": f"envoy_cluster_{metric}"} | name, at, value)
            code = {"__name__": "envoy_cluster_upstream_rq", "envoy_response_code": "200"}
            prometheus.store(code | name, at, counters["upstream_rq_completed"])
        uptime = int((at - self.born) // 5 * 5)
        prometheus.store({"__name__": "envoy_server_uptime"} | own, at, uptime)

    def _counters(self, slot: int, at: float, torn: float) -> dict[str, int]:
        mine = self.requests[slot]
        later = at + torn
        return {
            "upstream_rq_total": sum(r.begun <= at for r in mine),
            "upstream_rq_completed": sum(r.answered is not None and r.answered <= at for r in mine),
            "upstream_rq_active": sum(r.begun <= later < r.ended for r in mine),
        }


@dataclass
class Traffic:
    """100 requests a second through the first of the processes. seconds: how long a request takes;
    body: how much of that is its body. torn: by how much a scrape reads gauges later. hangs: share
    of the candidate's requests whose clients leave after a second."""

    seed: int
    seconds: float = 2.0
    body: float = 0.0
    torn: float = 0.0
    hangs: float = 0.0
    percent: int = 10
    slots: Slots = SPLIT
    now: float = START
    envoys: list[Envoy] = field(default_factory=lambda: [Envoy("gw-a", START - 86_400)])
    evidence: Evidence = field(default_factory=lambda: Evidence.start(METRICS))

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self.prometheus = FakePrometheus(self.now)
        api = Prometheus("http://prometheus", lambda: self.now, transport=self.prometheus)
        self.meter = PrometheusMeter(api, ENVOY_GATEWAY, lambda _key: self.slots, Reach(1.0))

    def write(self, *revisions: int, percent: int) -> None:
        """Somebody writes the route: at once, for clients."""
        self.percent = percent
        self.slots = Slots(revisions, frozenset(revisions), float(int(self.now)))

    def replace_gateway(self) -> None:
        """A new process takes over; the old one ends once nothing is under way."""
        self.envoys.insert(0, Envoy(f"gw-{len(self.envoys)}", self.now))

    def run(self, seconds: int) -> None:
        """Scrapes and reconciles each second."""
        for _ in range(seconds):
            for begun in self._begun():
                self._send(begun)
            self.now += 1.0
            self.prometheus.now = self.now
            alive = [envoy for envoy in self.envoys if self._living(envoy)]
            for envoy in alive:
                envoy.expose(self.prometheus, self.now - 0.5, len(self.slots.revisions), self.torn)
            self._reconcile()

    def verdict(self) -> MetricVerdict:
        (verdict,) = judge(self.evidence, METRICS, 0.01)
        return verdict

    def _begun(self) -> Iterator[float]:
        yield from (self.now + n * TICK_S for n in range(100))

    def _send(self, begun: float) -> None:
        slot = int(self.chance.random() * 100 < self.percent)
        length = self.seconds * self.chance.uniform(0.7, 1.3)
        answered: float | None = begun + length - min(self.body, length / 2)
        if slot and self.chance.random() < self.hangs:
            answered = None
            length = 1.0
        self.envoys[0].requests[slot].append(Request(begun, answered, begun + length))

    def _living(self, envoy: Envoy) -> bool:
        busy = any(r.ended > self.now - 1.0 for own in envoy.requests.values() for r in own)
        return busy or envoy is self.envoys[0]

    def _reconcile(self) -> None:
        """As `gathering.gather` does: an interval that crosses a write counts for nobody."""
        scrape = self.meter.scrape(KEY)
        if isinstance(scrape, NoData):
            return
        last = self.evidence.last
        full = last is not None and last.at >= self.slots.since
        self.evidence = absorb(self.evidence, scrape, stable=1, candidate=2, comparable=full)
