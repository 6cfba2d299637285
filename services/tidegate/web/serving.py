"""Serve an app under uvicorn, and leave in order: say "not ready" for a while, then close the
door."""

import signal
import threading
from collections.abc import Callable
from types import FrameType

import uvicorn
from fastapi import FastAPI

CLOSE_TIMEOUT_S = 10


class Server(uvicorn.Server):
    """Calls `begin_stop` and goes on answering for `drain` seconds before it closes its door."""

    def __init__(
        self, config: uvicorn.Config, drain: float, begin_stop: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._drain = drain
        self._begin_stop = begin_stop
        self._stopping = False

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The first SIGTERM drains; SIGINT, or a second one, closes at once. Either way the exit
        code is 0."""
        hurry = sig == signal.SIGINT or self._stopping
        self._stopping = True
        self._begin_stop()
        if hurry:
            self._close()
        else:
            timer = threading.Timer(self._drain, self._close)
            timer.daemon = True  # it must not outlive a door that was closed in a hurry
            timer.start()

    def _close(self) -> None:
        self.should_exit = True


def serve(app: FastAPI, host: str, port: int, drain: float, begin_stop: Callable[[], None]) -> None:
    """Serve until SIGTERM or SIGINT."""
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        server_header=False,
        # who calls is told by the connection or a token, never by X-Forwarded-For
        proxy_headers=False,
        timeout_graceful_shutdown=CLOSE_TIMEOUT_S,
    )
    Server(config, drain, begin_stop).run()
