"""The simulated control plane by the wall clock, served over the link as the real one is: rollouts
in a second.

Requests are simulated too, and only at a scrape: each scrape finds `per_scrape` more answers,
divided as the data plane routes at that moment. So the meter knows what any evidence must add up
to.
"""

import contextlib
import itertools
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.simulation.dataplane import SimDataPlane, shares
from tests.simulation.kubelet import SimKubelet
from tidegate.core.evidence import Counters, Reading, Scrape
from tidegate.core.intent import EndpointKey
from tidegate.core.ports import Apply, Capabilities, Done, Snapshot, Write, WriteResult
from tidegate_local.home import free_port
from tidegate_local.plane.link import Server
from tidegate_local.plane.plane import GATEWAY_NAME, GATEWAY_NAMESPACE
from tidegate_local.played.api import GATEWAY
from tidegate_local.played.cluster import FakeCluster
from tidegate_local.played.controlplane import control_plane

GENERATION = "tidegate.dev/generation"
_TICK_S = 0.2


@dataclass(frozen=True, slots=True)
class Stamp:
    """A write of a route: when, and with which generation."""

    at: float
    generation: int


class SimPlane:
    """core.ports.Cluster and Meter. `bad`: revision -> share of bad answers, 0 where it is not
    named."""

    def __init__(self, per_scrape: int = 1000) -> None:
        self.kubelet = SimKubelet(time.time)
        self.data_plane = SimDataPlane(time.time)
        self.control = control_plane(time.time, self.kubelet, self.data_plane, None)
        self.objects = self.control.world.objects
        self.bad: dict[tuple[EndpointKey, int], float] = {}
        self.scrapes: dict[EndpointKey, list[Scrape]] = {}
        self.routes: dict[EndpointKey, list[Stamp]] = {}
        self._per_scrape = per_scrape
        self._cluster = FakeCluster(self.objects, Capabilities(autoscaler=False))
        self._counts: dict[EndpointKey, dict[int, tuple[int, float]]] = {}
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._closed = False
        assert self.objects.apply(_gateway()) == Done()
        self.objects.watch(lambda _: self._wake.set())
        self._thread = threading.Thread(target=self._loop, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """No more controllers."""
        self._closed = True
        self._wake.set()
        self._thread.join()

    def observe(self, key: EndpointKey) -> Snapshot:
        """core.ports.Cluster."""
        return self._cluster.observe(key)

    def write(self, write: Write, *, dry_run: bool = False) -> WriteResult:
        """core.ports.Cluster; remembers the generations that routes were stamped with."""
        result = self._cluster.write(write, dry_run=dry_run)
        if (
            isinstance(write, Apply)
            and write.manifest["kind"] == "HTTPRoute"
            and result == Done()
            and not dry_run
        ):
            metadata = write.manifest["metadata"]
            key = EndpointKey(metadata["namespace"], metadata["name"])
            stamp = Stamp(time.time(), int(metadata["annotations"][GENERATION]))
            self.routes.setdefault(key, []).append(stamp)
        return result

    def watch(self, wake: Callable[[EndpointKey], None]) -> Callable[[], None]:
        """core.ports.Cluster."""
        return self._cluster.watch(wake)

    def capabilities(self) -> Capabilities:
        """core.ports.Cluster."""
        return self._cluster.capabilities()

    def scrape(self, key: EndpointKey) -> Scrape:
        """core.ports.Meter: more answers, then all counts."""
        with self._lock:
            counts = self._counts.setdefault(key, {})
            route = self.data_plane.table.route(key.namespace, key.name)
            for number, percent in _numbered(shares(route)).items():
                n, bad = counts.get(number, (0, 0.0))
                more = round(self._per_scrape * percent / 100)
                counts[number] = (n + more, bad + more * self.bad.get((key, number), 0.0))
            readings = (
                Reading("sim/http", r, Counters(n, int(bad)))
                for r, (n, bad) in sorted(counts.items())
            )
            scrape = Scrape(time.time(), tuple(readings))
            self.scrapes.setdefault(key, []).append(scrape)
            return scrape

    def uid(self, kind: str, namespace: str, name: str) -> str:
        """Of an object that must be there."""
        result = next(
            o
            for o in self.objects.all(namespace)
            if (o["kind"], o["metadata"]["name"]) == (kind, name)
        )
        return str(result["metadata"]["uid"])

    def history(self, key: EndpointKey) -> list[dict[int, float]]:
        """Every split that clients met, oldest first: percent by revision."""
        splits = map(_numbered, self.data_plane.history(key.namespace, key.name))
        return [split for split, _ in itertools.groupby(splits)]

    def _loop(self) -> None:
        while not self._closed:
            self._wake.wait(_TICK_S)
            self._wake.clear()
            # Not settled yet, as much was written meanwhile: it goes on
            with contextlib.suppress(RuntimeError):
                self.control.settle()


class Served:
    """A simulated plane behind a link."""

    def __init__(self, folder: Path) -> None:
        self.plane = SimPlane()
        self.port = free_port()
        self.key_file = folder / "link.key"
        self._server = Server(self.plane, self.port, self.key_file)

    def close(self) -> None:
        """Stop both."""
        self._server.close()
        self.plane.close()


def _numbered(split: dict[str, float]) -> dict[int, float]:
    """By revision; before its pods are known, a share has its Service's name."""
    results = (
        (re.search(r"(?:^|-)r(\d+)(?:-predictor)?$", label), percent)
        for label, percent in split.items()
    )
    return {int(match[1]): percent for match, percent in results if match}


def _gateway() -> dict[str, object]:
    listener = {
        "name": "http",
        "port": 80,
        "protocol": "HTTP",
        "allowedRoutes": {"namespaces": {"from": "All"}},
    }
    return {
        "apiVersion": GATEWAY.api_version,
        "kind": GATEWAY.kind,
        "metadata": {"name": GATEWAY_NAME, "namespace": GATEWAY_NAMESPACE},
        "spec": {"gatewayClassName": "sim", "listeners": [listener]},
    }
