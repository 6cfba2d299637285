"""Fixtures of the local plane's tests: a folder, a supervisor, a real Envoy, stand-ins for model
servers."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.http_server import HttpServer, Reply, Request
from tidegate_local.home import Home, free_port
from tidegate_local.processes.envoy import Envoy
from tidegate_local.processes.supervisor import Supervisor


class Upstream:
    """A small HTTP server where Envoy itself is under test. Answers every request with `status` and
    its name; `hold` keeps requests waiting while it is cleared."""

    def __init__(self, name: str, status: int = 200) -> None:
        self.name = name
        self.status = status
        self.served = 0
        self.hold = threading.Event()
        self.entered = threading.Event()
        self.hold.set()
        self._server = HttpServer(self._answer)
        self.port = self._server.port

    def _answer(self, _: Request) -> Reply:
        self.entered.set()
        self.hold.wait(30)
        self.served += 1
        return Reply(self.name, self.status)

    def close(self) -> None:
        """Stop listening."""
        self.hold.set()
        self._server.close()


@pytest.fixture
def serve() -> Iterator[Callable[[str], Upstream]]:
    """Starts an upstream by name."""
    made: list[Upstream] = []

    def start(name: str) -> Upstream:
        made.append(Upstream(name))
        return made[-1]

    yield start
    for upstream in made:
        upstream.close()


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A plane's folder, with everything in its name that a shell would take apart."""
    return Home(tmp_path / "a plane's (home) & $more").create()


@pytest.fixture
def supervisor(home: Home) -> Iterator[Supervisor]:
    """Ends every process it started, and says so if one is left."""
    supervisor = Supervisor(home.run)
    yield supervisor
    supervisor.close()
    assert not list(home.run.glob("*.pid"))


@pytest.fixture
def envoy(home: Home, supervisor: Supervisor) -> Iterator[Envoy]:
    """A real Envoy without listeners."""
    envoy = Envoy(home, supervisor, free_port())
    envoy.start()
    assert envoy.ready()
    yield envoy
    envoy.stop()
