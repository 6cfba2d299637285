"""A meter for the service's tests: requests come as the data plane of the lab routes them, so many
per scrape, and a share of them is bad."""

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from tests.deployment_service.beside import Beside
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
            number = int(re.findall(r"\br(\d+)", label)[0])  # r1, or fraud-r1-predictor
            more = self._requests * percent / 100
            self._totals[number] = self._totals.get(number, 0.0) + more
        readings = (
            Reading(f"proxy-{number}", number, Counters(round(n), round(n * self._bad[number])))
            for number, n in sorted(self._totals.items())
        )
        # The worker goes by the database's clock, which runs beside the lab's
        return Scrape(time.time(), tuple(readings))


PATH = "/api/v1/endpoints/team/fraud"
KEY = EndpointKey("team", "fraud")
BODY = {
    "strategy": "canary",
    "steps": [10, 50],
    "bake_seconds": 0,
    "model_version_id": "2",
    "analysis": {"noise_window_seconds": 1},
}


class Judged(Beside):
    """A worker that counts requests of `team/fraud`. bad: share of the candidate's that are bad,
    0..1."""

    def __init__(self, api: Any, bad: float) -> None:
        super().__init__(api)
        self.parts = replace(self.parts, meter=CountingMeter(self.lab, 400, {1: 0.0, 2: bad}))

    def until(self, holds: Callable[[], bool], limit: int = 5000) -> None:
        """Turns until it holds."""
        for _ in range(limit):
            if holds():
                return
            self.turn(KEY)
        raise AssertionError(self.api.get(PATH).text)

    def serving(self) -> None:
        """The endpoint, with its first revision."""
        self.api.models()
        body = {"name": "fraud", "model_id": "add_sub", "model_version_id": "1"}
        self.api.ok("POST", "/api/v1/endpoints?namespace=team", body)
        self.until(lambda: self.api.ok("GET", PATH)["phase"] == "ready")

    def ended(self, rollout_id: str) -> Any:
        """A rollout at its end."""
        path = f"/api/v1/rollouts/{rollout_id}"
        self.until(lambda: self.api.ok("GET", path)["outcome"] is not None)
        return self.api.ok("GET", path)
