"""A meter for the service's tests: requests come as the data plane of the lab routes them, so many
per scrape, and a share of them is bad."""

import time
from collections.abc import Mapping

from tests.simulation.lab import Lab
from tidegate.core.evidence import Counters, Reading, Scrape
from tidegate.core.intent import EndpointKey


class CountingMeter:
    """requests: per scrape and endpoint. bad: share of bad answers by revision, 0..1. Counts are
    exact, nothing is left to chance."""

    def __init__(self, lab: Lab, requests: int, bad: Mapping[int, float]) -> None:
        self._lab = lab
        self._requests = requests
        self._bad = bad
        self._totals: dict[int, float] = {}

    def scrape(self, key: EndpointKey) -> Scrape:
        """Counters after some more requests."""
        for label, percent in self._lab.data_plane.shares(key.namespace, key.name, ()).items():
            number = int(label.removeprefix("r"))
            more = self._requests * percent / 100
            self._totals[number] = self._totals.get(number, 0.0) + more
        readings = (
            Reading(f"proxy-{number}", number, Counters(round(n), round(n * self._bad[number])))
            for number, n in sorted(self._totals.items())
        )
        # The worker goes by the database's clock, which runs beside the lab's
        return Scrape(time.time(), tuple(readings))
