"""Several runs of each kind as one line."""

import statistics
from typing import Any


def summary(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One line for each kind: of several runs the median, and the highest but 5 %."""
    kinds: dict[tuple[str, str, int], list[dict[str, Any]]] = {}
    for row in rows:
        kinds.setdefault((row["fault"], row["protocol"], row["percent"]), []).append(row)
    return [
        {"fault": fault, "protocol": protocol, "percent": percent} | _spreads(runs)
        for (fault, protocol, percent), runs in kinds.items()
    ]


def _spreads(runs: list[dict[str, Any]]) -> dict[str, Any]:
    decided = [run for run in runs if "undecided" not in run]
    result: dict[str, Any] = {"runs": len(runs), "aborted": len(decided)}
    names = ("ended", "in_flight", "to_verdict_s", "to_weight_0_s", "to_last_request_s", "requests")
    for name in names:
        values = sorted(run[name] for run in decided)
        if values:
            high = values[min(len(values) - 1, round(0.95 * len(values)))]
            result[name] = {"median": statistics.median(values), "p95": high}
    return result
