"""Seconds from a bad candidate's first request to 0 %, through a real Envoy that a real Envoy
Gateway configures.

A program of its own, for it needs a network namespace in which every pod's address is on the
loopback device: each pod is a stand-in that answers 200, or 500 where it is of the bad revision.
KServe's controller, Envoy Gateway, Envoy, Prometheus, Postgres and the worker are real. Prints what
it found as JSON.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import httpx2

from bench.reconciles import database
from tests.cluster.access import bind, kubeconfig_of_worker
from tests.cluster.faults.fleet import FleetRollout, model, until
from tests.cluster.faults.ticks import Ticks
from tests.cluster.faults.workers import Workers
from tests.cluster.traffic import PODS
from tidegate.core.intent import CandidateTraffic, EndpointKey, Mode, Runtime
from tidegate.core.rollout import Rollout
from tidegate.core.strategy import Ending, Kind, Step, Strategy
from tidegate.store import Store, revisions, rollouts
from tidegate_local.devcluster import proxy
from tidegate_local.devcluster.cluster import DevCluster
from tidegate_local.home import free_port

KEY = EndpointKey("team", "fraud")
PERCENT = 10
RATE = 100
BEFORE_S = 10.0
CANARY = Strategy(
    Kind.CANARY, (Step(CandidateTraffic(percent=PERCENT), bake=600.0),), Ending.PROMOTE
)
ROUTES = "/registry/gateway.networking.k8s.io/httproutes/team/"


class Pod(BaseHTTPRequestHandler):
    """Every pod at once. `bad`: addresses that fail. `met`: when a client's request came to one of
    them."""

    protocol_version = "HTTP/1.1"
    bad: ClassVar[set[str]] = set()
    met: ClassVar[list[float]] = []

    def do_GET(self) -> None:
        """A client's request."""
        failing = self.connection.getsockname()[0] in self.bad
        if failing:
            self.met.append(time.monotonic())
        self.send_response(500 if failing else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


class Server(ThreadingHTTPServer):
    """With room for Envoy's connections."""

    request_queue_size = 128


@contextmanager
def load(port: int) -> Iterator[None]:
    """RATE requests a second to the endpoint."""
    stop = threading.Event()

    def run() -> None:
        following = time.monotonic()
        with httpx2.Client(trust_env=False, timeout=5.0) as http:
            while not stop.wait(max(0.0, following - time.monotonic())):
                following += 1 / RATE
                http.get(
                    f"http://127.0.0.1:{port}/v2/models/add_sub",
                    headers={"Host": "fraud.team.models.local"},
                )

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def play(dev: DevCluster, store: Store, port: int) -> dict[str, float]:
    """One rollout of a bad r2."""
    rollout = FleetRollout(store, KEY, Mode.STANDARD, candidate=2, rollout="bad")
    rollout.create()
    until(lambda: rollout.status().get("phase") == "ready", rollout.status)
    ticks = Ticks(f"http://127.0.0.1:{dev.plane.ports.get('etcd')}", ROUTES)
    with load(port):
        time.sleep(BEFORE_S)  # stable has a past
        with store.begin() as tx:
            revisions.add_revision(tx, KEY, model(2), Runtime(), author="ann")
            rollouts.start(tx, KEY, Rollout(rollout.rollout, CANARY, 1, 2, "ann"))
        until(lambda: _addresses(dev), rollout.status)
        Pod.bad |= _addresses(dev)
        until(lambda: Pod.met, rollout.status)
        until(lambda: rollout.outcome() is not None, rollout.status, 180.0)
        until(lambda: rollout.shares() == {1: 100}, rollout.status)
        written = next(
            tick.seen for tick in ticks.news() if tick.seen > Pod.met[0] and _weight(tick.item) == 0
        )
        time.sleep(2.0)
    ticks.close()
    return {
        "to_weight_0_written_s": written - Pod.met[0],
        "to_last_request_s": Pod.met[-1] - Pod.met[0],
        "requests_exposed": len(Pod.met),
    }


def _addresses(dev: DevCluster) -> set[str]:
    """The pods of r2."""
    query = {"labelSelector": "tidegate.dev/revision=r2"}
    pods = dev.kube.call("GET", f"/api/v1/namespaces/{KEY.namespace}/pods", query=query)["items"]
    return {pod["status"]["podIP"] for pod in pods if pod.get("status", {}).get("podIP")}


def _weight(route: dict[str, Any] | None) -> int:
    refs = ()
    if route:
        refs = route["spec"]["rules"][-1]["backendRefs"]
    return sum(int(ref["weight"]) for ref in refs if "-r2-" in ref["name"])


def inside(folder: Path) -> None:
    """In the namespace."""
    threading.Thread(target=Server(("", 8080), Pod).serve_forever, daemon=True).start()
    with ExitStack() as stack:
        url = stack.enter_context(database(folder))
        dev = DevCluster(folder / "dev", PODS)
        stack.callback(dev.down)
        dev.up(("gateway", "prometheus", "kserve"))
        (folder / "worker").mkdir()
        kubeconfig = kubeconfig_of_worker(dev, folder / "worker")
        dev.namespace(KEY.namespace, tenant=True)
        bind(dev, KEY.namespace)
        port = free_port()
        dev.gateway.gateway("tidegate-system", "tidegate", port)
        envoy = proxy.start(dev.gateway, "tidegate-system", "tidegate")
        dev.prometheus.scrape("envoy", envoy.admin, "/stats/prometheus")
        store = Store(url)
        stack.callback(store.close)
        workers = Workers(folder / "worker", url, kubeconfig)
        stack.callback(workers.close)
        settings = {
            "TIDEGATE_PROMETHEUS_URL": dev.prometheus.url,
            "TIDEGATE_PROMETHEUS_INTERVAL": "1",
        }
        workers.start("one", **settings)
        print(
            json.dumps(
                play(dev, store, port) | {"rate": RATE, "percent": PERCENT, "scrape_interval_s": 1}
            )
        )


def measure() -> dict[str, Any]:
    """The figures, or why there are none."""
    if not (shutil.which("unshare") and shutil.which("ip")) or os.geteuid() != 0:
        return {"skipped": "needs root, unshare and ip"}
    prepare = f"ip link set lo up && ip address add {PODS} dev lo"
    program = [sys.executable, "-m", "bench.abort", "inside"]
    command = ["unshare", "--net", "sh", "-c", f'{prepare} && exec "$@"', "sh", *program]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False, timeout=400)
    if done.returncode != 0:
        return {"failed": f"exit code {done.returncode}"}
    content: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return content


if __name__ == "__main__":
    if sys.argv[1:] == ["inside"]:
        with tempfile.TemporaryDirectory(prefix="tidegate-bench-") as place:
            inside(Path(place))
    else:
        print(json.dumps(measure()))
