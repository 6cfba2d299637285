"""Profiles: how each data plane names what a meter must know. Data, with one function each for
where a series belongs.

Only final answers are read (`upstream_rq`, never `upstream_rq_retry`), and of the copies of a
family only one (`envoy_cluster_external_upstream_rq` repeats it). Mirrored requests have clusters
of their own in Envoy Gateway (`…/rule/1-mirror-0`) and are read apart; of those of gRPC rules no
grpc-status is counted, so they are not read. The source proxy in Istio does not report them.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum, auto

from tidegate.core.answers import Spoken
from tidegate.core.intent import EndpointKey
from tidegate.deploy_worker.meters.envoy_flow import ACTIVE, COUNTERS
from tidegate.deploy_worker.meters.flows import LOST, STREAMS, counter_name
from tidegate.deploy_worker.meters.series import Labels, quoted
from tidegate.deploy_worker.meters.slots import Slots


class Kind(Enum):
    """What a series tells."""

    ANSWER = auto()  # answers with one code
    UNREAD = auto()  # HTTP statuses of gRPC answers: they hide errors, so they are never counted
    BUCKET = auto()  # a histogram's cumulative bucket
    FLOW = auto()  # a counter of requests begun or ended; there before a revision's first answer
    ACTIVE = auto()  # how many requests are under way, a gauge
    LOST = auto()  # requests that ended without an answer
    START = auto()  # when the process began, epoch seconds
    UPTIME = auto()  # seconds since it began
    INFO = auto()  # labels that belong to every series of its target


@dataclass(frozen=True, slots=True)
class Meaning:
    """One series, understood. code: HTTP status or grpc-status. le: upper bound in milliseconds.
    copy: of mirrored requests. name: of a FLOW or ACTIVE, as `flows.flow` knows it; of an ANSWER,
    LOST where the same metric tells lost requests."""

    kind: Kind
    revision: int = 0
    spoken: Spoken = "http"
    code: int = 0
    le: float = 0.0
    copy: bool = False
    name: str = ""


@dataclass(frozen=True, slots=True)
class Family:
    """Metrics whose name matches `metric`. codes: label of the code per protocol; '' means that it
    ends the metric's name. unit: milliseconds per unit of `le`. no_answer: the value of HTTP's code
    where there was no answer."""

    metric: str
    kind: Kind
    codes: Mapping[Spoken, str] = field(default_factory=dict)
    unit: float = 1.0
    no_answer: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """Whose counters are read. revision_of: our number of a Knative revision's name, None where it
    is not ours."""

    key: EndpointKey
    slots: Slots
    revision_of: Callable[[EndpointKey, str], int | None]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a series belongs: a revision, a protocol, and whether it counts mirrored requests."""

    revision: int
    spoken: Spoken
    copy: bool = False


@dataclass(frozen=True, slots=True)
class Profile:
    """One data plane. labels: patterns (RE2) of label values, {namespace} and {name} are filled in.
    together: one process counts both revisions, so that they share each interval. grpc: grpc-status
    is counted. switch: what to turn on where something is missing. copies: why answers to mirrored
    requests are not counted, "" where they are. lost, waiting: the same of requests that ended
    without an answer, and of those that wait for one; streams: of those within a gRPC stream."""

    name: str
    families: tuple[Family, ...]
    labels: Mapping[str, str]
    place: Callable[[Labels, Asked], Place | None]
    together: bool
    grpc: bool
    switch: str
    copies: str = ""
    lost: str = ""
    waiting: str = ""
    streams: str = ""

    def untold(self, *, grpc: bool) -> tuple[str, ...]:
        """Which requests without an answer are not counted, for a person. grpc: also of clients
        that speak gRPC."""
        texts = [self.lost, self.waiting]
        if grpc:
            texts.append(self.streams)
        return tuple(text for text in texts if text)

    @property
    def gauges(self) -> tuple[str, ...]:
        """The metrics of requests under way."""
        return tuple(family.metric for family in self.families if family.kind is Kind.ACTIVE)

    def selector(self, key: EndpointKey, only: Mapping[str, str]) -> str:
        """PromQL for every series of `key`; `only`: labels that must have exactly this value."""
        names = "|".join(family.metric for family in self.families)
        filled = {
            label: pattern.replace("{namespace}", re.escape(key.namespace)).replace(
                "{name}", re.escape(key.name)
            )
            for label, pattern in self.labels.items()
        }
        matchers = [
            f"{label}=~{quoted(pattern)}"
            for label, pattern in {"__name__": names, **filled}.items()
        ]
        return (
            "{"
            + ",".join([*matchers, *(f"{label}={quoted(value)}" for label, value in only.items())])
            + "}"
        )

    def meaning(self, labels: Labels, request: Asked) -> Meaning | None:
        """What a series tells; None for one that is not ours."""
        family = next(
            (f for f in self.families if re.fullmatch(f.metric, labels.get("__name__", ""))), None
        )
        if family is None:
            return None
        if family.kind in (Kind.START, Kind.UPTIME, Kind.INFO):
            return Meaning(family.kind)
        place = self.place(labels, request)
        if place is None:
            return None
        meaning = _meaning(family, labels, place.revision, place.spoken)
        if not meaning:
            return None
        return replace(meaning, copy=place.copy)


