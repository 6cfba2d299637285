"""Queries that people wrote, to a Prometheus: within a deadline, and with an answer of bounded
size. Any of them may be wrong or slow."""

import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tidegate.core.ports import Unavailable
from tidegate.deploy_worker.meters.series import Prometheus, Series, series_of

MOST_BYTES = 1_000_000  # of one answer
_LEAST = 0.05  # seconds: with less left nothing is asked


@dataclass(frozen=True, slots=True)
class NotRead:
    """Why a query was not answered, for people. refused: it is the query's fault."""

    detail: str
    refused: bool = False


@dataclass(frozen=True, slots=True)
class Value:
    """One value, and the time of it by Prometheus' clock (epoch seconds)."""

    value: float
    at: float


class Queries:
    """The queries of one pass. budget: seconds for all of them. clock: monotonic seconds."""

    def __init__(
        self,
        prometheus: Prometheus,
        budget: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._prometheus = prometheus
        self._budget = budget
        self._clock = clock
        self._ends = clock() + budget
        self._known: dict[str, Mapping[str, Any] | NotRead] = {}

    def value(self, query: str) -> Value | NotRead:
        """The one value of an expression, a finite number."""
        data = self._ask(query)
        if isinstance(data, NotRead):
            return data
        try:
            return _value(data)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            return NotRead(f"the answer is not as Prometheus' is: {error!r}")

    def range(self, selector: str, seconds: float) -> tuple[Series, ...] | NotRead:
        """Every sample of a selector in the last `seconds`, as it was scraped."""
        data = self._ask(f"{selector}[{max(1, math.ceil(seconds))}s]")
        if isinstance(data, NotRead):
            return data
        try:
            return tuple(series_of(item) for item in data["result"])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            return NotRead(f"the answer is not as Prometheus' is: {error!r}")

    def _ask(self, query: str) -> Mapping[str, Any] | NotRead:
        if query not in self._known:
            self._known[query] = self._asked(query)
        return self._known[query]

    def _asked(self, query: str) -> Mapping[str, Any] | NotRead:
        left = self._ends - self._clock()
        if left < _LEAST:
            return NotRead(f"not asked: the {self._budget:g} s for people's own metrics are over")
        answer = self._prometheus.bounded(query, left, MOST_BYTES)
        if isinstance(answer, Unavailable):
            return NotRead(answer.detail)
        status, content = answer
        try:
            body = json.loads(content)
            if body["status"] == "success":
                return dict(body["data"])
            refused = status == 400  # others depend on what is stored now
            return NotRead(f"Prometheus refuses the query: {body.get('error', body)}", refused)
        except (KeyError, TypeError, ValueError, AttributeError):
            return NotRead(f"Prometheus answers {status}, not as Prometheus does")


def _value(data: Mapping[str, Any]) -> Value | NotRead:
    result = data["result"]
    if data["resultType"] == "scalar":
        pair = result
    elif data["resultType"] != "vector":
        return NotRead(f"the answer is a {data['resultType']}, and one value is needed", True)
    elif not result:
        return NotRead("no series")
    elif len(result) > 1:
        return NotRead(f"{len(result)} series, and one value is needed: write sum() or avg()")
    else:
        pair = result[0]["value"]
    value = float(pair[1])
    if not math.isfinite(value):
        return NotRead(f"the value is {pair[1]}")
    return Value(value, float(pair[0]))
