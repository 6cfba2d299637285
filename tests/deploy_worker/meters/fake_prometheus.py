"""A Prometheus made by hand: it keeps samples and answers the one query form that the meter uses.

Written from Prometheus' documentation of `/api/v1/query`, never from the meter's code: range
selectors are open on the left, values are strings, and a series without a sample in the range is
absent.
"""

import json
import re
from email.utils import formatdate
from urllib.parse import parse_qs

import httpx2

_SELECTOR = re.compile(r"\{(.*)\}\[(\d+)s\]", re.DOTALL)
_MATCHER = re.compile(r'(\w+)(=~|=)("(?:[^"\\]|\\.)*")')


class FakePrometheus(httpx2.BaseTransport):
    """`now`: its clock. `down`: nobody answers."""

    def __init__(self, now: float) -> None:
        self.now = now
        self.down = False
        self.queries = 0
        self.asked_with: dict[str, str] = {}
        self._samples: dict[tuple[tuple[str, str], ...], list[tuple[float, str]]] = {}

    def store(self, labels: dict[str, str], at: float, value: object) -> None:
        """One sample, as a scrape at `at` found it."""
        self._samples.setdefault(tuple(sorted(labels.items())), []).append((at, str(value)))

    def forget(self) -> None:
        """It starts again without its data."""
        self._samples.clear()

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """POST /api/v1/query."""
        if self.down:
            raise httpx2.ConnectError("connection refused")
        self.queries += 1
        self.asked_with = dict(request.headers)
        form = {name: values[0] for name, values in parse_qs(request.content.decode()).items()}
        results = self._range(form["query"], float(form.get("time", self.now)))
        body = {"status": "success", "data": {"resultType": "matrix", "result": results}}
        return httpx2.Response(
            200, content=json.dumps(body), headers={"date": formatdate(self.now, usegmt=True)}
        )

    def _range(self, query: str, until: float) -> list[dict[str, object]]:
        selector = _SELECTOR.fullmatch(query)
        assert selector is not None, query
        matchers = [(m[1], m[2], json.loads(m[3])) for m in _MATCHER.finditer(selector[1])]
        result = []
        for key, samples in self._samples.items():
            labels = dict(key)
            if not all(_matches(labels.get(name, ""), how, value) for name, how, value in matchers):
                continue
            kept = [
                [at, v]
                for at, v in samples
                if until - int(selector[2]) < at <= until and at <= self.now
            ]
            if kept:
                result.append({"metric": labels, "values": kept})
        return result


def _matches(value: str, how: str, desired: str) -> bool:
    if how == "=":
        return value == desired
    return re.fullmatch(desired, value) is not None
