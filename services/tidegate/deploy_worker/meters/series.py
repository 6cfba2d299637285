"""The one question that is asked of Prometheus: the stored samples of a selector, as they were
scraped.

A range selector in an instant query gives raw samples with the time at which Prometheus took each
of them. A plain selector would give values at the time of the query: the same sample twice would
look like an interval without requests, and two series could come from different scrapes. Stale
markers never appear in a range.
"""

import json
import math
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import httpx2

from tidegate.core.errors import TidegateError
from tidegate.core.ports import Unavailable
from tidegate.core.shown_address import shown_address

Labels = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Series:
    """One time series: its labels with `__name__`, and (epoch seconds, value) rising in time.
    holes: times at which the value was no count (NaN, infinite, negative)."""

    labels: Labels
    samples: tuple[tuple[float, float], ...]
    holes: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """What Prometheus holds. `now`: epoch seconds by its own clock, which also stamps the
    samples."""

    series: tuple[Series, ...]
    now: float


def duration(seconds: float) -> str:
    """A time as Prometheus reads it: it knows no fractions of a second."""
    return f"{max(1, round(1000 * seconds))}ms"


def quoted(text: str) -> str:
    """A PromQL string literal; its escapes are those of JSON."""
    return json.dumps(text, ensure_ascii=False)


class Prometheus:
    """The HTTP API of one Prometheus, or of a querier that removes duplicates of replicas.

    Never a load balancer over two: each has samples of other times, and what is counted between
    them counts twice. token_file: read for every query, since bearer tokens rotate. ca_file: the
    only CA that is trusted, instead of the system's; TidegateError if it is none. timeout: seconds
    of the whole query on both sides.
    """

    def __init__(
        self,
        url: str,
        clock: Callable[[], float],
        *,
        token_file: Path | None = None,
        ca_file: Path | None = None,
        timeout: float = 5.0,
        transport: httpx2.BaseTransport | None = None,
    ) -> None:
        verify = _trust(ca_file) if ca_file else True
        self._http = httpx2.Client(
            timeout=timeout, verify=verify, trust_env=False, transport=transport
        )
        self._url = url.rstrip("/")
        self._clock = clock
        self._token_file = token_file
        self._timeout = timeout

    def samples(
        self, selector: str, seconds: float, until: float | None = None
    ) -> Answer | Unavailable:
        """Every sample of `selector` in the `seconds` before `until` (epoch seconds; None:
        Prometheus' now)."""
        form = {
            "query": f"{selector}[{max(1, math.ceil(seconds))}s]",
            "timeout": duration(self._timeout),
        }
        if until is not None:
            form["time"] = f"{until:.3f}"
        try:
            answer = self._http.post(
                f"{self._url}/api/v1/query", data=form, headers=self._headers()
            )
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, UnicodeError) as error:
            return Unavailable(
                f"Prometheus at {shown_address(self._url)} does not answer: "
                f"{error or type(error).__name__}"
            )
        try:
            body = answer.json()
        except ValueError:
            return Unavailable(
                f"{shown_address(self._url)} answers {answer.status_code} without JSON: is "
                "that a Prometheus?"
            )
        return self._read(answer, body)

    def bounded(
        self, query: str, seconds: float, most_bytes: int
    ) -> tuple[int, bytes] | Unavailable:
        """(status, body) of an instant query, which takes about `seconds` at most, also where the
        answer comes in drops, and no more than `most_bytes`."""
        form = {"query": query, "timeout": duration(seconds)}
        ends = time.monotonic() + seconds
        content = bytearray()
        where = f"Prometheus at {shown_address(self._url)}"
        late = Unavailable(f"{where} does not answer within {seconds:.1f} s")
        try:
            with self._http.stream(
                "POST",
                f"{self._url}/api/v1/query",
                data=form,
                headers=self._headers(),
                timeout=seconds,
            ) as answer:
                for chunk in answer.iter_bytes():
                    content += chunk
                    if len(content) > most_bytes:
                        return Unavailable(f"the answer has more than {most_bytes:,} bytes")
                    if time.monotonic() > ends:
                        return late
                return answer.status_code, bytes(content)
        except httpx2.TimeoutException:
            return late
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, UnicodeError) as error:
            return Unavailable(f"{where} does not answer: {error or type(error).__name__}")

    def _headers(self) -> dict[str, str]:
        if not self._token_file:
            return {}
        return {"authorization": f"Bearer {self._token_file.read_text().strip()}"}

    def _read(self, answer: httpx2.Response, body: Any) -> Answer | Unavailable:
        try:
            if body["status"] != "success":
                return Unavailable(f"Prometheus refuses the query: {body.get('error', body)}")
            series = tuple(series_of(item) for item in body["data"]["result"])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            return Unavailable(
                f"{shown_address(self._url)} answers {answer.status_code}, not as Prometheus "
                f"does: {error!r}"
            )
        return Answer(series, self._now(answer))

    def _now(self, answer: httpx2.Response) -> float:
        try:
            return parsedate_to_datetime(answer.headers["date"]).timestamp()
        except (KeyError, ValueError):
            return self._clock()


def _trust(ca_file: Path) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=str(ca_file))
    except OSError as error:
        raise TidegateError(
            f"ca_file {ca_file}: {error}: give the PEM file of the CA that signed Prometheus"
        ) from error


def series_of(item: Mapping[str, Any]) -> Series:
    """One series of an answer to a range selector."""
    read = [(float(at), float(value)) for at, value in item.get("values", ())]
    good = tuple((at, value) for at, value in read if math.isfinite(value) and value >= 0)
    return Series(
        item["metric"],
        good,
        tuple(at for at, value in read if not math.isfinite(value) or value < 0),
    )
