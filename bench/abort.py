"""What a bad candidate costs until it is at 0 %, through a real Envoy that a real Envoy Gateway
configures: seconds, and candidate requests.

A program of its own, for it needs a network namespace in which every pod's address is on the
loopback device: each pod is a stand-in that answers well, or misbehaves where it is of the
candidate. KServe's controller, Envoy Gateway, Envoy, Prometheus, Postgres and the worker are real.
Clients begin 100 requests a second and leave after one second.

Counted at the verdict, which is when the rollout's end is stored: candidate requests whose end was
known, and apart from them those in flight. Run: python -m bench.abort [--repeats N] [--every]
[--faults hang-25,403] [--shares 1,10,50] [--protocols http,grpc]
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.abort_pods import Candidate, Pods
from bench.abort_summary import summary
from bench.reconciles import database
from bench.report import keep
from tests.cluster.access import bind, kubeconfig_of_worker
from tests.cluster.faults.fleet import FleetRollout, model, until
from tests.cluster.faults.ticks import Ticks
from tests.cluster.faults.workers import Workers
from tests.cluster.traffic import PODS
from tests.local.hanging import Plan
from tests.local.misbehaving import Behaviour
from tidegate.core.analysis import Metric, MetricKind
from tidegate.core.intent import CandidateTraffic, EndpointKey, Mode, Protocol, Runtime, Scaling
from tidegate.core.rollout import ActionKind, Outcome, Rollout
from tidegate.core.strategy import Deadlines, Ending, Kind, Step, Strategy
from tidegate.store import Store, endpoints, revisions, rollouts
from tidegate_local.devcluster import proxy
from tidegate_local.devcluster.cluster import DevCluster
from tidegate_local.home import free_port

RATE = 100.0
BEFORE_S = 4.0
MOST_S = 90.0  # seconds that a verdict may take
SLOW_MS = 100.0
# by name: what the candidate does, with which share of its requests
FAULTS = {
    "hang-25": (Behaviour.HANG, 0.25),
    "hang-10": (Behaviour.HANG, 0.1),
    "hang-100": (Behaviour.HANG, 1.0),
    "403": (Behaviour.FORBIDDEN, 1.0),
    "500": (Behaviour.ERROR, 1.0),
    "slow": (Behaviour.SLOW, 1.0),
    "reset": (Behaviour.RESET, 1.0),
}
PROTOCOLS = {"http": Protocol.V2, "grpc": Protocol.GRPC_V2}
SHARES = (1, 10, 50)
ROUTES = "/registry/gateway.networking.k8s.io/httproutes/team/"


@dataclass(frozen=True, slots=True)
class Cell:
    """One kind of rollout."""

    fault: str
    protocol: str
    percent: int

    @property
    def strategy(self) -> Strategy:
        """One step that never ends by itself; latency is asked only of one that is slow."""
        metrics = Strategy(Kind.CANARY, (), Ending.PROMOTE).metrics
        if self.fault == "slow":
            metrics = (*metrics, Metric(MetricKind.LATENCY, latency_threshold_ms=SLOW_MS))
        step = Step(CandidateTraffic(percent=self.percent), bake=600.0)
        deadlines = Deadlines(undo=0.5)
        return Strategy(Kind.CANARY, (step,), Ending.PROMOTE, metrics=metrics, deadlines=deadlines)

    @property
    def plan(self) -> Plan:
        """The load, and what the candidate does."""
        behaviour, bad = FAULTS[self.fault]
        return Plan(self.percent, RATE, bad, behaviour, self.protocol)


@dataclass(slots=True)
class Bench:
    """Everything real, and one endpoint for each protocol."""

    dev: DevCluster
    store: Store
    port: int
    pods: Pods
    ticks: Ticks
    rollouts: dict[str, FleetRollout] = field(default_factory=dict)

    def endpoint(self, protocol: str) -> FleetRollout:
        """The endpoint whose clients speak it, ready."""
        if protocol not in self.rollouts:
            rollout = FleetRollout(self.store, EndpointKey("team", protocol), Mode.STANDARD)
            with self.store.begin() as tx:
                endpoints.create(
                    tx,
                    rollout.key,
                    mode=Mode.STANDARD,
                    spec={},
                    model=model(1),
                    runtime=Runtime(protocol=PROTOCOLS[protocol]),
                    scaling=Scaling(1, 1),
                    author="ann",
                    message="first",
                )
            self.rollouts[protocol] = rollout
        rollout = self.rollouts[protocol]
        until(lambda: rollout.status().get("phase") == "ready", f"{protocol} is ready")
        return rollout

    def play(self, cell: Cell) -> dict[str, Any]:
        """One rollout of a candidate that misbehaves."""
        rollout = self.endpoint(cell.protocol)
        host = f"{rollout.key.name}.team.models.local"
        candidate = Candidate(cell.plan)
        with self.pods.load(self.port, cell.plan, host):
            time.sleep(BEFORE_S)  # stable has a past
            self._start(rollout, cell)
            until(lambda: self._addresses(rollout), "the candidate has a pod")
            self.pods.misbehave(self._addresses(rollout), candidate)
            until(lambda: candidate.first, "the candidate is asked", every=0.01)
            self.ticks.news()
            try:
                result = self._verdict(rollout, candidate)
            except AssertionError:
                result = {"undecided": True, "ended": candidate.ended}
                with self.store.begin() as tx:
                    rollouts.add_action(tx, rollout.rollout, ActionKind.ABORT, author="ben")
            until(rollout.settled, "the rollout is over")
        return {"fault": cell.fault, "protocol": cell.protocol, "percent": cell.percent} | result

    def _verdict(self, rollout: FleetRollout, candidate: Candidate) -> dict[str, Any]:
        until(lambda: self._ends(rollout), "a verdict", MOST_S, every=0.01)
        decided = time.monotonic()
        counted = {"ended": candidate.ended, "in_flight": candidate.in_flight}
        written = until(lambda: self._written(rollout), "weight 0", every=0.01)
        until(rollout.settled, "the rollout is over")
        assert candidate.first is not None
        return counted | {
            "to_verdict_s": round(decided - candidate.first, 2),
            "to_weight_0_s": round(written - candidate.first, 2),
            "to_last_request_s": round(candidate.last - candidate.first, 2),
            "requests": candidate.ended + candidate.in_flight,
            "message": self._message(rollout),
        }

    def _start(self, rollout: FleetRollout, cell: Cell) -> None:
        rollout.rollout = str(uuid.uuid4())
        runtime = Runtime(protocol=PROTOCOLS[cell.protocol])
        with self.store.begin() as tx:
            number = rollout.candidate + 1
            made = revisions.add_revision(tx, rollout.key, model(number), runtime, author="ann")
            rollout.candidate = made.number
            desired = Rollout(
                rollout.rollout, cell.strategy, rollout.stable, rollout.candidate, "ann"
            )
            rollouts.start(tx, rollout.key, desired)

    def _ends(self, rollout: FleetRollout) -> bool:
        with self.store.read() as tx:
            stored = rollouts.get(tx, rollout.rollout)
        return stored is not None and stored.progress.end.toward is Outcome.ABORTED

    def _message(self, rollout: FleetRollout) -> str:
        """Why it was aborted."""
        with self.store.read() as tx:
            stored = rollouts.get(tx, rollout.rollout)
        assert stored is not None
        return stored.progress.end.message

    def _written(self, rollout: FleetRollout) -> float | None:
        """When the route without the candidate was written."""
        for tick in self.ticks.news():
            if tick.name == rollout.key.name and _weight(tick.item, rollout.candidate) == 0:
                return tick.seen
        return None

    def _addresses(self, rollout: FleetRollout) -> set[str]:
        """The candidate's pods."""
        name = rollout.key.name
        query = {"labelSelector": f"tidegate.dev/revision=r{rollout.candidate}"}
        pods = self.dev.kube.call("GET", "/api/v1/namespaces/team/pods", query=query)["items"]
        own = [pod for pod in pods if pod["metadata"]["name"].startswith(f"{name}-")]
        return {pod["status"]["podIP"] for pod in own if pod.get("status", {}).get("podIP")}


