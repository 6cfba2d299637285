"""What a command touches outside of the API: streams, environment, clocks. One value, so that tests bring their own."""

import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TextIO


@dataclass(frozen=True, slots=True)
class World:
    """now: epoch seconds, for ages. clock: monotonic seconds, for time-outs. sleep: between looks of a watch."""

    environ: Mapping[str, str]
    stdin: TextIO
    stdout: TextIO
    stderr: TextIO
    now: Callable[[], float] = time.time
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    @staticmethod
    def real() -> "World":
        """The process's own."""
        return World(os.environ, sys.stdin, sys.stdout, sys.stderr)
