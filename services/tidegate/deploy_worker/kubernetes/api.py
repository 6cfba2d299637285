"""One thin layer over the Kubernetes client: a call, a watch, and their closed results.

Objects stay plain JSON: the generated models would have to know every version of KServe's kinds.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any, Protocol

from kubernetes.client.exceptions import ApiException
from prometheus_client import Counter
from urllib3.exceptions import HTTPError, ReadTimeoutError

from tidegate.core.ports import Unavailable

REQUESTS = Counter(
    "tidegate_kubernetes_requests_total",
    "Requests to the API server; status 0: nobody answered.",
    ["method", "status"],
)
APPLY = "application/apply-patch+yaml"
JSON_PATCH = "application/json-patch+json"
Query = Mapping[str, str]
_UNAUTHORISED = re.compile(r'User ".*" cannot \w+ ')


@dataclass(frozen=True, slots=True)
class Answer:
    """What the API server said. body: parsed JSON, {} where it was none. retry_after: seconds, from
    the header. date: epoch seconds by the server's clock."""

    status: int
    body: Mapping[str, Any]
    retry_after: float | None = None
    date: float | None = None

    @property
    def ok(self) -> bool:
        """2xx."""
        return 200 <= self.status < 300

    @property
    def unauthorised(self) -> bool:
        """The authoriser said no, not an admission: no role permits it, or none is known yet. An
        API server that has just started says so for a moment, until it has read its roles."""
        return self.status == 403 and _UNAUTHORISED.search(self.words) is not None

    @property
    def unserved(self) -> bool:
        """The server knows no such kind. Where only the object is missing its 404 names that
        object; an unknown kind gets plain text, or a Status without a name, as an admission
        webhook's no may. A server that has just started says so for a moment."""
        named = (self.body.get("details") or {}).get("name")
        return self.status == 404 and not named and "denied the request" not in self.words

    @property
    def words(self) -> str:
        """The server's message, for people."""
        return str(self.body.get("message") or f"HTTP status {self.status}")


@dataclass(slots=True)
class Stream:
    """The events of a watch, until the server ends it or is silent for too long. `trouble` says
    afterwards why it broke, None where it ended in order. `abort` may be called from another
    thread."""

    _raw: Any
    trouble: str | None = None
    _aborted: bool = field(default=False)

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        rest = b""
        try:
            for chunk in self._raw.stream(65536, decode_content=True):
                *lines, rest = (rest + chunk).split(b"\n")
                for line in filter(None, lines):
                    yield json.loads(line)
        except ReadTimeoutError:
            return  # silence: nothing is wrong that a new watch would not tell
        except (HTTPError, OSError, ValueError, AttributeError) as error:
            # ValueError: half a line before the connection broke, or a reader closed under it.
            if self._aborted:
                self.trouble = "stopped"
            else:
                self.trouble = _describe(error)
        finally:
            self._raw.close()

    def abort(self) -> None:
        """End the stream now."""
        self._aborted = True
        try:
            self._raw.shutdown()
        except (OSError, RuntimeError, ValueError):
            self._raw.close()


class Api(Protocol):
    """What the adapter asks of an API server."""

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: Query | None = None,
        content_type: str = "application/json",
        timeout: float = 5.0,
    ) -> Answer | Unavailable:
        """One attempt. timeout: seconds for the connection and for each read."""

    def text(self, path: str, query: Query, timeout: float) -> str | Answer | Unavailable:
        """A GET whose answer is text, as a log is; an Answer is a refusal."""

    def watch(self, path: str, query: Query, silence: float) -> Stream | Answer | Unavailable:
        """Begin a watch; an Answer is a refusal. silence: seconds without a byte after which it
        breaks."""


class KubeApi:
    """Api by the official client. Safe to use from several threads."""

    def __init__(self, client: Any, connect_timeout: float = 5.0) -> None:
        self._client = client
        self._connect = connect_timeout

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: Query | None = None,
        content_type: str = "application/json",
        timeout: float = 5.0,
    ) -> Answer | Unavailable:
        """See Api."""
        raw = self._send(method, path, body, query or {}, content_type, timeout)
        if isinstance(raw, Unavailable):
            return raw
        try:
            return _answer(raw, raw.data)
        except (HTTPError, OSError) as error:
            return Unavailable(f"{method} {path}: {_describe(error)}")

    def text(self, path: str, query: Query, timeout: float) -> str | Answer | Unavailable:
        """See Api."""
        raw = self._send(
            "GET", path, None, query, "application/json", timeout, accept="application/json, */*"
        )
        if isinstance(raw, Unavailable):
            return raw
        try:
            data = raw.data
        except (HTTPError, OSError) as error:
            return Unavailable(f"GET {path}: {_describe(error)}")
        if raw.status == 200:
            return str(data.decode(errors="replace"))
        return _answer(raw, data)

    def watch(self, path: str, query: Query, silence: float) -> Stream | Answer | Unavailable:
        """See Api."""
        raw = self._send(
            "GET", path, None, {**query, "watch": "true"}, "application/json", silence, "WATCH"
        )
        if isinstance(raw, Unavailable):
            return raw
        if raw.status == 200:
            return Stream(raw)
        try:
            return _answer(raw, raw.data)
        except (HTTPError, OSError) as error:
            return Unavailable(f"watch {path}: {_describe(error)}")

    def _send(
        self,
        method: str,
        path: str,
        body: Any,
        query: Query,
        content_type: str,
        timeout: float,
        counted: str = "",
        accept: str = "application/json",
    ) -> Any:
        headers = {"Accept": accept, "Content-Type": content_type}
        try:
            request = self._client.param_serialize(
                method,
                path,
                query_params=list(query.items()),
                header_params=headers,
                body=body,
                auth_settings=["BearerToken"],
            )
            raw = self._client.call_api(
                *request, _request_timeout=(min(self._connect, timeout), timeout)
            ).response
        except (HTTPError, OSError, ApiException) as error:
            REQUESTS.labels(counted or method, "0").inc()
            return Unavailable(f"{method} {path}: {_describe(error)}")
        REQUESTS.labels(counted or method, str(raw.status)).inc()
        return raw


def _answer(raw: Any, data: bytes) -> Answer:
    try:
        body = json.loads(data)
    except ValueError:  # a proxy's page, or nothing
        body = {}
    if not isinstance(body, Mapping):
        body = {}
    return Answer(
        raw.status, body, _seconds(raw.headers.get("Retry-After")), _date(raw.headers.get("Date"))
    )


def _seconds(header: str | None) -> float | None:
    if header is not None and header.isdecimal():
        return float(header)
    return None


def _date(header: str | None) -> float | None:
    try:
        if not header:
            return None
        return parsedate_to_datetime(header).timestamp()
    except ValueError:
        return None


def _describe(error: Exception) -> str:
    reason = getattr(error, "reason", None)
    return f"{type(error).__name__}: {reason or error}"