def _weight(route: dict[str, Any] | None, revision: int) -> int:
    refs = ()
    if route:
        refs = route["spec"]["rules"][-1]["backendRefs"]
    return sum(int(ref["weight"]) for ref in refs if f"-r{revision}-" in ref["name"])


def inside(folder: Path, cells: list[Cell]) -> None:
    """In the namespace: a line of JSON for each cell, as soon as it is there."""
    with ExitStack() as stack:
        url = stack.enter_context(database(folder))
        dev = DevCluster(folder / "dev", PODS)
        stack.callback(dev.down)
        dev.up(("gateway", "prometheus", "kserve"))
        (folder / "worker").mkdir()
        kubeconfig = kubeconfig_of_worker(dev, folder / "worker")
        dev.namespace("team", tenant=True)
        bind(dev, "team")
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
        ticks = Ticks(f"http://127.0.0.1:{dev.plane.ports.get('etcd')}", ROUTES)
        stack.callback(ticks.close)
        bench = Bench(dev, store, port, Pods(), ticks)
        for cell in cells:
            print(json.dumps(bench.play(cell)), flush=True)


def cells_of(arguments: argparse.Namespace) -> Iterator[Cell]:
    """Without `--every`, other faults than the first are played at 10 % only."""
    first = next(iter(FAULTS))
    for fault in arguments.faults.split(","):
        for protocol in arguments.protocols.split(","):
            for share in map(int, arguments.shares.split(",")):
                if fault == first or share == 10 or arguments.every:
                    yield Cell(fault, protocol, share)


