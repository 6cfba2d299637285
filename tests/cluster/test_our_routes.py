"""The routes that our driver writes, through a real Envoy Gateway to a real Envoy: splits, header
A/B, copies, gRPC, and the names inside and outside of the cluster."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import grpc
import httpx2
import pytest

from tests.built import dev_cluster
from tests.cluster.objects import deployment
from tests.cluster.routes import settled
from tidegate.core import buckets
from tidegate.core.drivers import Platform, route
from tidegate.core.drivers.rendering import Gateway
from tidegate.core.intent import Adopted, CandidateTraffic, EndpointKey, HeaderMatch, Intent, Mode
from tidegate.core.traffic import desired
from tidegate_local.devcluster import proxy
from tidegate_local.devcluster.cluster import DevCluster
from tidegate_local.devcluster.kube import Json
from tidegate_local.home import free_port

pytestmark = pytest.mark.cluster
KEY = EndpointKey("default", "fraud")
OUTSIDE = "fraud.default.models.local"
INSIDE = "fraud.default.svc.cluster.local"
PLATFORM = Platform(
    "store", Gateway("gateway", "default", service="gateway.default.svc.cluster.local")
)
INFER = "/inference.GRPCInferenceService/ModelInfer"


class TrafficEntry:
    """Envoy Gateway with one Gateway, and its Envoy."""

    def __init__(self, cluster: DevCluster) -> None:
        self.kube = cluster.kube
        self.port = free_port()
        cluster.gateway.gateway("default", "gateway", self.port)
        self.admin = proxy.start(cluster.gateway, "default", "gateway").admin
        for number in (1, 2):
            self.stand(service(f"fraud-r{number}-predictor"))

    def stand(self, backend: Json) -> None:
        """Make a Service with a pod behind it."""
        name = backend["metadata"]["name"]
        self.kube.apply(backend)
        self.kube.apply(deployment("default", name, replicas=1))
        self.kube.wait(self.kube.path("apps/v1", "Deployment", "default", name), _is_up, 30.0)

    def apply(self, candidate_traffic: CandidateTraffic) -> None:
        """Write the route for r1 with r2 on rollout; returns when Envoy has it."""
        intent = Intent(KEY, 1, Mode.STANDARD, 1, candidate=2, candidate_traffic=candidate_traffic)
        traffic = desired(intent)
        assert traffic is not None
        manifest = route.render(intent, traffic, (1, 2), PLATFORM)
        manifest["metadata"]["labels"]["test"] = f"p{abs(hash(candidate_traffic))}"
        self.kube.apply(manifest)
        path = self.kube.path("gateway.networking.k8s.io/v1", "HTTPRoute", "default", "fraud")
        self.kube.wait(path, settled, 20.0)
        self.kube.until(
            lambda: self.routes() == expected(candidate_traffic),
            f"Envoy has {candidate_traffic}: {self.routes()}",
            20.0,
        )

    def routes(self) -> list[tuple[str, tuple[str, ...], dict[str, int], tuple[float, ...]]]:
        """What Envoy does, for the name outside: path, headers, weights by revision, percents of
        copies."""
        page = f"http://127.0.0.1:{self.admin}/config_dump?resource=dynamic_route_configs"
        dump = httpx2.get(page, trust_env=False).json().get("configs", [])
        hosts = [host for item in dump for host in item["route_config"].get("virtual_hosts", [])]
        return [
            _summary(item)
            for host in hosts
            if OUTSIDE in host["domains"]
            for item in host["routes"]
        ]

    def ask(self, count: int, host: str = OUTSIDE, **headers: str) -> Counter[str]:
        """Who would have answered, by the header that tells it; nobody is there, so each answer is
        an error."""
        state: Counter[str] = Counter()
        with httpx2.Client(trust_env=False) as http:
            for _ in range(count):
                answer = http.get(
                    f"http://127.0.0.1:{self.port}/v2", headers={"Host": host, **headers}
                )
                assert answer.status_code == 503, answer.text
                state[answer.headers["x-tidegate-revision"]] += 1
        return state

    def call(self, host: str = OUTSIDE) -> str:
        """Who would have answered a gRPC call."""
        options = [("grpc.default_authority", host), ("grpc.enable_http_proxy", 0)]
        channel = grpc.insecure_channel(f"127.0.0.1:{self.port}", options=options)
        with channel, pytest.raises(grpc.RpcError) as error:
            channel.unary_unary(INFER)(b"", timeout=10)
        call: Any = error.value
        assert call.code() is grpc.StatusCode.UNAVAILABLE, call
        metadata = dict((*call.initial_metadata(), *call.trailing_metadata()))
        return str(metadata["x-tidegate-revision"])


def _is_up(result: Json) -> bool:
    return bool(result.get("status", {}).get("availableReplicas"))


def service(name: str) -> Json:
    """As KServe makes it of our ports."""
    ports = [
        {"name": "http", "port": 80, "targetPort": 8080},
        {"name": "h2c", "port": 9000, "targetPort": 9000, "appProtocol": "kubernetes.io/h2c"},
    ]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"selector": {"app": name}, "ports": ports},
    }


def _summary(item: Json) -> tuple[str, tuple[str, ...], dict[str, int], tuple[float, ...]]:
    match = item["match"]
    action = item.get("route", {})
    headers = tuple(
        header["name"] for header in match.get("headers", ()) if not header["name"].startswith(":")
    )
    path = str(match.get("prefix") or f"{match.get('path_separated_prefix')}/")
    clusters = action.get("weighted_clusters", {}).get("clusters", [])
    weights = {
        f"r{int(cluster['name'].rpartition('/')[2]) + 1}": cluster["weight"] for cluster in clusters
    }
    copies = tuple(_percent(copy) for copy in action.get("request_mirror_policies", ()))
    return path, headers, weights, copies


def _percent(copy: Json) -> float:
    """Of one request mirror policy."""
    share = copy.get("runtime_fraction", {}).get("default_value", {"numerator": 100})
    whole = {"HUNDRED": 100, "TEN_THOUSAND": 10_000, "MILLION": 1_000_000}[
        share.get("denominator", "HUNDRED")
    ]
    return 100 * float(share["numerator"]) / whole


def expected(
    candidate_traffic: CandidateTraffic,
) -> list[tuple[str, tuple[str, ...], dict[str, int], tuple[float, ...]]]:
    """The same for candidate traffic: rules with headers first, gRPC before HTTP."""
    shares = {
        name: share
        for name, share in (
            ("r1", 100 - candidate_traffic.percent),
            ("r2", candidate_traffic.percent),
        )
        if share
    }
    copies = ()
    if candidate_traffic.mirror:
        copies = (candidate_traffic.mirror,)
    plain = [(path, (), shares, copies) for path in (route.GRPC_PATH, "/")]
    headers = tuple(match.name for match in candidate_traffic.match)
    matched = []
    if headers:
        matched = [(path, headers, {"r2": 100}, ()) for path in (route.GRPC_PATH, "/")]
    return sorted((*matched, *plain), key=lambda results: (results[0] == "/", not results[1]))


@pytest.fixture(scope="module")
def entry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrafficEntry]:
    with dev_cluster(tmp_path_factory.mktemp("routes"), ("gateway",)) as cluster:
        yield TrafficEntry(cluster)


def test_a_split(entry: TrafficEntry) -> None:
    entry.apply(CandidateTraffic(percent=25))
    state = entry.ask(400)
    assert set(state) == {"r1", "r2"}
    assert state["r2"] == pytest.approx(100, abs=44)  # five standard deviations


def test_a_header_leads_to_the_candidate_and_the_others_do_not(entry: TrafficEntry) -> None:
    entry.apply(CandidateTraffic(match=(HeaderMatch("x-group", "b"),)))
    assert entry.ask(20, **{"x-group": "b"}) == {"r2": 20}
    assert entry.ask(20, **{"x-group": "a"}) == {"r1": 20}
    assert entry.ask(20) == {"r1": 20}


def test_a_user_keeps_the_revision_of_the_bucket_until_the_rule_goes(entry: TrafficEntry) -> None:
    """Buckets are compared by a regular expression, which every gateway may read in its own way:
    whole values, no other text that holds one."""
    entry.apply(CandidateTraffic(match=(HeaderMatch(buckets.HEADER, "0-19", range=True),)))
    for value in ("0", "7", "10", "19"):
        assert entry.ask(5, **{buckets.HEADER: value}) == {"r2": 5}, value
    for value in ("20", "99", "100", "190", "07", "x1", ""):
        assert entry.ask(5, **{buckets.HEADER: value}) == {"r1": 5}, value
    assert entry.ask(5) == {"r1": 5}
    entry.apply(CandidateTraffic(percent=0))
    assert entry.ask(20, **{buckets.HEADER: "7"}) == {"r1": 20}


def test_copies(entry: TrafficEntry) -> None:
    entry.apply(CandidateTraffic(mirror=10))
    assert entry.ask(20) == {"r1": 20}


def test_grpc_calls_have_a_rule_of_their_own(entry: TrafficEntry) -> None:
    entry.apply(CandidateTraffic(percent=0))
    assert entry.call() == "r1"


def test_the_same_names_lead_there_from_inside(entry: TrafficEntry) -> None:
    """Callers inside reach the gateway through the endpoint's own Service, an ExternalName; the
    name they used is the Host that arrives."""
    entry.apply(CandidateTraffic(percent=0))
    for host in (INSIDE, "fraud.default.svc", f"{INSIDE}:80"):
        assert entry.ask(3, host) == {"r1": 3}
    assert entry.call(INSIDE) == "r1"


@pytest.mark.parametrize("first_port", ["http", "h2c"])
def test_an_adopted_service_has_one_port_and_the_route_is_accepted(
    entry: TrafficEntry, first_port: str
) -> None:
    """KServe opens port 80 alone for an InferenceService with one container port, whatever the port
    is."""
    key = EndpointKey("default", f"theirs-{first_port}")
    backend = service(f"{key.name}-predictor")
    (only,) = (port for port in backend["spec"]["ports"] if port["name"] == first_port)
    backend["spec"]["ports"] = [only | {"port": 80}]
    entry.stand(backend)
    known = Adopted(
        "u-1", {"model": {"ports": [{"name": first_port, "containerPort": only["targetPort"]}]}}
    )
    intent = Intent(key, 1, Mode.STANDARD, 0)
    traffic = desired(intent)
    assert traffic is not None
    entry.kube.apply(route.render(intent, traffic, (0,), PLATFORM, known))
    path = entry.kube.path(
        "gateway.networking.k8s.io/v1", "HTTPRoute", "default", f"{key.name}-tidegate"
    )
    entry.kube.wait(path, settled, 20.0)
