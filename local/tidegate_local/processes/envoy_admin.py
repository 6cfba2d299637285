"""Envoy's admin interface: the few questions that the local plane asks of it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx2

from tidegate.core.ports import Unavailable


@dataclass(frozen=True, slots=True)
class Stats:
    """One observation of the statistics. incarnation: names this run of Envoy; a new one counts
    from zero. values: counters, gauges and text readouts. histograms: name → (upper bound,
    cumulative count), rising. births: how often each cluster was made; made again, it counts from
    zero."""

    incarnation: str
    values: dict[str, int | str]
    histograms: dict[str, tuple[tuple[float, int], ...]]
    births: Mapping[str, int] = field(default_factory=dict)


class Admin:
    """Client of one Envoy's admin port. Nobody answering is a value: `Unavailable`. `births`: see
    Stats, kept by who configures Envoy."""

    def __init__(self, port: int, seconds: float = 2.0) -> None:
        self._client = httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=seconds)
        self.births: dict[str, int] = {}

    def stats(self, pattern: str, *, timed: bool = False) -> Stats | Unavailable:
        """Every statistic whose name matches the regular expression. The incarnation is asked
        before and after, so that counts are never booked to the wrong one. timed: the histograms
        are as new as the counters; otherwise they are those of the scrape before (Envoy merges them
        after it answered, measured)."""
        query = {
            "format": "json",
            "usedonly": "",
            "histogram_buckets": "cumulative",
            "filter": pattern,
        }
        try:
            if timed:
                self._client.get("/stats", params={"filter": "^$"}).raise_for_status()
            before = self._incarnation()
            body = self._client.get("/stats", params=query).raise_for_status().json()
            after = self._incarnation()
        except (httpx2.HTTPError, json.JSONDecodeError) as error:
            return Unavailable(f"Envoy's admin port does not answer: {error}")
        if before != after:
            return Unavailable("Envoy was restarted while its statistics were read")
        return parse(before, body, dict(self.births))

    def close(self) -> None:
        """Give the connection up."""
        self._client.close()

    def _incarnation(self) -> str:
        return str(self._client.get("/server_info").raise_for_status().json()["node"]["id"])


def parse(incarnation: str, body: dict[str, Any], births: Mapping[str, int] | None = None) -> Stats:
    """Envoy's `/stats?format=json&histogram_buckets=cumulative`: a list of {name, value}, and one
    entry that holds all histograms."""
    values: dict[str, int | str] = {}
    histograms: dict[str, tuple[tuple[float, int], ...]] = {}
    for entry in body["stats"]:
        if "histograms" in entry:
            for item in entry["histograms"]:
                buckets = ((float(b["upper_bound"]), int(b["cumulative"])) for b in item["buckets"])
                histograms[item["name"]] = tuple(buckets)
        else:
            values[entry["name"]] = entry["value"]
    return Stats(incarnation, values, histograms, births or {})
