"""Metrics of people's own in a simulation: counters of units that follow the requests, values, and
every way in which a metric source does not answer."""

from collections.abc import Mapping, Sequence

from tidegate.core.own.due import OwnRequest
from tidegate.core.own.readings import OwnReading, Tally


class OwnCounters:
    """bad: by metric and revision, the share of bad units, each request being one. means: by metric
    and revision, the value. trouble: by metric, why nothing is read."""

    def __init__(self) -> None:
        self.bad: dict[str, dict[int, float]] = {}
        self.means: dict[str, dict[int, float]] = {}
        self.trouble: dict[str, str] = {}

    def read(
        self, requests: Sequence[OwnRequest], counts: Mapping[int, list[int]]
    ) -> tuple[OwnReading, ...]:
        """What a metric source answers."""
        return tuple(self._read(request, counts) for request in requests)

    def _read(self, request: OwnRequest, counts: Mapping[int, list[int]]) -> OwnReading:
        name = request.own.name
        asked = request.asked
        trouble = self.trouble.get(name, "")
        if trouble:
            return OwnReading(name, asked, trouble=trouble)
        if request.own.of_tallies:
            tallies = tuple(self._tally(name, each, counts) for each in request.revisions)
            return OwnReading(name, asked, asked, asked, tallies)
        values = tuple((each, self.means[name].get(each, 0.0)) for each in request.revisions)
        return OwnReading(name, asked, asked, asked, values=values, seconds=request.window)

    def _tally(self, name: str, revision: int, counts: Mapping[int, list[int]]) -> Tally:
        units = counts.get(revision, [0])[0]
        bad = round(units * self.bad[name].get(revision, 0.0))
        return Tally(f"pod-r{revision}", revision, units - bad, units)
