"""Fixtures of the local plane's tests: a folder, a supervisor, a real Envoy, stand-ins for model servers."""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tidegate.local.envoy import Envoy
from tidegate.local.home import Home, free_port
from tidegate.local.supervisor import Supervisor


class Upstream:
    """A small HTTP server where Envoy itself is under test. Answers every request with `status` and its name;
    `hold` keeps requests waiting while it is cleared."""

    def __init__(self, name: str, status: int = 200) -> None:
        self.name, self.status, self.served = name, status, 0
        self.hold, self.entered = threading.Event(), threading.Event()
        self.hold.set()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                self.rfile.read(int(self.headers.get("content-length", 0)))
                outer.entered.set()
                outer.hold.wait(30)
                outer.served += 1
                body = outer.name.encode()
                self.send_response(outer.status)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_GET  # noqa: N815

            def log_message(self, *_: object) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        """Stop listening."""
        self.hold.set()
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def serve() -> Iterator[Callable[[str], Upstream]]:
    """Starts an upstream by name."""
    made: list[Upstream] = []

    def start(name: str) -> Upstream:
        made.append(Upstream(name))
        return made[-1]

    yield start
    for one in made:
        one.close()


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
