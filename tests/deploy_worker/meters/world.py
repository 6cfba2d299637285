"""Gateway replicas that count, a Prometheus that scrapes them, and a rollout's evidence that grows
from the meter."""

from collections import Counter
from dataclasses import dataclass, field

from tests.deploy_worker.meters.fake_prometheus import FakePrometheus
from tidegate.core.answers import AnswerKind, kind_of
from tidegate.core.evalues import Arm
from tidegate.core.evidence import EMPTY, absorb
from tidegate.core.intent import EndpointKey
from tidegate.core.ports import NoData
from tidegate.deploy_worker.meters.profiles import ENVOY_GATEWAY
from tidegate.deploy_worker.meters.prometheus import PrometheusMeter, Reach
from tidegate.deploy_worker.meters.series import Prometheus
from tidegate.deploy_worker.meters.slots import Slots

KEY = EndpointKey("team", "fraud")
START = 1_000_240.0
CUT = 1_000_800.0  # the next multiple of ten minutes
INTERVAL = 15.0


def cluster(rule: int, slot: int, name: str = "fraud") -> str:
    return f"httproute/team/{name}/rule/{rule}/backend/{slot}"


@dataclass
class Replica:
    """One Envoy. Its clusters exist from the start; a counter of a code exists from the first such
    answer."""

    pod: str
    born: float
    phase: float = 0.0  # seconds after the others at which it is scraped
    slots: int = 2
    tells_uptime: bool = True
    counts: Counter[tuple[int, int, int]] = field(default_factory=Counter)  # rule, slot, code

    def answer(self, slot: int, code: int, n: int, rule: int = 1) -> None:
        self.counts[rule, slot, code] += n

    def restart(self, at: float) -> None:
        self.counts.clear()
        self.born = at

    def expose(self, prometheus: FakePrometheus, at: float, **labels: str) -> None:
        own = {"pod": self.pod, "instance": f"{self.pod}:19001", "job": "envoy"} | labels
        for rule in (0, 1):
            for slot in range(self.slots):
                name = {"envoy_cluster_name": cluster(rule, slot)} | own
                total = sum(n for (r, s, _), n in self.counts.items() if (r, s) == (rule, slot))
                prometheus.store({"__name__": "envoy_cluster_upstream_rq_total"} | name, at, total)
                for le in ("50", "100", "+Inf"):
                    bucket = {"__name__": "envoy_cluster_upstream_rq_time_bucket", "le": le}
                    prometheus.store(bucket | name, at, total)
        for (rule, slot, code), n in self.counts.items():
            name = {
                "envoy_cluster_name": cluster(rule, slot),
                "envoy_response_code": str(code),
            } | own
            prometheus.store({"__name__": "envoy_cluster_upstream_rq"} | name, at, n)
        if self.tells_uptime:  # whole seconds, refreshed every five
            prometheus.store(
                {"__name__": "envoy_server_uptime"} | own, at, int((at - self.born) // 5 * 5)
            )


class Gateways:
    """r1 in slot 0 and r2, the candidate, in slot 1, until somebody changes `slots`."""

    def __init__(
        self, *replicas: Replica, slots: Slots | None = None, interval: float = INTERVAL
    ) -> None:
        self.interval = interval
        self.now = START
        self.prometheus = FakePrometheus(self.now)
        self.replicas = list(replicas) or [Replica("gw-a", START - 86_400)]
        self.slots: Slots | str = slots or Slots((1, 2), frozenset({1, 2}), START - 400)
        self.evidence = EMPTY
        self.said = ""
        self.sent: dict[int, Arm] = {}

    def meter(self) -> PrometheusMeter:
        api = Prometheus("http://prometheus", lambda: self.now, transport=self.prometheus)
        return PrometheusMeter(api, ENVOY_GATEWAY, lambda _key: self.slots, Reach(self.interval))

    def send(self, revision: int, code: int, n: int, to: int = 0) -> None:
        """`n` answers of one revision with one code through the replica at position `to`."""
        assert isinstance(self.slots, Slots)
        self.replicas[to].answer(self.slots.revisions.index(revision), code, n)
        errors = n * (kind_of("http", code) is AnswerKind.ERROR)
        arm = Arm(n, errors)
        self.sent[revision] = self.sent.get(revision, Arm()) + arm

    def wait(self, *, scraped: bool = True) -> None:
        """One scrape interval goes by; Prometheus scrapes each replica at its phase."""
        self.now += self.interval
        if scraped:
            for replica in self.replicas:
                replica.expose(self.prometheus, self.now - self.interval / 2 + replica.phase)
        self.prometheus.now = self.now

    def observe(self, meter: PrometheusMeter | None = None) -> None:
        """A reconcile: what the meter says goes into the evidence."""
        seen = (meter or self.meter()).scrape(KEY)
        if isinstance(seen, NoData):
            self.said = seen.detail
            return
        self.said = ""
        self.evidence = absorb(self.evidence, seen, stable=1, candidate=2)

    def pass_interval(self, *, scraped: bool = True) -> None:
        self.wait(scraped=scraped)
        self.observe()

    @property
    def counted(self) -> dict[int, Arm]:
        """What the evidence holds so far, by revision."""
        return {1: self.evidence.split.stable, 2: self.evidence.split.candidate}

    def begin(self) -> None:
        """Two intervals, so that the base line stands; what is sent from here on is the truth to
        compare with."""
        self.pass_interval()
        self.pass_interval()
        self.sent = {1: Arm(), 2: Arm()}
        assert self.counted == {1: Arm(), 2: Arm()}
