"""From a PATCH of the percent to the changed weight in the real Envoy, against a bare change of the
same Envoy's kind: files written and acknowledged, with nothing of Tidegate in between.

Both are medians over the same number of changes. Ours begins when the request is sent and ends when
Envoy's admin interface shows the new weight, so the API, Postgres, the worker, the plane's
controllers and Envoy are in it.
"""

import json
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx2

from bench.report import keep, line, milliseconds
from tests.system.real import RealEndpoint, RealPlane
from tests.waiting import until
from tidegate_local.home import Home, free_port
from tidegate_local.processes.envoy import Applied, Envoy
from tidegate_local.processes.supervisor import Supervisor
from tidegate_local.processes.table import Address, Backend, Listener, Table, WeightedRule

CHANGES = 20


def ours(plane: RealPlane, endpoint: RealEndpoint) -> list[float]:
    """Seconds of each change, 1 % to 20 % by hand."""
    endpoint.start("good-v2", "manual").wait(
        lambda r: r["phase"] == "waiting", "a person may raise it"
    )
    ports = json.loads((plane.home / "run" / "ports.json").read_text())["named"]
    took = []
    with httpx2.Client(base_url=f"http://127.0.0.1:{ports['envoy-admin']}") as admin:
        for percent in range(1, CHANGES + 1):
            began = time.perf_counter()
            answer = plane.ask("PATCH", endpoint.path, {"canary_percent": percent})
            assert answer.status_code == 200, answer.text
            until(
                lambda percent=percent: weight(admin) == percent,
                f"{percent} % at Envoy",
                every=0.002,
            )
            took.append(time.perf_counter() - began)
            until(lambda: endpoint.show()["phase"] == "ready", "it is settled")
    return took


def weight(admin: httpx2.Client) -> int:
    """r2's share in the routes that Envoy holds."""
    dump: dict[str, Any] = admin.get(
        "/config_dump", params={"resource": "dynamic_route_configs"}
    ).json()
    for config in dump.get("configs", ()):
        for host in config["route_config"]["virtual_hosts"]:
            for route in host["routes"]:
                for cluster in route["route"]["weighted_clusters"]["clusters"]:
                    if "--r2--" in cluster["name"]:
                        return int(cluster.get("weight", 0))
    return 0


def bare(folder: Path) -> list[float]:
    """Seconds of each change of a bare Envoy: Envoy.apply, which returns when Envoy has it."""
    home = Home(folder / "bare").create()
    supervisor = Supervisor(home.run)
    envoy = Envoy(home, supervisor, free_port())
    port = free_port()
    took = []
    try:
        envoy.start()
        assert envoy.ready()
        for percent in range(CHANGES + 1):
            began = time.perf_counter()
            assert envoy.apply(table(port, percent)) == Applied()
            took.append(time.perf_counter() - began)
    finally:
        envoy.stop()
        supervisor.close()
    return took[1:]  # the first made the listener


def table(port: int, percent: int) -> Table:
    """Two revisions and their shares, both protocols, as an endpoint has."""
    rules = []
    backends = []
    for protocol in ("http", "grpc"):
        names = [f"demo.bench--r{number}--{protocol}" for number in (1, 2)]
        addresses = (Address("127.0.0.1", 9),)
        backends += [Backend(name, addresses, protocol == "grpc", name[12:14]) for name in names]
        rules.append(
            WeightedRule((), protocol == "grpc", ((names[0], 100 - percent), (names[1], percent)))
        )
    return Table(tuple(backends), (Listener("demo.bench", port, tuple(rules)),))


def main() -> None:
    """Measure both in one run."""
    with tempfile.TemporaryDirectory(prefix="tidegate-bench-") as folder:
        plane = RealPlane(Path(folder) / "home").start()
        try:
            changed = ours(plane, plane.endpoint("bench"))
            figures = line(
                "PATCH to changed weight at Envoy (median)",
                milliseconds(changed),
                milliseconds(bare(Path(folder))),
                "ms",
            )
        finally:
            plane.stop()
    keep("reaction", figures | {"changes": CHANGES})


if __name__ == "__main__":
    main()
