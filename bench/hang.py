"""How many candidate requests it costs to see a candidate that misbehaves, at a real Envoy with
real clients that leave after a second.

Each run is one step at a fixed share: the plane's own meter, the core's own verdict, one scrape a
second (tests/local/hanging.py). Counted at the verdict: candidate requests whose end was known, and
apart from them those in flight. Run: python -m bench.hang [runs [rate …]]
"""

import asyncio
import json
import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

from bench.report import keep
from tests.local.hanging import Plan, play
from tests.local.misbehaving import Behaviour
from tidegate_local.home import Home, free_port
from tidegate_local.processes.envoy import Envoy
from tidegate_local.processes.supervisor import Supervisor

SHARES = (1, 10, 50)
RATES = (100.0,)
FAULTS = (
    ("hang 25 %", Behaviour.HANG, 0.25),
    ("hang 10 %", Behaviour.HANG, 0.1),
    ("hang 100 %", Behaviour.HANG, 1.0),
    ("500 25 %", Behaviour.ERROR, 0.25),
    ("500 100 %", Behaviour.ERROR, 1.0),
    ("403 100 %", Behaviour.FORBIDDEN, 1.0),
    ("reset 100 %", Behaviour.RESET, 1.0),
    ("slow 100 %", Behaviour.SLOW, 1.0),
)
_SHORT = 40.0  # seconds for what may never be seen


def cell(envoy: Envoy, plan: Plan, runs: int) -> dict[str, Any]:
    """So many runs of one plan, told as figures."""
    outcomes = [asyncio.run(play(envoy, replace(plan, seed=seed))) for seed in range(runs)]
    failed = [outcome for outcome in outcomes if outcome.verdict == "fail"]
    return {
        "share": plan.percent,
        "rate": plan.rate,
        "protocol": plan.protocol,
        "runs": runs,
        "failed": len(failed),
        "ended": _spread([outcome.ended for outcome in failed]),
        "in_flight": _spread([outcome.in_flight for outcome in failed]),
        "seconds": _spread([outcome.seconds for outcome in failed]),
        "last": outcomes[-1].message,
    }


def _spread(values: list[float] | list[int]) -> dict[str, float] | None:
    """Median and 95th percentile; of few runs the highest."""
    if not values:
        return None
    ordered = sorted(values)
    at = min(len(ordered) - 1, round(0.95 * len(ordered)))
    return {"median": statistics.median(ordered), "p95": ordered[at]}


@contextmanager
def _envoy() -> Iterator[Envoy]:
    with tempfile.TemporaryDirectory(prefix="tidegate-bench-") as folder:
        home = Home(Path(folder) / "home").create()
        supervisor = Supervisor(home.run)
        envoy = Envoy(home, supervisor, free_port())
        try:
            envoy.start()
            assert envoy.ready()
            yield envoy
        finally:
            envoy.stop()
            supervisor.close()


def shares(runs: int, rates: tuple[float, ...]) -> Iterator[dict[str, Any]]:
    """The candidate that hangs on a quarter of its requests, at each share and rate."""
    for protocol in ("http", "grpc"):
        for rate in rates:
            for percent in SHARES:
                with _envoy() as envoy:
                    yield cell(envoy, Plan(percent, rate, protocol=protocol), runs)


def faults(runs: int) -> Iterator[dict[str, Any]]:
    """Other faults at 10 %."""
    for protocol in ("http", "grpc"):
        for name, behaviour, bad in FAULTS:
            plan = Plan(10, 100.0, bad, behaviour, protocol, most_seconds=_SHORT)
            with _envoy() as envoy:
                yield {"fault": name} | cell(envoy, plan, runs)


def main() -> None:
    """Every cell, a line each, as soon as it is there."""
    runs = 10
    if len(sys.argv) > 1:
        runs = int(sys.argv[1])
    rates = tuple(float(text) for text in sys.argv[2:]) or RATES
    rows = []
    for row in chain(shares(runs, rates), faults(max(1, runs // 5))):
        print(json.dumps(row), flush=True)
        rows.append(row)
    keep("hang", {"rows": rows})


if __name__ == "__main__":
    main()
