"""`python -m bench.cluster`: what the worker costs on a real API server, against bare applies by
the same client.

A thousand endpoints in standard mode move one step. Bare is a server-side apply of a route of the
same shape, by the worker's own client, credentials and number of threads, with nothing else around
it. Passes of both alternate, so that whatever else the machine does meets both. Figures go to
build/bench-cluster.json.
"""

import argparse
import itertools
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from bench import abort, crowd
from bench.crowd import Worker, working
from bench.plane import Plane, plane
from bench.reconciles import database
from bench.report import keep
from tests.cluster.faults.ticks import Ticks
from tidegate.core.drivers import route
from tidegate.core.drivers.rendering import Platform
from tidegate.core.intent import CandidateTraffic, EndpointKey, Intent, Mode
from tidegate.core.traffic import desired
from tidegate.deploy_worker.kubernetes.api import APPLY, Answer, KubeApi
from tidegate.deploy_worker.kubernetes.connect import connect
from tidegate.store import Store

ROUTES = "/registry/gateway.networking.k8s.io/httproutes/"
PASSES = 3
SINGLES = 200
IDLE_S = 60.0
BARE = "b-bare"  # a tenant, for the roles, that is not labelled: nobody watches it
Figures = dict[str, Any]


def say(text: str) -> None:
    """Progress, for a person."""
    print(text, file=sys.stderr, flush=True)