def _meaning(family: Family, labels: Labels, revision: int, spoken: Spoken) -> Meaning | None:
    if family.no_answer and labels.get("response_code") == family.no_answer:
        if family.kind is Kind.ANSWER:
            return Meaning(Kind.LOST, revision, spoken)
        return None
    if family.kind is Kind.BUCKET:
        le = _number(labels.get("le", ""))
        if le is None:
            return None
        return Meaning(Kind.BUCKET, revision, spoken, le=round(le * family.unit, 9))
    if family.kind in (Kind.FLOW, Kind.ACTIVE):
        name = counter_name(labels["__name__"], labels.get("envoy_grpc_bridge_method", ""))
        return Meaning(family.kind, revision, spoken, name=name)
    if spoken not in family.codes:
        if spoken != "grpc":
            return None
        return Meaning(Kind.UNREAD, revision, spoken)
    label = family.codes[spoken]
    if label:
        code = labels.get(label, "")
    else:
        code = labels["__name__"].rpartition("_")[2]
    if spoken == "grpc" and not code:
        code = "14"  # the stream ended without a status: clients see UNAVAILABLE
    if not code.isdecimal():
        return None
    if family.no_answer:
        return Meaning(Kind.ANSWER, revision, spoken, int(code), name=LOST)
    return Meaning(Kind.ANSWER, revision, spoken, int(code))


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


_BACKEND = re.compile(r"httproute/([^/]+)/([^/]+)/rule/(\d+)(/backend/|-mirror-)(\d+)")
_INFER = frozenset({"ModelInfer", "ModelStreamInfer"})
_GRPC_METRIC = r"envoy_cluster_grpc_(?:(?:.+_)?Model(?:Stream)?Infer_)?[0-9]+"
_GRPC_MESSAGES = r"envoy_cluster_grpc_(?:(?:.+_)?Model(?:Stream)?Infer_)?request_message_count"
_FLOWS = rf"envoy_cluster_(?:{'|'.join(COUNTERS)})"
_FILTERED = "envoy_cluster_(?:ext_authz_(?:.+_)?denied|ratelimit_(?:.+_)?over_limit)"


def _envoy_gateway(labels: Labels, request: Asked) -> Place | None:
    """The slot by the last index, the protocol by the rule's: the driver writes each traffic rule
    twice, gRPC first."""
    match = _BACKEND.fullmatch(labels.get("envoy_cluster_name", ""))
    ours = (request.key.name, f"{request.key.name}-tidegate")  # the second: of an adopted endpoint
    if match is None or match[1] != request.key.namespace or match[2] not in ours:
        return None
    copy = match[4] != "/backend/"
    grpc = int(match[3]) % 2 == 0
    if copy:
        listed = request.slots.copies
    else:
        listed = request.slots.revisions
    if int(match[5]) >= len(listed):
        return None  # of an older list: the gateway has not dropped it yet
    if copy and grpc:
        return None  # every error among them would look like a success
    metric = labels["__name__"]
    named = not metric.startswith("envoy_cluster_grpc_") or "Infer_" in metric
    if not named and labels.get("envoy_grpc_bridge_method") not in _INFER:
        return None  # health and metadata calls
    return Place(listed[int(match[5])], "grpc" if grpc else "http", copy)


