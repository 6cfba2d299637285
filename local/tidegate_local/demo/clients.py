"""The clients of the demo: a process that sends steadily."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tidegate_local.demo.stage import Stage


@dataclass(frozen=True, slots=True)
class Clients:
    """report: where they write what came of their requests."""

    process: subprocess.Popen[bytes]
    report: Path

    def turn_negative(self) -> None:
        """From now on they send negative numbers."""
        self.process.send_signal(signal.SIGUSR1)


@contextmanager
def sending(stage: Stage, address: str) -> Iterator[Clients]:
    """Steady requests until the block ends; HTTP and gRPC in standard mode, HTTP in knative
    mode."""
    protocols = "http,http,http"
    if stage.mode == "standard":
        protocols = "http,http,grpc"
    report = stage.folder / "load.json"
    command = [
        sys.executable,
        "-m",
        "tidegate_local.demo.load",
        "--url",
        address,
        "--report",
        str(report),
    ]
    process = subprocess.Popen([*command, "--protocols", protocols])
    stage.say(f"steady load: 500 requests per second by tritonclient ({protocols})")
    try:
        yield Clients(process, report)
    finally:
        process.terminate()
        process.wait(timeout=60)
