"""Whether a process answers its health check."""

import time
from pathlib import Path

import httpx2

from tidegate_local.devcluster.control_plane import ClusterError

_POLL_S = 0.05


def await_ok(name: str, url: str, log: Path, seconds: float) -> None:
    """Ask until the answer is 200. Raises ClusterError with the last line of the log."""
    deadline = time.monotonic() + seconds
    with httpx2.Client(timeout=2.0, trust_env=False) as http:
        while True:
            try:
                if http.get(url).status_code == 200:
                    return
            except httpx2.HTTPError:
                pass
            if time.monotonic() > deadline:
                lines = []
                if log.exists():
                    lines = log.read_text(errors="replace").strip().splitlines()
                message = "nothing"
                if lines:
                    message = lines[-1][:400]
                raise ClusterError(
                    f"{name} was not ready within {seconds:g} s; it said: {message} (log: {log})"
                )
            time.sleep(_POLL_S)
