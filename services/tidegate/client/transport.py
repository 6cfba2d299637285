"""One HTTP connection pool, one way to call: problems are raised, everything else is the JSON that
was answered."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx2

from tidegate.client.errors import Unreachable, problem_of
from tidegate.core.shown_address import shown_address

Json = dict[str, Any]
Prepare = Callable[[Json], Json]
STREAM_TIMEOUT_S = 60.0  # the service sends a comment far more often


class Transport:
    """base_url: of the service, with or without a path prefix; `/api/v1` is appended. timeout:
    seconds."""

    def __init__(
        self,
        base_url: str,
        token: str = "",
        *,
        timeout: float = 30.0,
        transport: httpx2.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        headers = {}
        if token:
            headers = {"Authorization": f"Bearer {token}"}
        self.base_url = base_url.rstrip("/")
        self.sleep = sleep
        self._http = httpx2.Client(
            base_url=self.base_url,
            headers=headers,
            timeout=timeout,
            transport=transport,
            follow_redirects=False,
            trust_env=not is_loopback(
                self.base_url
            ),  # a proxy of the environment cannot reach this machine's own
        )

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str | None] | None = None,
    ) -> Json:
        """The answer's JSON. None among params and headers is left out. Raises ApiProblem,
        Unreachable."""
        try:
            response = self._http.request(
                method,
                path,
                json=body,
                params=_without_nones(params),
                headers=_texts(_without_nones(headers)),
            )
        except (httpx2.TransportError, httpx2.InvalidURL) as error:
            raise self._unreachable(error) from error
        if not response.is_success:
            raise problem_of(response)
        result: Json = response.json()
        return result

    @contextmanager
    def stream(
        self, path: str, params: Mapping[str, Any], last_event_id: str | None
    ) -> Iterator[httpx2.Response]:
        """An open event stream. Raises ApiProblem, Unreachable."""
        headers = {
            "Accept": "text/event-stream",
            **({"Last-Event-ID": last_event_id} if last_event_id else {}),
        }
        try:
            with self._http.stream(
                "GET",
                path,
                params=_without_nones(params),
                headers=headers,
                timeout=STREAM_TIMEOUT_S,
            ) as response:
                if not response.is_success:
                    response.read()
                    raise problem_of(response)
                yield response
        except httpx2.TransportError as error:
            raise self._unreachable(error) from error

    def _unreachable(self, error: Exception) -> Unreachable:
        return Unreachable(
            f"{shown_address(str(self.base_url))} does not answer "
            f"({str(error) or type(error).__name__}): is it up?"
        )


def as_it_came(answer: Json) -> Json:
    """The same."""
    return answer


def _without_nones(values: Mapping[str, Any] | None) -> dict[str, Any]:
    return {name: value for name, value in (values or {}).items() if value is not None}


def _texts(values: dict[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in values.items()}


def is_loopback(url: str) -> bool:
    """Whether it is on this machine."""
    return urlsplit(url).hostname in ("127.0.0.1", "localhost", "::1")
