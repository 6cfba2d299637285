"""Prints the table of docs/statistics.md about the watch; takes minutes."""

import statistics
from collections.abc import Sequence

from tests.core.test_watch_promises import MINUTE, RATES, outage, steady, turned_bad, watches
from tests.core.watched import Rates, Seen

GOOD = 200
BAD = 100


def _line(what: str, rate: float, seen: Sequence[Seen]) -> None:
    undone = sorted(each.undone - MINUTE for each in seen if each.undone is not None)
    times = "never"
    if len(undone) > len(seen) / 2:
        median = statistics.median(undone)
        times = f"median {median:.0f} s, p90 {undone[int(0.9 * (len(undone) - 1))]:.0f} s"
    compared = sum(bool(each.compared) for each in seen)
    counts = f"compared {compared}, undone {len(undone)} of {len(seen)}"
    exposed = statistics.median(each.exposed for each in seen)
    print(f"{what:32} {rate:5.0f}/s  {counts}; {times}; {exposed:.0f} bad answers", flush=True)


def _rows(what: str, rates: Rates, record: float, count: int) -> None:
    for rate in RATES:
        _line(what, rate, watches(rates, rate, record, count))


if __name__ == "__main__":
    for base in (0.005, 0.02):
        _rows(f"good, {base:.1%}", steady(base), base, GOOD)
    for base in (0.005, 0.02):
        for points in (0.1, 0.2, 1.0):
            _rows(f"{base:.1%} + {100 * points:.0f} points", turned_bad(base, points), base, BAD)
    for share in (0.1, 0.3, 0.6, 1.0):
        _rows(f"shared outage, {share:.0%}", outage(share), 0.005, GOOD)
