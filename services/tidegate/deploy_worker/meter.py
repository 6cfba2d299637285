"""Where evidence comes from on a cluster: Prometheus, by the data plane that serves the endpoint,
or nowhere.

An endpoint with an HTTPRoute is counted by its gateway, one without (Knative mode) by Knative's
queue-proxies. What the meters must know of an endpoint is read from the adapter's memory. Without a
metric source a rollout moves by hand only: no data is "need more", never "pass".
"""

import time
from collections.abc import Callable, Sequence

from tidegate.core.drivers import driver_for
from tidegate.core.drivers.adoption import numbered
from tidegate.core.drivers.rendering import Platform, number_of, ours
from tidegate.core.evidence import Scrape
from tidegate.core.intent import EndpointKey, Mode, Protocol, Runtime
from tidegate.core.ports import (
    Capabilities,
    Fact,
    Manifest,
    Meter,
    NoData,
    Snapshot,
    State,
    Unavailable,
)
from tidegate.deploy_worker.meters.doctor import Line, Sign, check
from tidegate.deploy_worker.meters.profiles import KNATIVE, PROFILES
from tidegate.deploy_worker.meters.prometheus import PrometheusMeter, Reach
from tidegate.deploy_worker.meters.series import Prometheus
from tidegate.deploy_worker.meters.slots import Slots, last_written, slots_of_route
from tidegate.deploy_worker.meters.triton import TritonExplains
from tidegate.deploy_worker.own.prometheus import PrometheusOwn
from tidegate.deploy_worker.own.source import NoSource, OwnSource
from tidegate.deploy_worker.preflight import gates
from tidegate.deploy_worker.settings import WorkerSettings

UNSET = "no metric source is configured: gates cannot decide; set TIDEGATE_PROMETHEUS_URL"
Observe = Callable[[EndpointKey], Snapshot | Unavailable]
Explain = Callable[[EndpointKey, int], Sequence[str]]


class NoMeter:
    """core.ports.Meter that always answers why there is no data."""

    def __init__(self, detail: str = UNSET) -> None:
        self._answer = NoData(detail)

    def scrape(self, key: EndpointKey) -> NoData:
        """No data."""
        return self._answer


class ClusterMeter:
    """core.ports.Meter: the gateway's counters or Knative's, whichever serves the endpoint now."""

    def __init__(
        self, prometheus: Prometheus, profile: str, reach: Reach, observe: Observe
    ) -> None:
        self._observe = observe
        self._prometheus = prometheus
        gateway = PROFILES[profile]
        self._gateway = PrometheusMeter(
            prometheus, gateway, self._route_slots, reach, speaks_grpc=self._grpc
        )
        self._knative = PrometheusMeter(
            prometheus,
            KNATIVE,
            self._knative_slots,
            reach,
            revision_of=self._revision,
            speaks_grpc=self._grpc,
        )

    def scrape(self, key: EndpointKey) -> Scrape | NoData:
        """Cumulative counters of every revision."""
        seen = self._observe(key)
        if isinstance(seen, Unavailable):
            return NoData(f"the cluster does not answer: {seen.detail}")
        routed = _route(seen, key) is not None
        return (self._gateway if routed else self._knative).scrape(key)

    def trouble(self) -> str | None:
        """Why Prometheus cannot be asked, None where it can."""
        answer = self._prometheus.samples("up", 60)
        if isinstance(answer, Unavailable):
            return answer.detail
        return None

    def doctor(self, key: EndpointKey) -> tuple[Line, ...]:
        """What is found and what is missing of an endpoint's counters, a line each."""
        seen = self._observe(key)
        routed = isinstance(seen, Snapshot) and _route(seen, key) is not None
        if routed:
            meter = self._gateway
        else:
            meter = self._knative
        return check(meter, key)

    def _route_slots(self, key: EndpointKey) -> Slots | str:
        seen = self._observe(key)
        route = None
        if isinstance(seen, Snapshot):
            route = _route(seen, key)
        if route:
            return slots_of_route(key, route)
        return f"{key} has no HTTPRoute yet"

    def _knative_slots(self, key: EndpointKey) -> Slots | str:
        """Revisions are told by name there; the split was written with the InferenceService."""
        seen = self._observe(key)
        isvc = None
        if isinstance(seen, Snapshot):
            isvc = seen.get("InferenceService", key.name)
        if isinstance(seen, Unavailable) or isvc is None:
            return f"{key} has no InferenceService yet"
        traffic = driver_for(Mode.KNATIVE, Platform("")).read(key, {}, numbered(seen, key)).traffic
        since = last_written(isvc)
        if traffic is None or since is None:
            return f"{key} has no traffic yet"
        return Slots((), frozenset(traffic.revisions), since)

    def _revision(self, key: EndpointKey, name: str) -> int | None:
        seen = self._observe(key)
        result = None
        if isinstance(seen, Snapshot):
            result = numbered(seen, key).get("Revision", name)
        if not result:
            return None
        return number_of(result)

    def _grpc(self, key: EndpointKey) -> bool:
        seen = self._observe(key)
        isvcs = seen.all("InferenceService") if isinstance(seen, Snapshot) else ()
        models = (isvc["spec"]["predictor"].get("model") or {} for isvc in isvcs)
        return any(model.get("protocolVersion") == Protocol.GRPC_V2 for model in models)