def _istio(labels: Labels, request: Asked) -> Place | None:
    """The revision by the Service's name."""
    name = labels.get("destination_service_name", "")
    match = re.fullmatch(re.escape(request.key.name) + r"(?:-r([1-9]\d*))?-predictor", name)
    if match is None:
        return None
    return Place(int(match[1] or 0), "grpc" if labels.get("request_protocol") == "grpc" else "http")


def _knative(labels: Labels, request: Asked) -> Place | None:
    name = labels.get("revision_name") or labels.get("kn_revision_name")
    revision = None
    if name:
        revision = request.revision_of(request.key, name)
    if revision is None:
        return None
    return Place(revision, "http")


ENVOY_GATEWAY = Profile(
    "envoy-gateway",
    (
        Family("envoy_cluster_upstream_rq", Kind.ANSWER, {"http": "envoy_response_code"}),
        Family(_GRPC_METRIC, Kind.ANSWER, {"grpc": ""}),
        Family("envoy_cluster_upstream_rq_time_bucket", Kind.BUCKET),
        Family(_FLOWS, Kind.FLOW),
        Family(_FILTERED, Kind.FLOW),
        Family(_GRPC_MESSAGES, Kind.FLOW),
        Family(f"envoy_cluster_{ACTIVE}", Kind.ACTIVE),
        Family("envoy_server_uptime", Kind.UPTIME),
    ),
    # "or empty": the process's own series carry no cluster name
    {
        "envoy_cluster_name": "(?:httproute/{namespace}/{name}(?:-tidegate)?/rule/[0-9]+(?:/backend/|-mirror-)[0-9]+)?"
    },
    _envoy_gateway,
    together=True,
    grpc=True,
    switch="EnvoyProxy spec.telemetry.metrics.enableGRPCStats: true",
    streams=STREAMS,
)
ISTIO = Profile(
    "istio",
    (
        Family(
            "istio_requests_total",
            Kind.ANSWER,
            {"http": "response_code", "grpc": "grpc_response_status"},
            no_answer="0",
        ),
        Family("istio_request_duration_milliseconds_bucket", Kind.BUCKET, no_answer="0"),
        Family("envoy_server_uptime", Kind.UPTIME),
        Family("process_start_time_seconds", Kind.START),
    ),
    {
        "reporter": "(?:source)?",
        "destination_service_namespace": "(?:{namespace})?",
        "destination_service_name": "(?:{name}(?:-r[0-9]+)?-predictor)?",
    },
    _istio,
    together=True,
    grpc=True,
    switch="Istio's standard metrics (Telemetry metrics provider prometheus) on the gateway",
    copies="Istio's gateway does not report the answers to mirrored requests",
    waiting="Istio counts a request when it ends, so that one which waits is not seen",
    streams=STREAMS,
)
KNATIVE = Profile(
    "knative",
    (
        Family("revision_request_count", Kind.ANSWER, {"http": "response_code"}),
        Family("revision_request_latencies_bucket", Kind.BUCKET),
        # Knative since it speaks OpenTelemetry: seconds, and the revision's name only in
        # target_info
        Family(
            "kn_serving_invocation_duration_seconds_count",
            Kind.ANSWER,
            {"http": "http_response_status_code"},
        ),
        Family("kn_serving_invocation_duration_seconds_bucket", Kind.BUCKET, unit=1000.0),
        Family("target_info", Kind.INFO),
        Family("process_start_time_seconds", Kind.START),
    ),
    {"namespace": "{namespace}"},
    _knative,
    together=False,
    grpc=False,
    switch="scraping of the queue-proxies, config-observability request-metrics-protocol: "
    "prometheus",
    copies="Knative mirrors no requests",
    lost="Knative's queue-proxy counts a request whose client left before the answer as a 200",
    waiting="Knative's queue-proxy counts a request when it ends, so that one which waits is not "
    "seen",
)
PROFILES: Mapping[str, Profile] = {p.name: p for p in (ENVOY_GATEWAY, ISTIO, KNATIVE)}
