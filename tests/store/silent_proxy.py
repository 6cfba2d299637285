"""A TCP proxy before Postgres that can fall mute: it takes every byte, and hands on none."""

import socket
import threading
from contextlib import suppress


class SilentProxy:
    """Connections to `port` lead to `target`."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self._silent: set[socket.socket] = set()
        self._open: list[socket.socket] = []
        self.mute_new = False
        threading.Thread(target=self._accept, daemon=True).start()

    def mute(self) -> None:
        """Every connection that is open now gets no answer any more, and no end."""
        self._silent.update(self._open)

    def close(self) -> None:
        """End all of it."""
        for each in (self._server, *self._open):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._server.accept()
                self._open.append(client)
                if self.mute_new:
                    self._silent.add(client)
                server = socket.create_connection(("127.0.0.1", self._target))
                self._open.append(server)
                for pair in ((client, server), (server, client)):
                    threading.Thread(target=self._carry, args=pair, daemon=True).start()

    def _carry(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while True:
                data = source.recv(65536)
                if not data:
                    break
                if not {source, sink} & self._silent:
                    sink.sendall(data)
        if not {source, sink} & self._silent:
            with suppress(OSError):
                sink.shutdown(socket.SHUT_WR)
