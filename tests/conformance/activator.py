"""Stands in for Knative's activator: tells the real autoscaler each second how many requests a
revision has.

Without an activator the autoscaler knows nothing (nobody answers at the pods' addresses) and scales
nothing. The real one speaks to it over a WebSocket (RFC 6455) in protocol buffers:
pkg/autoscaler/metrics/stat.proto of Knative Serving.
"""

import base64
import contextlib
import json
import os
import re
import socket
import struct
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from tidegate.core.drivers.rendering import REVISION
from tidegate_local.devcluster.cluster import DevCluster
from tidegate_local.devcluster.kube import KubeError

SERVING = "serving.knative.dev/v1"
PERIOD_S = 1.0
QUICK = {
    "autoscaling.knative.dev/window": "6s",  # the shortest that Knative takes
    # The activator stays in the path, so the autoscaler does not look for it there before it goes
    # to zero.
    "autoscaling.knative.dev/target-burst-capacity": "-1",
}


class Activator:
    """Speaks for every revision of the namespaces in `served`; `asked`: (namespace, revision label)
    -> requests that are under way at any time, 0 where nothing is said."""

    def __init__(self, dev: DevCluster) -> None:
        self.served: set[str] = set()
        self.asked: dict[tuple[str, str], float] = {}
        self._dev = dev
        self._autoscaler = _connect(dev)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def close(self) -> None:
        """End."""
        self._stop.set()
        self._thread.join()
        self._autoscaler.close()

    def _run(self) -> None:
        while not self._stop.wait(PERIOD_S):
            with contextlib.suppress(KubeError):  # it is said again
                text = b"".join(self._of(namespace) for namespace in tuple(self.served))
                if text:
                    self._autoscaler.sendall(_frame(text))

    def _of(self, namespace: str) -> bytes:
        manifests = self._dev.kube.items(SERVING, "Revision", namespace)
        messages = (
            (manifest["metadata"]["name"], manifest["metadata"]["labels"].get(REVISION, ""))
            for manifest in manifests
        )
        return b"".join(
            message(namespace, name, self.asked.get((namespace, label), 0.0))
            for name, label in messages
        )


def message(namespace: str, revision: str, concurrency: float) -> bytes:
    """One `messages` entry of WireStatMessages."""
    numbers = struct.pack("<BdBd", 2 << 3 | 1, concurrency, 4 << 3 | 1, concurrency)
    stat = _text(1, "activator") + numbers + bytes([7 << 3]) + _varint(int(time.time()))
    entry = _text(1, namespace) + _text(2, revision) + _bytes(3, stat)
    return _bytes(1, entry)


def _text(field: int, text: str) -> bytes:
    return _bytes(field, text.encode())


def _bytes(field: int, content: bytes) -> bytes:
    return bytes([field << 3 | 2]) + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    result = bytearray()
    while number > 0x7F:
        result.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*result, number])


def _frame(payload: bytes) -> bytes:
    """One binary frame; what a client sends is masked, here with zeros, which change nothing."""
    size = len(payload)
    if size < 126:
        length = bytes([0x80 | size])
    else:
        length = bytes([0x80 | 126]) + struct.pack(">H", size)
    return bytes([0x82]) + length + bytes(4) + payload


def _connect(dev: DevCluster) -> socket.socket:
    """A WebSocket to the port of the autoscaler that speaks it: it chose its ports by itself."""
    pid = json.loads((dev.places.run / "knative-autoscaler.pid").read_text())["pid"]
    for port in _ports(pid):
        made = socket.create_connection(("127.0.0.1", port), timeout=5.0)
        key = base64.b64encode(os.urandom(16)).decode()
        headers = f"Host: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13"
        made.sendall(f"GET / HTTP/1.1\r\n{headers}\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode())
        with contextlib.suppress(OSError):
            if b" 101 " in made.recv(4096):
                return made
        made.close()
    raise AssertionError(f"no port of the autoscaler (process {pid}) takes statistics")


def _ports(pid: int) -> Iterator[int]:
    """TCP ports of 127.0.0.1 on which a process listens (proc(5))."""
    links = (str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir())
    sockets = {match[1] for link in links if (match := re.fullmatch(r"socket:\[(\d+)\]", link))}
    for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]:
        local, state, inode = (line.split()[i] for i in (1, 3, 9))
        if state == "0A" and inode in sockets:
            yield int(local.partition(":")[2], 16)
