"""How many candidate requests are exposed before a bad candidate is rolled back, and how often a
good one is.

Exposure is set beside the information bound log(1/alpha) / KL, with KL the distance of a scrape's
block from the null's edge, rounded up to one scrape; and beside fixed-threshold rules on the same
simulated traffic. Prints tables and writes build/bench-exposure.json. Run: python bench/exposure.py
[runs]
"""

import json
import math
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from simulated import Bursts, Rule, Scenario, diurnal, fixed_rules, outage, rising, steady, tidegate

from tidegate.core.evalues import growth
from tidegate.core.sequential import Test

ALPHA = 0.01
STABLE = 0.005
THRESHOLD = math.log(1 / ALPHA)


def bound(size: int, share: float, stable: float, candidate: float) -> tuple[int, float]:
    """(scrapes, candidate requests) that log(1/alpha) costs at the best growth per scrape."""
    per_scrape = 0.0
    weight = (1 - share) ** size
    for nc in range(size):
        if nc:
            rates = (stable, candidate)
            per_scrape += weight * growth(nc, size - nc, rates, rates, 0.0)
        weight *= (size - nc) / (nc + 1) * share / (1 - share)
    scrapes = math.ceil(THRESHOLD / per_scrape)
    return scrapes, scrapes * size * share


def rules() -> dict[str, Rule]:
    return {"tidegate": lambda counts: tidegate(counts, THRESHOLD), **fixed_rules()}


def exposure(
    size: int, share: float, bad: float, runs: int, rng: np.random.Generator
) -> dict[str, Any]:
    """One cell: a bad candidate, every rule on the same traffic."""
    scrapes, requests = bound(size, share, STABLE, bad)
    scenario = steady("", min(20 * scrapes + 200, 8000), size, share, STABLE, bad)
    result: dict[str, list[float]] = {name: [] for name in rules()}
    for _ in range(runs):
        counts = scenario.run(rng)
        answered = counts[:, 0].cumsum()
        for name, rule in rules().items():
            at = rule(counts)
            if at is not None:
                result[name].append(float(answered[at - 1]))
    row: dict[str, Any] = {"bad": bad, "size": size, "share": share, "bound_scrapes": scrapes}
    row["bound_requests"] = requests
    row["watched_requests"] = scenario.size * share * len(scenario.share)
    for name, values in result.items():
        mean = None
        if values:
            mean = float(np.mean(values))
        row[name] = {
            "mean": mean,
            "p95": float(np.quantile(values, 0.95)) if values else None,
            "missed": 1 - len(values) / runs,
            "ratio": float(np.mean(values)) / requests if values else None,
        }
    return row


def passing(
    base: float, share: float, runs: int, rng: np.random.Generator, size: int = 200
) -> dict[str, Any]:
    """One cell: candidate requests that a good candidate needs to pass, margin 1 point."""
    margin = 0.01
    rates = (base, base)
    per_scrape = growth(size * share, size * (1 - share), rates, rates, margin)
    needed = math.ceil(THRESHOLD / per_scrape) * size * share
    scenario = steady("", int(10 * needed / (size * share)), size, share, base, base)
    results = []
    for _ in range(runs):
        counts = scenario.run(rng)
        at = tidegate(counts, THRESHOLD, Test(worse=False, margin=margin))
        if at is not None:
            results.append(int(counts[:at, 0].sum()))
    if results:
        mean = float(np.mean(results))
    else:
        mean = math.inf
    print(
        f"{100 * base:5g} {100 * share:6g} {needed:10.0f} {mean:10.0f} {mean / needed:7.2f}",
        flush=True,
    )
    return {
        "base": base,
        "share": share,
        "bound": needed,
        "mean": mean,
        "missed": 1 - len(results) / runs,
    }


