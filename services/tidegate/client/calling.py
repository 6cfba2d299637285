"""What every call of the REST API has in common: options, pages, and answers that are read into the
service's own response models."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar
from urllib.parse import quote

from pydantic import BaseModel, ValidationError

from tidegate.client.errors import UnreadableAnswer
from tidegate.client.transport import Json, Prepare, Transport, as_it_came

API = "/api/v1"
M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")
Item = TypeVar("Item", covariant=True)


class Page(Protocol[Item]):
    """Part of a list, and where the rest begins."""

    @property
    def items(self) -> Sequence[Item]:
        """The part."""

    @property
    def next_page_token(self) -> str | None:
        """None on the last page."""


@dataclass(frozen=True, slots=True)
class Options:
    """How to change something. generation: the one decided on (If-Match). key: repeats are the same
    call."""

    dry_run: bool = False
    generation: int | None = None
    key: str | None = None

    @property
    def headers(self) -> dict[str, str | None]:
        """As headers."""
        match = None
        if self.generation is not None:
            match = f'"{self.generation}"'
        return {"If-Match": match, "Idempotency-Key": self.key}

    def params(self, **more: Any) -> dict[str, Any]:
        """As query parameters; what is false or None is left out."""
        parameters = {"dry_run": self.dry_run, **more}
        return {
            name: value
            for name, value in parameters.items()
            if value is not None and value is not False
        }


PLAIN = Options()


class Calls:
    """A connection to the service, and how its answers are read. See `Client`."""

    def __init__(
        self, base_url: str, token: str = "", *, prepare: Prepare = as_it_came, **more: Any
    ) -> None:
        self._http = Transport(base_url, token, **more)
        self._prepare = prepare

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _get(self, model: type[M], path: str, **params: Any) -> M:
        return self._read(
            model.model_validate, self._http.call("GET", f"{API}{path}", params=params)
        )

    def _change(
        self,
        model: type[M],
        method: str,
        path: str,
        body: Mapping[str, Any] | None,
        options: Options,
        **params: Any,
    ) -> M:
        query = options.params(**params)
        headers = options.headers
        answer = self._http.call(method, f"{API}{path}", body, params=query, headers=headers)
        return self._read(model.model_validate, answer)

    def _pages(
        self, validate: Callable[[Any], Page[Item]], path: str, **params: Any
    ) -> Iterator[Item]:
        token: str | None = None
        while True:
            query = {"page_token": token, **params}
            page = self._read(validate, self._http.call("GET", f"{API}{path}", params=query))
            yield from page.items
            token = page.next_page_token
            if token is None:
                return

    def _read(self, validate: Callable[[Any], T], answer: Json) -> T:
        try:
            return validate(self._prepare(answer))
        except ValidationError as error:
            raise UnreadableAnswer(self._http.base_url, error) from None


def of_run(body: Json, run_id: str | None) -> Json:
    """The body, with the pipeline run where there is one."""
    if run_id is None:
        return body
    return {**body, "run_id": run_id}


def part(text: str) -> str:
    """One segment of a path."""
    return quote(text, safe="")


def endpoint_path(namespace: str, name: str) -> str:
    return f"/endpoints/{part(namespace)}/{part(name)}"
