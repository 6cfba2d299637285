"""Requests through a real Envoy that a real Envoy Gateway configures, to stand-ins at the pods'
real addresses.

A program of its own, for it needs a network namespace: `unshare -rn` with the pods' subnet on the
loopback device. Prints who answered, by revision, for each split of the traffic.
"""

import json
import sys
from collections import Counter
from functools import partial
from pathlib import Path

import httpx2

from tests.cluster.objects import inference_service
from tests.cluster.routes import GATEWAY, has_weights, route, settled
from tests.http_server import HttpServer, Reply, Request
from tidegate_local.devcluster import proxy
from tidegate_local.devcluster.cluster import DevCluster
from tidegate_local.devcluster.kube import Json, ready
from tidegate_local.home import free_port

PODS = "10.244.0.1/16"
SPLITS = (
    {"fraud-r1": 100, "fraud-r2": 0},
    {"fraud-r1": 75, "fraud-r2": 25},
    {"fraud-r1": 0, "fraud-r2": 100},
)


def pod(request: Request) -> Reply:
    """Every pod at once: it answers with the address that it was asked at."""
    return Reply(request.address)


def owners(cluster: DevCluster) -> dict[str, str]:
    """Pod address -> InferenceService."""
    label = "serving.kserve.io/inferenceservice"
    pods = cluster.kube.items("v1", "Pod", "default")
    return {pod["status"]["podIP"]: pod["metadata"]["labels"].get(label, "") for pod in pods}


def send(port: int, count: int, who: dict[str, str]) -> dict[str, int]:
    """Send requests; who answered. The header that tells the revision must name the pod's own."""
    answered: Counter[str] = Counter()
    with httpx2.Client(trust_env=False) as http:
        for _ in range(count):
            answer = http.get(
                f"http://127.0.0.1:{port}/v2/health/ready", headers={"Host": "fraud.test"}
            )
            assert answer.status_code == 200, answer.text
            assert answer.headers["x-tidegate-revision"] == who[answer.text]
            answered[who[answer.text]] += 1
    return dict(answered)


def play(cluster: DevCluster, port: int) -> list[Json]:
    kube = cluster.kube
    for name in ("fraud-r1", "fraud-r2"):
        kube.apply(inference_service("default", name, "Standard", minReplicas=2))
    for name in ("fraud-r1", "fraud-r2"):
        kube.wait(
            kube.path("serving.kserve.io/v1beta1", "InferenceService", "default", name), ready, 60.0
        )
    cluster.gateway.gateway("default", "gateway", port)
    envoy = proxy.start(cluster.gateway, "default", "gateway")
    who = owners(cluster)
    messages = []
    for split in SPLITS:
        kube.apply(route(split, "-predictor"))
        kube.wait(kube.path(GATEWAY, "HTTPRoute", "default", "fraud"), settled, 20.0)
        kube.until(partial(has_weights, envoy.admin, split), f"Envoy splits as {split}", 20.0)
        messages.append({"split": split, "answered": send(port, 400, who)})
    return messages


def main(root: Path) -> None:
    HttpServer(pod, "", 8080)
    cluster = DevCluster(root, PODS)
    cluster.up(("gateway", "kserve"))
    try:
        print(json.dumps(play(cluster, free_port())))
    finally:
        cluster.down()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
