"""Reading server-sent events: the wire format, and going on where a broken stream ended."""

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import httpx2

from tidegate.client.errors import Unreachable

Connect = Callable[[str | None], AbstractContextManager[httpx2.Response]]


@dataclass(frozen=True, slots=True)
class Event:
    """One event. kind: `ledger` or `endpoint`. id: resumes after it."""

    kind: str
    data: Any
    id: str | None


def parse(lines: Iterable[str]) -> Iterator[Event]:
    """The events in the lines of a stream (HTML standard, section 9.2). A block cut off at the end
    is dropped: it comes again after the last whole one's id."""
    kind = "message"
    last = None
    data: list[str] = []
    for line in lines:
        if not line:
            if data:
                yield Event(kind, json.loads("\n".join(data)), last)
            kind = "message"
            data = []
            continue
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match name:
            case "event":
                kind = value
            case "data":
                data.append(value)
            case "id":
                last = value
            case _:
                pass  # comments, retry


def follow(
    connect: Connect, sleep: Callable[[float], None], last: str | None, patience: int
) -> Iterator[Event]:
    """Events over as many connections as it takes. Raises Unreachable after `patience` connections
    in a row that brought nothing; ApiProblem as soon as the service refuses."""
    silent = 0
    while True:
        try:
            with connect(last) as response:
                for event in parse(response.iter_lines()):
                    silent = 0
                    last = event.id or last
                    yield event
            silent = 0  # ended by the service, in good order
        except (httpx2.TransportError, Unreachable) as error:
            silent += 1
            if silent >= patience:
                raise Unreachable(
                    f"the event stream broke {silent} times in a row: {error}"
                ) from error
            sleep(min(0.2 * 2**silent, 5.0))
