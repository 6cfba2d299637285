"""What a command touches outside of the API: streams, environment, clocks. One value, so that tests
bring their own."""

import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TextIO

import httpx2


@dataclass(frozen=True, slots=True)
class World:
    """now: epoch seconds, for ages. clock: monotonic seconds, for time-outs. sleep: between
    readings of a watch. patience: seconds without a word before one is said. deadline: seconds that
    a shell waits for what it offers. transport: the way to the API, None: the network."""

    environ: Mapping[str, str]
    stdin: TextIO
    stdout: TextIO
    stderr: TextIO
    now: Callable[[], float] = time.time
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    patience: float = 2.0
    deadline: float = 1.0
    transport: httpx2.BaseTransport | None = None

    @staticmethod
    def real() -> "World":
        """The process's own."""
        return World(os.environ, sys.stdin, sys.stdout, sys.stderr)
