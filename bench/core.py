"""How many decisions and plans per second the core makes in the middle of a rollout, in both modes.

Answers take 8 ms in the median, log-normal, in the buckets of an Envoy, and both revisions' pods
are loaded alike, so that latency is compared in every bucket; beside it the same plan without
latency. The measure beside that, in the same run, is parsing the very same snapshot from JSON:
what any client of the API server pays before it can think. Prints a table and writes build/bench-
core.json. Run: python bench/core.py [seconds]
"""

import json
import math
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.simulation.simulation import Simulation  # noqa: E402
from tidegate.core import strategy  # noqa: E402
from tidegate.core.evidence import MetricKind, Reading, Scrape  # noqa: E402
from tidegate.core.gathering import gather  # noqa: E402
from tidegate.core.intent import Mode, Scaling  # noqa: E402
from tidegate.core.progression import decide  # noqa: E402

BOUNDS = (
    *(0.5, 1.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1e3, 2.5e3, 5e3, 1e4, 3e4, 6e4),
    *(3e5, 6e5, 1.8e6, 3.6e6),
)
PERCENT = {Mode.STANDARD: 25, Mode.KNATIVE: 50}  # with them a pod of each revision gets as much


class Spread(Simulation):
    """Answers are spread over the buckets of an Envoy."""

    def scrape(self) -> Scrape:
        """The meter."""
        scrape = super().scrape()
        return replace(scrape, readings=tuple(map(spread, scrape.readings)))


def spread(reading: Reading) -> Reading:
    """A reading with the histogram of log-normal latencies, median 8 ms."""
    n = reading.counters.answers
    shares = [(1 + math.erf(math.log(bound / 8) / math.sqrt(0.5))) / 2 for bound in BOUNDS]
    counts = [round(n * share) for share in shares]
    buckets = (*zip(BOUNDS, counts, strict=True), (math.inf, n))
    return reading.counting(replace(reading.counters, buckets=buckets))


def per_second(work: Callable[[], object], seconds: float) -> float:
    """How often `work` runs per second, over about `seconds`."""
    count = 0
    began = time.perf_counter()
    while (spent := time.perf_counter() - began) < seconds:
        for _ in range(20):
            work()
        count += 20
    return count / spent


def measure(mode: Mode, seconds: float, latency: bool = True) -> dict[str, float]:
    """One mode: r2 beside four replicas of r1, each pod with as many requests."""
    simulation = Spread(mode, scaling=Scaling(4, 8))
    simulation.deploy()
    plan = strategy.canary((PERCENT[mode], 60), bake=300)
    if not latency:
        metrics = tuple(each for each in plan.metrics if each.kind is not MetricKind.LATENCY)
        plan = replace(plan, metrics=metrics)
    simulation.start(plan, simulation.revision())
    simulation.run(120)
    rollout, progress = simulation.rollouts[-1]
    assert progress.step.index == 0, progress
    snapshot, now = simulation.lab.cluster.observe(simulation.key), simulation.lab.clock() + 5
    driver, revisions, intent = simulation.driver, simulation.revisions, simulation.intent
    observation, text = (
        driver.read(simulation.key, revisions, snapshot),
        json.dumps(snapshot.objects),
    )
    simulation.lab.clock.advance(5)
    simulation.requests()
    scrape = simulation.scrape()

    def decided() -> None:
        decide(
            rollout,
            gather(rollout, progress, intent, observation, scrape),
            (),
            intent,
            observation,
            now,
        )

    def whole() -> None:
        simulation.reconcile(snapshot, now)

    return {
        "objects": len(snapshot.objects),
        "bytes": len(text),
        "parse": per_second(lambda: json.loads(text), seconds),
        "read": per_second(lambda: driver.read(simulation.key, revisions, snapshot), seconds),
        "decide": per_second(decided, seconds),
        "plan": per_second(
            lambda: driver.writes(intent, revisions, snapshot, observation, simulation.memory, now),
            seconds,
        ),
        "reconcile": per_second(whole, seconds),
    }


def both(row: dict[str, float]) -> float:
    """How often a second allows to decide and to plan, one after the other."""
    return 1 / (1 / row["decide"] + 1 / row["plan"])


def main() -> None:
    """Both modes."""
    seconds = 1.0
    if len(sys.argv) > 1:
        seconds = float(sys.argv[1])
    result = {str(mode): measure(mode, seconds) for mode in Mode}
    for mode in Mode:
        without = measure(mode, seconds, latency=False)
        result[str(mode)]["plan_and_decide_to_without_latency"] = both(result[str(mode)]) / both(
            without
        )
    for mode, row in result.items():
        row["reconcile_over_parse"] = row["parse"] / row["reconcile"]
        rates = ", ".join(
            f"{name} {row[name]:,.0f}/s"
            for name in ("read", "decide", "plan", "reconcile", "parse")
        )
        print(
            f"{mode}: {rates}; a reconcile costs {row['reconcile_over_parse']:.1f} parses of its "
            "snapshot"
        )
        print(f"  ({row['objects']:.0f} objects, {row['bytes'] / 1000:.0f} kB of JSON)")
        ratio = row["plan_and_decide_to_without_latency"]
        print(f"  plan + decide per second: {ratio:.2f} of those without latency")
    path = ROOT / "build" / "bench-core.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