def parse(words: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="bench.abort", description=__doc__)
    parser.add_argument("--inside", metavar="CELLS", help=argparse.SUPPRESS)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--every", action="store_true", help="every fault at every share")
    parser.add_argument("--faults", default=",".join(FAULTS))
    parser.add_argument("--shares", default=",".join(map(str, SHARES)))
    parser.add_argument("--protocols", default=",".join(PROTOCOLS))
    return parser.parse_args(words)


def measure(words: list[str] | None = None) -> dict[str, Any]:
    """The figures, or why there are none. Each cell is told on stderr when it is over."""
    if not (shutil.which("unshare") and shutil.which("ip")) or os.geteuid() != 0:
        return {"skipped": "needs root, unshare and ip"}
    arguments = parse(words or [])
    cells = list(cells_of(arguments)) * arguments.repeats
    chosen = json.dumps([[cell.fault, cell.protocol, cell.percent] for cell in cells])
    prepare = f"ip link set lo up && ip address add {PODS} dev lo"
    program = [sys.executable, "-m", "bench.abort", "--inside", chosen]
    command = ["unshare", "--net", "sh", "-c", f'{prepare} && exec "$@"', "sh", *program]
    began = time.monotonic()
    rows = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout or ():
            rows.append(json.loads(line))
            done = f"{len(rows)} of {len(cells)}, {time.monotonic() - began:.0f} s"
            print(f"({done}) {line.strip()}", file=sys.stderr, flush=True)
    figures: dict[str, Any] = {"rate": RATE, "scrape_interval_s": 1, "rows": summary(rows)}
    if process.returncode != 0:
        figures["failed"] = f"exit code {process.returncode}"
    return figures


def main() -> None:
    """See the module."""
    arguments = parse(sys.argv[1:])
    if arguments.inside:
        with tempfile.TemporaryDirectory(prefix="tidegate-bench-") as place:
            inside(Path(place), [Cell(*cell) for cell in json.loads(arguments.inside)])
        return
    figures = measure(sys.argv[1:])
    for row in figures.get("rows", ()):
        print(json.dumps(row))
    keep("abort", figures)


if __name__ == "__main__":
    main()
