"""Worker processes as they run in production, and the gateway's controller that their routes
need."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path

from tidegate_local.devcluster.kube import Json, Kube, KubeError

GATEWAY_API = "gateway.networking.k8s.io/v1"
NOW = "2026-01-01T00:00:00Z"
PROGRAM = "tidegate.deploy_worker"
SETTINGS = {
    "TIDEGATE_METRICS_PORT": "0",
    "TIDEGATE_WARM_UP": "false",  # nobody answers at these pods' addresses
    "TIDEGATE_REVISION_DRAIN": "1",
    "TIDEGATE_STEADY": "1",
    "TIDEGATE_INTERVAL": "0.5",
    "TIDEGATE_KUBE_TIMEOUT": "2",
}


@dataclass(slots=True)
class Workers:
    """Processes by name. `program`: the module that each runs."""

    folder: Path
    url: str
    kubeconfig: Path
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str, program: str = PROGRAM, **settings: str) -> None:
        """Start one, or start one of this name again."""
        environ = {
            key: value for key, value in os.environ.items() if not key.startswith("TIDEGATE_")
        }
        environ |= SETTINGS | {
            "TIDEGATE_DATABASE_URL": self.url,
            "TIDEGATE_KUBECONFIG": str(self.kubeconfig),
        }
        environ |= {
            "TIDEGATE_WORKER_NAME": f"{name}-{len(list(self.folder.glob('*.log')))}"
        } | settings
        with (self.folder / f"{environ['TIDEGATE_WORKER_NAME']}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(
                [sys.executable, "-m", program], env=environ, stderr=log
            )

    def kill(self, name: str) -> None:
        """kill -9."""
        process = self.running.pop(name)
        process.kill()
        process.wait()

    def stop(self, name: str) -> None:
        """Ask it to end, which it must do in order."""
        process = self.running.pop(name)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0, self.said()

    def alive(self) -> None:
        """Raises AssertionError where one has ended by itself."""
        ended = [name for name, process in self.running.items() if process.poll() is not None]
        assert not ended, f"{ended} ended: {self.said()}"

    def said(self) -> str:
        """The last words of all."""
        return "\n".join(
            f"{log.name}: {log.read_text()[-2000:]}" for log in sorted(self.folder.glob("*.log"))
        )

    def close(self) -> None:
        """Leave none."""
        for name in tuple(self.running):
            self.kill(name)


class GatewayController:
    """Stands in for the cluster's gateway: accepts every route at its present generation; survives
    an outage."""

    def __init__(self, kube: Kube) -> None:
        self._kube = kube
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def close(self) -> None:
        """End it."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(0.2):
            with contextlib.suppress(KubeError):  # nobody answers
                for route in self._kube.items(GATEWAY_API, "HTTPRoute", ""):
                    with contextlib.suppress(KubeError):  # it went meanwhile
                        accepted(self._kube, route)


def accepted(kube: Kube, route: Json) -> None:
    """Write into a route's status that it is in place at its present generation, unless it says
    so."""
    meta = route["metadata"]
    seen = [
        c["observedGeneration"]
        for p in route.get("status", {}).get("parents", ())
        for c in p["conditions"]
    ]
    if seen and min(seen) == meta["generation"]:
        return
    common = {"status": "True", "observedGeneration": meta["generation"], "lastTransitionTime": NOW}
    conditions = [
        common | {"type": kind, "reason": kind, "message": ""}
        for kind in ("Accepted", "ResolvedRefs")
    ]
    parent = {
        "controllerName": "tests.tidegate.dev/gateway",
        "parentRef": route["spec"]["parentRefs"][0],
        "conditions": conditions,
    }
    path = kube.path(GATEWAY_API, "HTTPRoute", meta["namespace"], meta["name"])
    kube.patch(f"{path}/status", {"status": {"parents": [parent]}})
