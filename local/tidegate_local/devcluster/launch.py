"""Start the dev cluster in the background and stop it, telling how far it is."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tidegate.core.errors import TidegateError
from tidegate_local.devcluster.daemon import STATE
from tidegate_local.processes.process import alive

_POLL_S = 0.1


class LaunchError(TidegateError):
    """The dev cluster did not start or stop; says why and where to look."""


def state(root: Path) -> dict[str, Any] | None:
    """What cluster.json says; None when no dev cluster runs there (a killed one counts as none)."""
    try:
        content: dict[str, Any] = json.loads((root / STATE).read_text())
    except (OSError, ValueError):
        return None
    if alive(int(content.get("pid", 0))):
        return content
    return None


def up(
    root: Path, parts: Sequence[str], say: Callable[[str], None], seconds: float = 7200.0
) -> dict[str, Any]:
    """Start it unless it runs; returns when every part answers. The first start builds what is
    missing."""
    content = state(root)
    process = None
    if content is None:
        process = _spawn(root, parts)
    elif content["state"] == "ready":
        missing = set(parts) - set(content["parts"])
        if missing:
            names = ", ".join(sorted(missing))
            raise LaunchError(
                f"a dev cluster without {names} runs already: `tidegate dev cluster down` stops it"
            )
        return content
    return _follow(root, process, say, seconds)


def down(root: Path, say: Callable[[str], None], seconds: float = 60.0) -> bool:
    """Stop it and wait until it is gone; False when none ran."""
    content = state(root)
    if content is None:
        return False
    pid = int(content["pid"])
    os.kill(pid, signal.SIGTERM)
    say("stopping")
    deadline = time.monotonic() + seconds
    while alive(pid):
        if time.monotonic() > deadline:
            raise LaunchError(
                f"the dev cluster (pid {pid}) is still stopping after {seconds:.0f} s; see "
                f"{root}/logs"
            )
        time.sleep(_POLL_S)
    return True


def _spawn(root: Path, parts: Sequence[str]) -> subprocess.Popen[bytes]:
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    (root / STATE).unlink(missing_ok=True)
    command = [
        sys.executable,
        "-m",
        "tidegate_local.devcluster.daemon",
        "--home",
        str(root),
        "--parts",
        ",".join(parts),
    ]
    with (root / "daemon.log").open("ab") as log:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _follow(
    root: Path, process: subprocess.Popen[bytes] | None, say: Callable[[str], None], seconds: float
) -> dict[str, Any]:
    deadline = time.monotonic() + seconds
    step = ""
    log = root / "daemon.log"
    while time.monotonic() < deadline:
        content = _read(root)
        if content.get("state") == "ready":
            return content
        if content.get("state") == "failed":
            raise LaunchError(f"the dev cluster did not start: {content['step']} (log: {log})")
        if content.get("step", step) != step:
            step = content["step"]
            say(step)
        if process is not None and process.poll() is not None:
            raise LaunchError(
                f"the dev cluster ended with exit code {process.returncode} (log: {log})"
            )
        time.sleep(_POLL_S)
    raise LaunchError(
        f"the dev cluster was not ready within {seconds:.0f} s; last: {step or 'nothing'} (log: "
        f"{log})"
    )


def _read(root: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads((root / STATE).read_text())
    except (OSError, ValueError):
        return {}
    return content
