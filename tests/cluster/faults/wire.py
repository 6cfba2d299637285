"""A wire between worker and API server that can be cut: a TCP forwarder, blind to the TLS that it
carries."""

import contextlib
import json
import random
import socket
import threading
from pathlib import Path

FRAYED = (5_000, 500_000)  # bytes
_CHUNK = 65536


class Wire:
    """Forwards connections on `port` of this machine to `target` until `close`."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._lock = threading.Lock()
        self._pairs: set[tuple[socket.socket, socket.socket]] = set()
        self._open = True
        self._chance: random.Random | None = None
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, name="wire", daemon=True).start()

    def cut(self) -> int:
        """Break every connection now; how many there were."""
        with self._lock:
            pairs = self._pairs
            self._pairs = set()
        for pair in pairs:
            _end(pair)
        return len(pairs)

    def fray(self, chance: random.Random | None) -> None:
        """From now on each connection breaks once the server has sent some thousands of bytes more:
        within a line, as a rule, and some lists need several attempts. None: no more of it."""
        self._chance = chance

    def refuse(self) -> None:
        """Break every connection, and take no new one until `mend`."""
        self._open = False
        self.cut()

    def mend(self) -> None:
        """Take connections again."""
        self._open = True

    def close(self) -> None:
        """End it."""
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            if not self._open:
                near.close()
                continue
            try:
                far = socket.create_connection(("127.0.0.1", self._target), timeout=5)
            except OSError:
                near.close()
                continue
            far.settimeout(None)
            pair = (near, far)
            with self._lock:
                self._pairs.add(pair)
            for source, sink, back in ((near, far, False), (far, near, True)):
                threading.Thread(
                    target=self._pump, args=(pair, source, sink, back), daemon=True
                ).start()

    def _pump(
        self,
        pair: tuple[socket.socket, socket.socket],
        source: socket.socket,
        sink: socket.socket,
        back: bool,
    ) -> None:
        left: int | None = None
        with contextlib.suppress(OSError):
            while data := source.recv(_CHUNK):
                if back and self._chance is not None:
                    left = (self._chance.randrange(*FRAYED) if left is None else left) - len(data)
                    if left < 0:
                        sink.sendall(data[: len(data) // 2])
                        break
                sink.sendall(data)
        with self._lock:
            self._pairs.discard(pair)
        _end(pair)


def _end(pair: tuple[socket.socket, socket.socket]) -> None:
    for item in pair:
        with contextlib.suppress(OSError):
            item.shutdown(socket.SHUT_RDWR)
        item.close()


def rewired(kubeconfig: Path, port: int) -> Path:
    """A copy of a kubeconfig, beside it, that leads to another port of this machine."""
    content = json.loads(kubeconfig.read_text())
    for entry in content["clusters"]:
        entry["cluster"]["server"] = f"https://127.0.0.1:{port}"
    made = kubeconfig.with_name("kubeconfig-wired")
    made.write_text(json.dumps(content))
    return made
