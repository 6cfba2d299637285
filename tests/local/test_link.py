"""The wire between the plane and the worker: calls, watches, and what happens when the other end
goes."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tidegate.core.evidence import Counters, Reading, Scrape
from tidegate.core.intent import EndpointKey
from tidegate.core.ports import (
    Apply,
    Capabilities,
    Conflict,
    Done,
    NoData,
    Refused,
    Snapshot,
    Unavailable,
)
from tidegate_local.home import free_port
from tidegate_local.plane.link import Remote, Server

KEY = EndpointKey("team", "fraud")


class Plane:
    """Answers what a test expects."""

    def __init__(self) -> None:
        self.wakes: list[Callable[[EndpointKey], None]] = []
        self.watched = threading.Event()

    def observe(self, key: EndpointKey) -> Snapshot:
        return Snapshot(key, ({"kind": "HTTPRoute", "metadata": {"name": key.name}},), 1.0)

    def write(self, write: Apply, *, dry_run: bool = False) -> Done | Refused:
        if dry_run:
            return Refused(f"no: {write.message}")
        return Done()

    def capabilities(self) -> Capabilities:
        return Capabilities(gpu=False)

    def scrape(self, key: EndpointKey) -> Scrape:
        return Scrape(2.0, (Reading("envoy-1/http", 1, Counters(3, 1)),))

    def explain(self, key: EndpointKey, revision: int) -> tuple[str, ...]:
        return (f"r{revision} is odd",)

    def watch(self, wake: Callable[[EndpointKey], None]) -> Callable[[], None]:
        self.wakes.append(wake)
        self.watched.set()
        return lambda: self.wakes.remove(wake)


@pytest.fixture
def plane() -> Plane:
    return Plane()


@pytest.fixture
def remote(plane: Plane, tmp_path: Path) -> Iterator[Remote]:
    port = free_port()
    server = Server(plane, port, tmp_path / "key")
    yield Remote(port, tmp_path / "key")
    server.close()


def test_values_arrive_as_they_were_sent(remote: Remote, plane: Plane) -> None:
    write = Apply({"kind": "HTTPRoute", "metadata": {"name": "fraud"}}, None, "a test")
    assert remote.observe(KEY) == plane.observe(KEY)
    assert remote.write(write) == Done()
    assert remote.write(write, dry_run=True) == Refused("no: a test")
    assert remote.capabilities() == Capabilities(gpu=False)
    assert remote.scrape(KEY) == plane.scrape(KEY)
    assert remote.explain(KEY, 4) == ("r4 is odd",)


def test_a_change_of_the_plane_wakes_the_watcher(remote: Remote, plane: Plane) -> None:
    woken: list[EndpointKey] = []
    event = threading.Event()

    def wake(key: EndpointKey) -> None:
        woken.append(key)
        event.set()

    stop = remote.watch(wake)
    assert plane.watched.wait(10)
    plane.wakes[0](KEY)
    assert event.wait(10)
    assert woken == [KEY]
    stop()


def test_nobody_at_the_other_end_is_an_answer_not_an_error(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"x" * 32)
    gone = Remote(free_port(), tmp_path / "key")
    assert isinstance(gone.observe(KEY), Unavailable)
    assert isinstance(gone.write(Apply({}, None, "")), Unavailable)
    assert isinstance(gone.scrape(KEY), NoData)
    assert gone.explain(KEY, 1) == ()


def test_a_wrong_key_is_refused(plane: Plane, tmp_path: Path) -> None:
    port = free_port()
    server = Server(plane, port, tmp_path / "key")
    (tmp_path / "other").write_bytes(b"y" * 32)
    assert isinstance(Remote(port, tmp_path / "other").observe(KEY), Unavailable)
    assert isinstance(Remote(port, tmp_path / "key").observe(KEY), Snapshot)
    server.close()


def test_conflict_crosses_too(remote: Remote, plane: Plane) -> None:
    plane.write = lambda write, dry_run=False: Conflict("look again")  # type: ignore[method-assign]
    assert remote.write(Apply({}, "uid", "")) == Conflict("look again")