def counting(what: str, total: int) -> Callable[[int], None]:
    """Tells how far something is, each fifth of it."""
    steps = iter(range(total // 5, total + 1, max(total // 5, 1)))
    following = next(steps, None)

    def report(done: int) -> None:
        nonlocal following
        while following is not None and done >= following:
            say(f"  {what}: {following} of {total}")
            following = next(steps, None)

    return report


class Bare:
    """Applies of routes that nobody watches."""

    def __init__(self, result: Plane, count: int, threads: int) -> None:
        self._api = KubeApi(connect(result.kubeconfig))
        self._threads = threads
        self._keys = [EndpointKey(BARE, f"e{number}") for number in range(count)]
        result.tenants([BARE])
        result.dev.kube.patch(
            f"/api/v1/namespaces/{BARE}", {"metadata": {"labels": {"tidegate.dev/tenant": None}}}
        )
        self._generations = itertools.count(1)
        self.all(10)

    def all(self, percent: int) -> float:
        """Each route once; seconds."""
        generation = next(self._generations)
        with ThreadPoolExecutor(self._threads) as pool:
            began = time.monotonic()
            list(pool.map(lambda key: self.one(key, percent, generation), self._keys))
            return time.monotonic() - began

    def one(self, key: EndpointKey, percent: int, generation: int) -> None:
        """One apply."""
        intent = Intent(
            key,
            generation,
            Mode.STANDARD,
            1,
            candidate=2,
            candidate_traffic=CandidateTraffic(percent=percent),
        )
        traffic = desired(intent)
        assert traffic is not None
        body = route.render(intent, traffic, (1, 2), Platform("bare"))
        path = (
            f"/apis/gateway.networking.k8s.io/v1/namespaces/{key.namespace}/httproutes/{key.name}"
        )
        query = {"fieldManager": "tidegate", "force": "true"}
        answer = self._api.call("PATCH", path, body, query=query, content_type=APPLY)
        assert isinstance(answer, Answer), answer
        assert answer.ok, answer.words

    def singles(self, ticks: Ticks, count: int) -> list[float]:
        """Seconds from a call to its change in etcd's log, one at a time."""
        took = []
        for number in range(count):
            generation = next(self._generations)
            key = self._keys[number % len(self._keys)]
            ticks.news()
            began = time.monotonic()
            self.one(key, 11 + number % 80, generation)
            took.append(crowd.moved(ticks, [key], 11 + number % 80, lambda _: None) - began)
        return took


class Bench:
    """Everything that runs, and a crowd that grows."""

    def __init__(self, result: Plane, store: Store, worker: Worker, threads: int) -> None:
        self.plane = result
        self.store = store
        self.worker = worker
        self.ticks = Ticks(result.etcd, f"{ROUTES}b")
        self.crowd: list[EndpointKey] = []
        self.bare = Bare(result, 1000, threads)

    def grow(self, size: int) -> float:
        """More endpoints, until each has its route at r1 and is at rest; endpoints per second until
        all had one."""
        more = crowd.keys(len(self.crowd), size)
        spaces = sorted({key.namespace for key in more})
        self.plane.tenants(spaces)
        say(f"{len(more)} endpoints, {len(self.crowd)} are there")
        self.plane.stand(more, 1)
        self.ticks.news()
        began = time.monotonic()
        crowd.create(self.store, more)
        ended = crowd.moved(self.ticks, more, 0, counting("deployed", len(more)))
        self.crowd += more
        self.rest(spaces)
        return len(more) / (ended - began)

    def rest(self, spaces: Sequence[str] = ()) -> None:
        """Until every route is accepted and no reconcile is due."""
        self.plane.accept(spaces or sorted({key.namespace for key in self.crowd}))
        crowd.quiet(self.store)

    def begin_rollouts(self, keys: Sequence[EndpointKey]) -> None:
        """r2 gets ready and 10 %."""
        say("rollouts begin")
        self.plane.stand(keys, 2)
        self.step(keys, 10)

    def step(self, keys: Sequence[EndpointKey], percent: int) -> tuple[float, float, float]:
        """All at once: seconds to the last change, CPU seconds of the worker, and reconciles, until
        all are at rest."""
        self.ticks.news()
        cpu = self.worker.cpu()
        reconciles = self.worker.reconciles()
        began = crowd.move(self.store, keys, percent)
        took = (
            crowd.moved(self.ticks, keys, percent, counting(f"at {percent} %", len(keys))) - began
        )
        self.rest()
        return took, self.worker.cpu() - cpu, self.worker.reconciles() - reconciles

    def singles(self, count: int) -> list[float]:
        """Seconds from an accepted intent to its change in etcd's log, one at a time."""
        took = []
        for number in range(count):
            key = self.crowd[number]
            percent = 26 + number % 70
            self.ticks.news()
            began = crowd.move(self.store, [key], percent)
            took.append(crowd.moved(self.ticks, [key], percent, lambda _: None) - began)
        self.rest()
        return took

    def idle(self, seconds: float) -> Figures:
        """Requests of a crowd at rest."""
        say(f"  at rest for {seconds:g} s")
        before = self.worker.counted("tidegate_kubernetes_requests_total")
        time.sleep(seconds)
        after = self.worker.counted("tidegate_kubernetes_requests_total")
        spent = {labels: count - before.get(labels, 0.0) for labels, count in after.items()}
        watches = sum(count for labels, count in spent.items() if 'method="WATCH"' in labels)
        others = sum(spent.values()) - watches
        per = len(self.crowd) * seconds / 60
        return {
            "watches_reopened": watches,
            "other_requests": others,
            "per_idle_endpoint_per_minute": others / per,
        }


def throughput(bench: Bench, passes: int) -> Figures:
    """Moved endpoints per second and bare applies per second, in turn."""
    ours = []
    bare = []
    cpu = []
    reconciles = []
    count = len(bench.crowd)
    for number in range(passes):
        took, spent, made = bench.step(bench.crowd, 25 + number)
        ours.append(count / took)
        cpu.append(spent)
        reconciles.append(made)
        bare.append(1000 / bench.bare.all(25 + number))
        say(f"  pass {number + 1} of {passes}: {ours[-1]:.0f}/s, bare {bare[-1]:.0f}/s")
    ratios = [a / b for a, b in zip(ours, bare, strict=True)]
    return {
        "moved_per_second": statistics.median(ours),
        "bare_applies_per_second": statistics.median(bare),
        "ratio": statistics.median(ratios),
        "ratios": ratios,
        "reconciles_per_move": sum(reconciles) / passes / count,
        "worker_cpu_ms_per_reconcile": 1000 * sum(cpu) / sum(reconciles),
        "worker_cpu_ms_per_move": 1000 * sum(cpu) / passes / count,
    }


def latency(bench: Bench, count: int) -> Figures:
    """Milliseconds from an accepted intent to the changed object, and of one bare apply."""
    say(f"{count} single moves")
    ours = [1000 * s for s in bench.singles(count)]
    bare = [1000 * s for s in bench.bare.singles(bench.ticks, count)]
    mine, plain = (statistics.quantiles(seconds, n=100) for seconds in (ours, bare))
    return {
        "ours_ms": {"p50": mine[49], "p99": mine[98]},
        "bare_ms": {"p50": plain[49], "p99": plain[98]},
        "ratio": {"p50": mine[49] / plain[49], "p99": mine[98] / plain[98]},
    }


def measure(bench: Bench, endpoints: int, many: int) -> Figures:
    """All of it."""
    empty = bench.worker.memory()
    deployed = bench.grow(endpoints)
    memory = {"0": empty, str(endpoints): bench.worker.memory()}
    bench.begin_rollouts(bench.crowd)
    result: Figures = {"endpoints": endpoints, "deployed_per_second": deployed}
    result["step"] = throughput(bench, PASSES)
    result["latency"] = latency(bench, min(SINGLES, endpoints))
    result["idle"] = bench.idle(IDLE_S)
    if many > endpoints:
        bench.grow(many)
        memory[str(many)] = bench.worker.memory()
    return result | {"worker_memory_mib": memory}


def table(result: Figures) -> str:
    """For a terminal."""
    step = result["step"]
    late = result["latency"]
    idle = result["idle"]
    rows = [
        (
            f"{result['endpoints']} endpoints moved one step, per second",
            f"{step['moved_per_second']:.0f}",
        ),
        ("bare applies per second, same client", f"{step['bare_applies_per_second']:.0f}"),
        ("ratio (goal 0.7)", f"{step['ratio']:.2f}"),
        ("reconciles per move", f"{step['reconciles_per_move']:.2f}"),
        ("worker CPU per reconcile", f"{step['worker_cpu_ms_per_reconcile']:.1f} ms"),
        (
            "accepted intent to changed object, p50, p99",
            "{p50:.1f} ms, {p99:.1f} ms".format(**late["ours_ms"]),
        ),
        ("one bare apply, p50, p99", "{p50:.1f} ms, {p99:.1f} ms".format(**late["bare_ms"])),
        ("ratio (goal 3 for p50)", "{p50:.1f}, {p99:.1f}".format(**late["ratio"])),
        (
            "requests per idle endpoint and minute (goal 0)",
            f"{idle['per_idle_endpoint_per_minute']:.4f}",
        ),
        *(
            (f"worker's memory at {n} endpoints", f"{m:.0f} MiB")
            for n, m in result["worker_memory_mib"].items()
        ),
    ]
    for bad in result["abort"].get("rows", ()):
        kind = "{fault} over {protocol} at {percent} %".format(**bad)
        if bad["aborted"]:
            seconds = "{median:.1f} s".format(**bad["to_weight_0_s"])
            rows.append((f"{kind}: first request to weight 0", seconds))
    if "rows" not in result["abort"]:
        rows.append(("bad candidate", str(result["abort"])))
    return "\n".join(f"{what:<52s} {value:>22s}" for what, value in rows)


def main() -> None:
    """Measure and tell."""
    parser = argparse.ArgumentParser(prog="python -m bench.cluster")
    parser.add_argument("--endpoints", type=int, default=1000)
    parser.add_argument(
        "--many", type=int, default=5000, help="how many for the second figure of memory"
    )
    parser.add_argument(
        "--threads", type=int, default=4, help="of the worker, and of the bare client"
    )
    args = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tidegate-bench-")))
        say("starting Postgres, etcd, the API server")
        url = stack.enter_context(database(folder))
        result = stack.enter_context(plane(folder))
        store = Store(url)
        stack.callback(store.close)
        worker = stack.enter_context(working(url, result.kubeconfig, folder, args.threads))
        figures = measure(Bench(result, store, worker, args.threads), args.endpoints, args.many)
    say("a bad candidate through the real gateway")
    figures["abort"] = abort.measure(["--faults", "500", "--shares", "10"])
    print(table(figures))
    keep("cluster", figures | {"threads": args.threads})


if __name__ == "__main__":
    main()
