"""Steady real load by unmodified tritonclients, in a process of its own: `python -m
tidegate_local.demo.load`.

Each thread sends at a fixed pace, HTTP or gRPC. At SIGUSR1 the clients begin to send something
else: negative numbers. What was sent and what failed, by cause, is written
to a file a few times a second and at the end (SIGTERM).
"""

import argparse
import json
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tidegate_local.home import write_atomic

# Sends one request; whether it is of negative numbers
Call = Callable[[bool], None]
_SUMS = (0.0, 2.0, 4.0, 6.0)


def _http(url: str, model: str) -> Call:
    import tritonclient.http as http

    client = http.InferenceServerClient(url, connection_timeout=5.0, network_timeout=30.0)
    inputs = _inputs(http)
    return lambda negative: _check(client.infer(model, inputs[negative]), negative)


def _grpc(url: str, model: str) -> Call:
    import tritonclient.grpc as grpc

    client = grpc.InferenceServerClient(url)
    inputs = _inputs(grpc)

    def call(negative: bool) -> None:
        _check(client.infer(model, inputs[negative], client_timeout=30.0), negative)

    return call


def _inputs(module: Any) -> dict[bool, list[Any]]:
    return {negative: _of_sign(module, _sign(negative)) for negative in (False, True)}


def _of_sign(module: Any, sign: float) -> list[Any]:
    import numpy as np

    values = sign * np.arange(4, dtype=np.float32).reshape(1, 4)
    inputs = [module.InferInput(name, [1, 4], "FP32") for name in ("INPUT0", "INPUT1")]
    for item in inputs:
        item.set_data_from_numpy(values)
    return inputs


def _sign(negative: bool) -> float:
    if negative:
        return -1.0
    return 1.0


def _check(answer: Any, negative: bool) -> None:
    """A wrong sum is a failure like any other."""
    total = answer.as_numpy("OUTPUT0").ravel().tolist()
    if total != [_sign(negative) * each for each in _SUMS]:
        raise ValueError(f"wrong sum {total}")


class Load:
    """Threads that send, and what came of it."""

    def __init__(self, url: str, model: str, rate: float, protocols: list[str]) -> None:
        self._make = {"http": _http, "grpc": _grpc}
        self._url = url
        self._model = model
        self._protocols = protocols
        self._pause = len(protocols) / rate
        self._lock = threading.Lock()
        self._sent: Counter[str] = Counter()
        self._failed: Counter[str] = Counter()
        self.stop = threading.Event()
        self.negative = threading.Event()

    def run(self, report: Path) -> None:
        """Send until `stop`, writing the counts all the while."""
        threads = [
            threading.Thread(target=self._send, args=(p, n)) for n, p in enumerate(self._protocols)
        ]
        for thread in threads:
            thread.start()
        while not self.stop.wait(0.25):
            self._write(report)
        for thread in threads:
            thread.join(timeout=40)
        self._write(report)

    def _send(self, protocol: str, number: int) -> None:
        call = self._make[protocol](self._url, self._model)
        due = time.monotonic() + self._pause * number / len(self._protocols)
        while not self.stop.wait(max(0.0, due - time.monotonic())):
            due = max(due + self._pause, time.monotonic() - 1.0)  # catch up for a second at most
            cause = None
            try:
                call(self.negative.is_set())
            except Exception as error:  # whatever it is, it is a failed request, told by its words
                cause = f"{protocol}: {' '.join(str(error).split())[:120] or type(error).__name__}"
            with self._lock:
                self._sent[protocol] += 1
                if cause:
                    self._failed[cause] += 1

    def _write(self, report: Path) -> None:
        with self._lock:
            text = json.dumps({"sent": dict(self._sent), "failed": dict(self._failed)})
        write_atomic(report, text)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", required=True, help="host:port")
    parser.add_argument("--model", default="add_sub")
    parser.add_argument(
        "--rate", type=float, default=500.0, help="requests per second, all threads together"
    )
    parser.add_argument("--protocols", default="http,http,grpc", help="one thread each")
    parser.add_argument("--report", type=Path, required=True)
    arguments = parser.parse_args()
    load = Load(arguments.url, arguments.model, arguments.rate, arguments.protocols.split(","))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: load.stop.set())
    signal.signal(signal.SIGUSR1, lambda *_: load.negative.set())
    load.run(arguments.report)


if __name__ == "__main__":
    main()
