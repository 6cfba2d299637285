"""Start the local plane in the background and stop it, telling how far it is."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tidegate.core.errors import TidegateError
from tidegate_local.home import Home
from tidegate_local.plane.options import STATE, Options
from tidegate_local.plane.remembered import remember
from tidegate_local.processes.process import alive

_POLL_S = 0.1


class LaunchError(TidegateError):
    """The plane did not start or stop; says why and where to look."""


def state(home: Path) -> dict[str, Any] | None:
    """What plane.json says, None when no plane runs there (a killed one counts as none)."""
    try:
        content: dict[str, Any] = json.loads((home / STATE).read_text())
    except (OSError, ValueError):
        return None
    if alive(int(content.get("pid", 0))) or content.get("state") == "failed":
        return content
    return None


def up(options: Options, say: Callable[[str], None], seconds: float = 600.0) -> dict[str, Any]:
    """Start it unless it runs; returns when the API answers. The first start installs
    tritonserver."""
    home = Home(options.home).create()
    content = state(options.home)
    process = None
    if content is None or content["state"] == "failed":
        process = _spawn(options, home)
    elif content["state"] == "ready":
        say("it runs already; options take hold after `tidegate down`")
        return content
    ready = _follow(options.home, process, home.logs / "plane.log", say, seconds)
    if process is not None:  # what somebody else starts, they remember
        remember(options)
    return ready


def down(home: Path, say: Callable[[str], None], seconds: float = 90.0) -> bool:
    """Stop it and wait until it is gone; False when none ran."""
    content = state(home)
    if content is None or content["state"] == "failed":
        return False
    pid = int(content["pid"])
    os.kill(pid, signal.SIGTERM)
    say("stopping")
    deadline = time.monotonic() + seconds
    while alive(pid):
        if time.monotonic() > deadline:
            raise LaunchError(
                f"the local plane (pid {pid}) is still stopping after {seconds:.0f} s; see "
                f"{home}/logs"
            )
        time.sleep(_POLL_S)
    return True


def _spawn(options: Options, home: Home) -> subprocess.Popen[bytes]:
    (home.root / STATE).unlink(missing_ok=True)
    flags = {
        "--home": options.home,
        "--api-port": options.api_port,
        "--workers": options.workers,
        "--interval": options.interval,
        "--drain": options.drain,
        "--limit": options.limit,
        "--database-url": options.database_url,
    }
    command = [
        sys.executable,
        "-m",
        "tidegate_local.plane.daemon",
        *(str(part) for pair in flags.items() for part in pair),
    ]
    with (home.logs / "plane.log").open("ab") as log:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _follow(
    home: Path,
    process: subprocess.Popen[bytes] | None,
    log: Path,
    say: Callable[[str], None],
    seconds: float,
) -> dict[str, Any]:
    deadline = time.monotonic() + seconds
    step = ""
    while time.monotonic() < deadline:
        content = state(home)
        if content is not None:
            if content["state"] == "ready":
                return content
            if content["state"] == "failed":
                raise LaunchError(f"the local plane did not start: {content['step']} (log: {log})")
            if content["step"] != step:
                step = content["step"]
                say(step)
        elif process is not None and process.poll() is not None:
            raise LaunchError(
                f"the local plane ended with exit code {process.returncode}: {_last_line(log)} "
                f"({log})"
            )
        time.sleep(_POLL_S)
    raise LaunchError(
        f"the local plane was not ready within {seconds:.0f} s; last: {step or 'nothing'} (log: "
        f"{log})"
    )


def _last_line(log: Path) -> str:
    lines = []
    if log.exists():
        lines = log.read_text(errors="replace").strip().splitlines()
    if lines:
        return lines[-1]
    return "no output"
