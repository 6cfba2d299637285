"""A real Prometheus that scrapes the data planes of the dev cluster, and whatever else it is told
to."""

import json
from dataclasses import dataclass, field
from typing import Any

import httpx2

from tidegate_local.devcluster.build import Built
from tidegate_local.devcluster.control_plane import ClusterError, ControlPlane
from tidegate_local.devcluster.http import await_ok
from tidegate_local.home import write_atomic

NAME = "prometheus"


@dataclass(slots=True)
class Prometheus:
    """Prometheus in one dev cluster. Targets may come and go while it runs."""

    plane: ControlPlane
    built: Built
    _targets: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.plane.ports.get(NAME)}"

    def start(self, interval: str = "1s", seconds: float = 30.0) -> None:
        """Start it, empty; returns when it answers. `interval`: between two scrapes, in Prometheus'
        notation."""
        home = self.plane.places.root / NAME
        home.mkdir(exist_ok=True)
        discovery = {"files": [str(home / "targets.json")], "refresh_interval": "1s"}
        config = {
            "global": {"scrape_interval": interval, "scrape_timeout": interval},
            # Each target says by itself where its page is.
            "scrape_configs": [{"job_name": "all", "file_sd_configs": [discovery]}],
        }
        (home / "prometheus.yml").write_text(json.dumps(config))
        self._write()
        flags = {
            "config.file": home / "prometheus.yml",
            "storage.tsdb.path": home / "data",
            "storage.tsdb.retention.time": "2h",
            "web.listen-address": self.url.removeprefix("http://"),
        }
        self.plane.run(
            NAME,
            [str(self.built.program(NAME)), *(f"--{key}={value}" for key, value in flags.items())],
        )
        await_ok(NAME, f"{self.url}/-/ready", self.plane.places.logs / f"{NAME}.log", seconds)

    def scrape(self, job: str, port: int, path: str = "/metrics", **labels: str) -> None:
        """Scrape a page of this machine from now on; its series carry `job` and the labels."""
        config = {"job": job, "__metrics_path__": path, **labels}
        self._targets[f"{job}/{port}"] = {"targets": [f"127.0.0.1:{port}"], "labels": config}
        self._write()

    def query(self, expression: str) -> list[dict[str, Any]]:
        """An instant query: the series as Prometheus tells them. Raises ClusterError."""
        try:
            answer = httpx2.get(
                f"{self.url}/api/v1/query", params={"query": expression}, trust_env=False
            ).json()
        except (httpx2.HTTPError, ValueError) as error:
            raise ClusterError(f"Prometheus did not answer: {error}") from error
        if answer["status"] != "success":
            raise ClusterError(f"Prometheus refused {expression!r}: {answer.get('error')}")
        series: list[dict[str, Any]] = answer["data"]["result"]
        return series

    def _write(self) -> None:
        targets = self.plane.places.root / NAME / "targets.json"
        write_atomic(targets, json.dumps(list(self._targets.values())))
