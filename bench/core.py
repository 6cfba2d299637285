"""How many decisions and plans per second the core makes in the middle of a rollout, in both modes.

The measure beside it, in the same run, is parsing the very same snapshot from JSON: what any client
of the API server pays before it can think. Prints a table and writes build/bench-core.json. Run:
python bench/core.py [seconds]
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.simulation.simulation import Simulation  # noqa: E402
from tidegate.core import strategy  # noqa: E402
from tidegate.core.gathering import gather  # noqa: E402
from tidegate.core.intent import Mode, Scaling  # noqa: E402
from tidegate.core.progression import decide  # noqa: E402


def per_second(work: Callable[[], object], seconds: float) -> float:
    """How often `work` runs per second, over about `seconds`."""
    count = 0
    began = time.perf_counter()
    while (spent := time.perf_counter() - began) < seconds:
        for _ in range(20):
            work()
        count += 20
    return count / spent


def measure(mode: Mode, seconds: float) -> dict[str, float]:
    """One mode: r2 at 10 % beside four replicas of r1."""
    simulation = Simulation(mode, scaling=Scaling(4, 8))
    simulation.deploy()
    simulation.start(strategy.canary((10, 50), bake=300), simulation.revision())
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


def main() -> None:
    """Both modes."""
    seconds = 1.0
    if len(sys.argv) > 1:
        seconds = float(sys.argv[1])
    result = {str(mode): measure(mode, seconds) for mode in Mode}
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
    path = ROOT / "build" / "bench-core.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