def evidence_of(
    settings: WorkerSettings, meter: Meter
) -> Callable[[EndpointKey, Mode, Runtime], tuple[str, ...]]:
    """Why gates could not decide about an endpoint, before a rollout needs them; () where they
    can."""

    def evidence(key: EndpointKey, mode: Mode, runtime: Runtime) -> tuple[str, ...]:
        if not isinstance(meter, ClusterMeter):
            return (UNSET,)
        message = meter.trouble()
        if message is not None:
            return (f"no metric source: gates cannot decide: {message}",)
        if runtime.protocol is not Protocol.GRPC_V2:
            return ()
        profile = KNATIVE
        if mode is not Mode.KNATIVE:
            profile = PROFILES[settings.gateway_metrics]
        if not profile.grpc:
            return (
                f"no metric source for gRPC: gates cannot decide: {profile.name} counts no "
                "grpc-status",
            )
        return tuple(line.message for line in meter.doctor(key) if line.sign is Sign.NO_GRPC_STATUS)

    return evidence


def meter_of(settings: WorkerSettings, observe: Observe) -> tuple[Meter, Explain]:
    """The meter that the settings ask for, and what explains bad answers to people."""
    if not settings.prometheus_url:
        return NoMeter(), lambda _key, _revision: ()
    prometheus = _prometheus(settings)
    reach = _reach(settings)
    return ClusterMeter(prometheus, settings.gateway_metrics, reach, observe), TritonExplains(
        prometheus
    )


def own_of(settings: WorkerSettings) -> OwnSource:
    """Where people's own metrics are read."""
    if not settings.prometheus_url:
        return NoSource(UNSET)
    return PrometheusOwn(_prometheus(settings), _reach(settings))


def _prometheus(settings: WorkerSettings) -> Prometheus:
    return Prometheus(
        settings.prometheus_url,
        time.time,
        token_file=settings.prometheus_token_file,
        ca_file=settings.prometheus_ca_file,
    )


def _reach(settings: WorkerSettings) -> Reach:
    return Reach(interval=settings.prometheus_interval, stuck_seconds=settings.stuck_seconds)


def untold_of(settings: WorkerSettings) -> Callable[[Mode, Runtime], tuple[str, ...]]:
    """Which requests without an answer the proxy of a mode does not count."""

    def untold(mode: Mode, runtime: Runtime) -> tuple[str, ...]:
        if not settings.prometheus_url:
            return ()
        profile = KNATIVE
        if mode is not Mode.KNATIVE:
            profile = PROFILES[settings.gateway_metrics]
        return profile.untold(grpc=runtime.protocol is Protocol.GRPC_V2)

    return untold


def lost_requests(
    caps: Capabilities, untold: Callable[[Mode, Runtime], tuple[str, ...]]
) -> tuple[Fact, ...]:
    """For the doctor: what of requests without an answer is not counted in the modes that are
    there, over any protocol; () where all are."""
    modes = [mode for mode, there in _modes(caps) if there]
    any_client = Runtime(protocol=Protocol.GRPC_V2)
    texts = [f"{mode}: {text}" for mode in modes for text in untold(mode, any_client)]
    if not texts:
        return ()
    return (Fact("lost requests", State.MISSING, "; ".join(texts), str(gates.TELL)),)


def _modes(caps: Capabilities) -> tuple[tuple[Mode, bool], ...]:
    return ((Mode.STANDARD, caps.standard), (Mode.KNATIVE, caps.knative))


def uncounted_copies(settings: WorkerSettings) -> str:
    """Why a shadow would get no data from the metric source, "" where it does."""
    if settings.prometheus_url:
        return PROFILES[settings.gateway_metrics].copies
    return UNSET


def _route(seen: Snapshot, key: EndpointKey) -> Manifest | None:
    """Our HTTPRoute: of an adopted endpoint it has a name of its own."""
    return next((row for row in seen.all("HTTPRoute") if ours(row, key)), None)
