"""A real Prometheus scrapes a page of counters every second: the meter's query, time stamps and
losses are real."""

import json
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.built import require
from tests.deploy_worker.meters.world import KEY, cluster
from tests.http_server import HttpServer, Reply, Request
from tidegate.core.evalues import Arm
from tidegate.core.evidence import EMPTY, Evidence, absorb
from tidegate.core.ports import NoData
from tidegate.deploy_worker.meters.profiles import ENVOY_GATEWAY
from tidegate.deploy_worker.meters.prometheus import PrometheusMeter, Reach
from tidegate.deploy_worker.meters.series import Prometheus
from tidegate.deploy_worker.meters.slots import Slots
from tidegate_local.home import free_port

pytestmark = pytest.mark.cluster


class Page:
    """One gateway replica's metrics. `counts`: by (slot, code)."""

    def __init__(self) -> None:
        self.counts: dict[tuple[int, int], int] = {(0, 200): 90_000, (1, 500): 700}
        self.born = time.time() - 86_400
        self.server = HttpServer(self._answer)

    def _answer(self, _: Request) -> Reply:
        return Reply(self.text(), headers={"content-type": "text/plain; version=0.0.4"})

    def text(self) -> str:
        lines = [f"envoy_server_uptime {int(time.time() - self.born)}"]
        for slot in (0, 1):
            total = sum(n for (s, _), n in self.counts.items() if s == slot)
            lines.append(
                f'envoy_cluster_upstream_rq_total{{envoy_cluster_name="{cluster(1, slot)}"}} {total}'
            )
        for (slot, code), n in self.counts.items():
            labels = f'envoy_response_code="{code}",envoy_cluster_name="{cluster(1, slot)}"'
            lines.append(f"envoy_cluster_upstream_rq{{{labels}}} {n}")
        return "\n".join(lines) + "\n"


class Server:
    """The Prometheus process, with its data in a folder."""

    def __init__(self, folder: Path, *targets: int) -> None:
        self._folder = folder
        self.port = free_port()
        scrape = {
            "job_name": "envoy",
            "static_configs": [{"targets": [f"127.0.0.1:{port}" for port in targets]}],
        }
        config = {
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
            "scrape_configs": [scrape],
        }
        (folder / "prometheus.yml").write_text(json.dumps(config))
        self.start()

    def start(self) -> None:
        flags = {
            "config.file": self._folder / "prometheus.yml",
            "storage.tsdb.path": self._folder / "data",
            "web.listen-address": f"127.0.0.1:{self.port}",
        }
        program = require(["prometheus"])["prometheus"].program("prometheus")
        with (self._folder / "log").open("ab") as log:
            command = [str(program), *(f"--{key}={value}" for key, value in flags.items())]
            self._process = subprocess.Popen(command, stdout=log, stderr=log)

    def stop(self, *, lose: bool = False) -> None:
        self._process.send_signal(signal.SIGKILL if lose else signal.SIGTERM)
        self._process.wait(30)
        if lose:
            shutil.rmtree(self._folder / "data")


class Counted:
    """Looks until what should be true is true."""

    def __init__(self, server: Server, cell: float) -> None:
        split = Slots((1, 2), frozenset({1, 2}), time.time() - 10)
        api = Prometheus(f"http://127.0.0.1:{server.port}", time.time)
        self.meter = PrometheusMeter(
            api, ENVOY_GATEWAY, lambda _key: split, Reach(interval=1.0, missing=4, cell=cell)
        )
        self.evidence: Evidence = EMPTY
        self.said = ""

    def until(self, desired: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 40
        while True:
            seen = self.meter.scrape(KEY)
            if isinstance(seen, NoData):
                self.said = seen.detail
            else:
                self.said = ""
            if not isinstance(seen, NoData):
                self.evidence = absorb(self.evidence, seen, stable=1, candidate=2)
            if desired():
                return
            assert time.monotonic() < deadline, (self.said, self.evidence.split)
            threading.Event().wait(0.2)

    def counted(self) -> tuple[Arm, Arm]:
        return self.evidence.split.stable, self.evidence.split.candidate

    def begin(self) -> None:
        self.until(lambda: self.evidence.split.seconds > 0)
        assert self.counted() == (Arm(), Arm())


@pytest.fixture
def page() -> Iterator[Page]:
    result = Page()
    yield result
    result.server.close()


def test_what_was_sent_is_counted_also_over_a_restart_of_prometheus(
    tmp_path: Path, page: Page
) -> None:
    server = Server(tmp_path, page.server.port)
    try:
        counted = Counted(server, cell=1e9)  # no cut falls into the test
        counted.begin()
        page.counts[0, 200] += 40
        page.counts[1, 200] = 5
        page.counts[1, 500] += 2
        counted.until(lambda: counted.counted() == (Arm(40), Arm(7, 2)))
        server.stop()
        page.counts[1, 500] += 3
        counted.until(lambda: "does not answer" in counted.said)
        server.start()
        counted.until(lambda: counted.counted() == (Arm(40), Arm(10, 5)))
    finally:
        server.stop()


def test_data_that_prometheus_lost_is_lost_and_a_gateway_that_restarts_begins_at_zero(
    tmp_path: Path,
) -> None:
    page = Page()
    server = Server(tmp_path, page.server.port)
    try:
        counted = Counted(server, cell=20.0)
        counted.begin()
        server.stop(lose=True)
        page.counts[1, 500] += 100
        server.start()
        sent = 0

        def counts_again() -> bool:
            nonlocal sent
            page.counts[0, 200] += 1
            sent += 1
            return counted.counted()[0].n > before

        before = 0
        counted.until(counts_again)  # at the latest after the next cut
        before = sent
        page.counts = {(0, 200): 0, (1, 500): 1}
        page.born = time.time()
        counted.until(counts_again)
        assert before < counted.counted()[0].n <= sent
        assert counted.counted()[0].bad == 0
        # Its only answer, or lost with the cut; never the old hundred
        assert counted.counted()[1] in (
            Arm(),
            Arm(1, 1),
        )
    finally:
        server.stop()
        page.server.close()
