"""Many endpoints in the store, and the one worker process that serves them all."""

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from tests.cluster.faults.ticks import Ticks
from tests.cluster.faults.workers import SETTINGS
from tidegate.core.intent import CandidateTraffic, EndpointKey, Mode, Model, Runtime, Scaling
from tidegate.store import Appended, Store, endpoints, intents, revisions
from tidegate.store.engine import row
from tidegate_local.home import free_port

PER_TENANT = 100
_HERTZ = os.sysconf("SC_CLK_TCK")


def keys(first: int, after: int) -> list[EndpointKey]:
    """Endpoints by number, PER_TENANT in each namespace."""
    return [EndpointKey(f"b{number // PER_TENANT}", f"e{number}") for number in range(first, after)]


def create(store: Store, crowd: Iterable[EndpointKey]) -> None:
    """Each with r1, and r2 in stock."""
    with store.begin() as tx:
        for key in crowd:
            endpoints.create(
                tx,
                key,
                mode=Mode.STANDARD,
                spec={},
                model=_model(1),
                runtime=Runtime(),
                scaling=Scaling(1, 1),
                author="ann",
                message="first",
            )
            revisions.add_revision(tx, key, _model(2), Runtime(), author="ann")


def move(store: Store, crowd: Iterable[EndpointKey], percent: int) -> float:
    """An intent for each: r2 gets this percent. All in one transaction; monotonic seconds just
    before its commit."""
    with store.begin() as tx:
        for key in crowd:
            now = intents.current_intent(tx, key)
            assert now is not None
            following = replace(
                now.intent,
                candidate=2,
                candidate_traffic=CandidateTraffic(percent=percent),
                author="ann",
            )
            assert isinstance(intents.append_intent(tx, following, now.intent.generation), Appended)
        return time.monotonic()


def _model(number: int) -> Model:
    return Model("add_sub", str(number), f"s3://models/add_sub/{number}/", f"sha256-{number}")


def moved(
    ticks: Ticks, crowd: Sequence[EndpointKey], percent: int, say: Callable[[int], None]
) -> float:
    """Wait until the route of each gives r2 this percent; monotonic seconds at which the last one
    was seen."""
    left = set(crowd)
    last = 0.0
    deadline = time.monotonic() + 60 + len(crowd)
    while left:
        assert time.monotonic() < deadline, (
            f"{len(left)} of {len(crowd)} routes are not at {percent} %"
        )
        ticks.wait(1.0)
        for tick in ticks.news():
            key = EndpointKey(tick.namespace, tick.name)
            if key in left and tick.item is not None and _percent(tick.item) == percent:
                left.discard(key)
                last = tick.seen
        say(len(crowd) - len(left))
    return last


def _percent(route: dict[str, object]) -> int:
    refs = route["spec"]["rules"][0]["backendRefs"]  # type: ignore[index]
    return sum(int(ref["weight"]) for ref in refs if "-r2-" in ref["name"])


class Worker:
    """The worker's process."""

    def __init__(self, url: str, kubeconfig: Path, folder: Path, threads: int) -> None:
        self._port = free_port()
        environ = {
            key: value for key, value in os.environ.items() if not key.startswith("TIDEGATE_")
        }
        environ |= SETTINGS | {
            "TIDEGATE_METRICS_PORT": str(self._port),
            "TIDEGATE_LOG_LEVEL": "WARNING",
        }
        environ |= {"TIDEGATE_DATABASE_URL": url, "TIDEGATE_KUBECONFIG": str(kubeconfig)}
        environ |= {"TIDEGATE_WORKER_THREADS": str(threads)}
        profiled = []
        if "PROFILE" in os.environ:
            profiled = ["-m", "cProfile", "-o", os.environ["PROFILE"]]
        self.log = folder / "worker.log"
        with self.log.open("wb") as log:
            command = [sys.executable, *profiled, "-m", "tidegate.deploy_worker"]
            self._process = subprocess.Popen(command, env=environ, stderr=log)

    def stop(self) -> None:
        """End it in order."""
        self._process.terminate()
        self._process.wait(60)

    def cpu(self) -> float:
        """Seconds of CPU until now."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _HERTZ

    def memory(self) -> float:
        """MiB resident."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1]) / 1024

    def counted(self, name: str) -> dict[str, float]:
        """One of its counters, by labels."""
        page = (
            urllib.request.urlopen(f"http://127.0.0.1:{self._port}/metrics", timeout=10)
            .read()
            .decode()
        )
        lines = (line.rpartition(" ") for line in page.splitlines() if line.startswith(name))
        return {labels.removeprefix(name): float(value) for labels, _, value in lines}

    def reconciles(self) -> float:
        """Reconciles until now."""
        return sum(self.counted("tidegate_reconciles_total").values())


def quiet(store: Store, seconds: float = 600.0) -> None:
    """Wait until nothing is due, or leased, and nothing was for a second."""
    calm = 0
    deadline = time.monotonic() + seconds
    while calm < 10:
        assert time.monotonic() < deadline, "the crowd does not come to rest"
        with store.read() as tx:
            busy = row(
                tx,
                "SELECT count(*) AS n FROM endpoints WHERE due_at IS NOT NULL OR lease_token IS "
                "NOT NULL",
            )
        assert busy is not None
        calm = 0 if busy.n else calm + 1
        time.sleep(0.1)


@contextmanager
def working(url: str, kubeconfig: Path, folder: Path, threads: int) -> Iterator[Worker]:
    """A worker for a while."""
    worker = Worker(url, kubeconfig, folder, threads)
    try:
        yield worker
    finally:
        worker.stop()
