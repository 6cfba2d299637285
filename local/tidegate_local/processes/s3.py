"""An S3 server on a local port: moto in a supervised process. What it holds is in memory and gone
after a stop."""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx2

from tidegate.core.errors import TidegateError
from tidegate.staging.sources import S3Access, client
from tidegate_local.processes.process import Backoff, Spec, State
from tidegate_local.processes.supervisor import Supervisor

NAME = "s3"


class S3Error(TidegateError):
    """The S3 server did not start."""


class S3Server:
    """moto's server. Its keys are public: it holds demo models, on 127.0.0.1."""

    def __init__(
        self,
        log: Path,
        supervisor: Supervisor,
        port: int,
        *,
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        self._log = log
        self._supervisor = supervisor
        self._port = port
        self._clock = clock
        self._wait = wait

    @property
    def access(self) -> S3Access:
        """How to reach it."""
        return S3Access(f"http://127.0.0.1:{self._port}", "us-east-1", "local", "local")

    def start(self, *buckets: str, seconds: float = 30.0) -> S3Access:
        """Start it unless it runs, and make the buckets."""
        status = self._supervisor.status(NAME)
        if status is None or status.state is State.STOPPED:
            command = [
                sys.executable,
                "-m",
                "moto.server",
                "-H",
                "127.0.0.1",
                "-p",
                str(self._port),
            ]
            # Credentials of the user must not reach a stand-in, nor its SDK calls reach out.
            environ = {
                key: value for key, value in os.environ.items() if not key.startswith("AWS_")
            }
            self._supervisor.start(
                Spec(NAME, lambda: command, self._log, environ, backoff=Backoff(0.2, 5.0, 30.0))
            )
        self._await(seconds)
        reach = client(self.access)
        there = {bucket["Name"] for bucket in reach.list_buckets()["Buckets"]}
        for bucket in set(buckets) - there:
            reach.create_bucket(Bucket=bucket)
        return self.access

    def stop(self) -> None:
        """Stop it; not running is fine."""
        self._supervisor.stop(NAME)

    def _await(self, seconds: float) -> None:
        deadline = self._clock() + seconds
        while True:
            try:
                httpx2.get(
                    f"http://127.0.0.1:{self._port}/moto-api/data.json", timeout=2.0
                ).raise_for_status()
            except httpx2.HTTPError as error:
                if self._clock() >= deadline:
                    tail = self._supervisor.log(NAME)[-1000:]
                    raise S3Error(
                        f"the S3 server did not answer within {seconds:g} s: {error}\n{tail}"
                    ) from error
                self._wait(0.05)
            else:
                return
