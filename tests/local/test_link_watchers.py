"""Watchers on the link come and go, and one that does not read holds up nobody."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tidegate.core.intent import EndpointKey
from tidegate_local.home import free_port
from tidegate_local.plane.link import Remote, Server

KEY = EndpointKey("team", "fraud")


class Plane:
    """Tells its watchers what a test says."""

    def __init__(self) -> None:
        self.watchers: list[Callable[[EndpointKey], None]] = []
        self.came = threading.Event()
        self.left = threading.Event()

    def watch(self, wake: Callable[[EndpointKey], None]) -> Callable[[], None]:
        self.watchers.append(wake)
        self.came.set()

        def stop() -> None:
            self.watchers.remove(wake)
            self.left.set()

        return stop


class Link:
    """A plane, its server, and what a worker needs to reach it."""

    def __init__(self, folder: Path) -> None:
        self.plane = Plane()
        self.port = free_port()
        self.key = folder / "key"
        self.server = Server(self.plane, self.port, self.key)

    def remote(self) -> Remote:
        return Remote(self.port, self.key)


@pytest.fixture
def link(tmp_path: Path) -> Iterator[Link]:
    made = Link(tmp_path)
    yield made
    made.server.close()


def test_a_change_wakes_every_watcher(link: Link) -> None:
    woken: list[threading.Event] = [threading.Event(), threading.Event()]
    for event in woken:
        link.plane.came.clear()
        link.remote().watch(lambda key, item=event: item.set())
        assert link.plane.came.wait(10)
    for watcher in link.plane.watchers:
        watcher(KEY)
    assert all(item.wait(10) for item in woken)


def test_a_watcher_that_does_not_read_holds_up_nobody(link: Link) -> None:
    """More changes than any socket takes, while the other end is busy."""
    go = threading.Event()
    link.remote().watch(lambda key: go.wait(30) and None)
    assert link.plane.came.wait(10)
    (watcher,) = link.plane.watchers
    for _ in range(20_000):
        watcher(KEY)
    go.set()


def test_a_watcher_that_leaves_is_forgotten(link: Link) -> None:
    stop = link.remote().watch(lambda key: None)
    assert link.plane.came.wait(10)
    stop()
    assert link.plane.left.wait(10)
    assert link.plane.watchers == []