def good_candidates(scrapes: int = 300, size: int = 200) -> list[Scenario | Bursts]:
    """A candidate that is as good as stable, in fair weather and foul."""
    split = rising(scrapes)
    flat = [
        steady(f"steady {100 * r:g} %", scrapes, size, 0.1, r, r) for r in (0.001, 0.005, 0.02, 0.2)
    ]
    day = diurnal(scrapes, 0.02)
    down = outage(scrapes, STABLE)
    same = np.full(scrapes, STABLE)
    return [
        *flat,
        Scenario("diurnal 0.4..3.6 %", size, np.full(scrapes, 0.1), day, day),
        Scenario("shared outage at 50 %", size, np.full(scrapes, 0.5), down, down),
        Scenario("rising split", size, split, same, same),
        Scenario("rising split, diurnal", size, split, day, day),
        Scenario("rising split, outage", size, split, down, down),
        Bursts("per-pod bursts (no promise)", size, split, STABLE),
    ]


def false_aborts(runs: int, rng: np.random.Generator) -> list[dict[str, Any]]:
    rows = []
    for scenario in good_candidates():
        hits = dict.fromkeys(rules(), 0)
        for _ in range(runs):
            counts = scenario.run(rng)
            for name, rule in rules().items():
                hits[name] += rule(counts) is not None
        rows.append({"scenario": scenario.name, **{name: hit / runs for name, hit in hits.items()}})
        print(
            f"{scenario.name:30s}" + "".join(f"{100 * hit / runs:11.1f}" for hit in hits.values()),
            flush=True,
        )
    return rows


def print_exposure(row: dict[str, Any]) -> None:
    line = f"{100 * row['bad']:5g} {row['size']:6d} {100 * row['share']:5g} {row['bound_requests']:9.1f}"
    line += f" {row['bound_scrapes']:7d}"
    for name in rules():
        cell = row[name]
        mean = "never"
        if cell["mean"] is not None:
            mean = f"{cell['mean']:.1f}"
        missed = ""
        if cell["missed"]:
            missed = f" ({100 * cell['missed']:.0f} % missed)"
        line += f"{mean + missed:>22s}"
    ratio = row["tidegate"]["ratio"]
    print(
        line + (f"{ratio:8.2f}" if ratio and row["bound_scrapes"] > 1 else "       -"), flush=True
    )


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    rng, started = np.random.default_rng(20), time.perf_counter()
    print(
        f"candidate requests before the abort; stable {100 * STABLE:g} %, alpha {100 * ALPHA:g} %, "
        f"{runs} runs"
    )
    print(
        " bad%  scrape share%     bound scrapes"
        + "".join(f"{name:>22s}" for name in rules())
        + "   ratio"
    )
    cells = []
    for bad in (0.2, 0.05, 0.02):
        for size in (20, 200):
            for share in (0.01, 0.1, 0.5):
                cells.append(exposure(size, share, bad, runs, rng))
                print_exposure(cells[-1])
    ratios = [cell["tidegate"]["ratio"] for cell in cells if cell["bound_scrapes"] > 1]
    print(f"mean ratio to the bound where it spans more than one scrape: {np.mean(ratios):.2f}\n")
    print(
        "candidate requests until a good candidate passes (worse by less than 1 point); scrapes of "
        "200"
    )
    print(" base%  share%      bound       mean   ratio")
    passes = [
        passing(base, share, runs // 2, rng)
        for base in (0.001, 0.005, 0.02)
        for share in (0.1, 0.5)
    ]
    print("\nfalse aborts of a good candidate over 300 scrapes of 200, %")
    print(" " * 30 + "".join(f"{name:>11s}" for name in rules()))
    good = false_aborts(2 * runs, rng)
    seconds = time.perf_counter() - started
    result = {
        "alpha": ALPHA,
        "stable": STABLE,
        "runs": runs,
        "exposure": cells,
        "mean_ratio": float(np.mean(ratios)),
        "passing": passes,
        "false_aborts": good,
        "seconds": round(seconds, 1),
    }
    path = Path(__file__).resolve().parent.parent / "build" / "bench-exposure.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(result, indent=1) + "\n")
    print(f"\nwrote build/{path.name} after {seconds:.0f} s")


if __name__ == "__main__":
    main()
