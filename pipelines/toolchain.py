"""Install kfp, once per machine: `python -m pipelines.toolchain` prints the Python that has it.

kfp pins an old Kubernetes client, so it cannot live beside the services: it gets a virtual
environment of its own in the cache, named by the hash of its locked requirements. It is built
beside its final name and renamed, under a lock.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tidegate.folders import cache_dir
from tidegate_local.home import locked

REQUIREMENTS = Path(__file__).parents[1] / "requirements" / "kfp.txt"


class ToolchainError(Exception):
    """kfp cannot be installed; says why."""


def location(cache: Path | None = None) -> Path:
    """The virtual environment for these requirements and this Python, whether it is there or
    not."""
    digest = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()[:12]
    return (
        cache or cache_dir()
    ) / f"kfp-{digest}-py{sys.version_info.major}.{sys.version_info.minor}"


def ensure(cache: Path | None = None) -> Path:
    """Install kfp unless it is there. The Python that has it. Raises ToolchainError."""
    root = location(cache)
    with locked(root.with_name(f"{root.name}.lock")):
        if not root.exists():
            _build(root)
    return root / "bin" / "python"


def _build(root: Path) -> None:
    beside = root.with_name(f"{root.name}.building")
    shutil.rmtree(beside, ignore_errors=True)
    print(f"installing kfp into {root} (60 MB, once)", file=sys.stderr)  # noqa: T201
    _run([sys.executable, "-m", "venv", str(beside)])
    pip = [
        str(beside / "bin" / "python"),
        "-m",
        "pip",
        "install",
        "--disable-pip-version-check",
        "--quiet",
    ]
    _run([*pip, "--require-hashes", "--no-deps", "-r", str(REQUIREMENTS)])
    beside.rename(root)
    print("kfp is installed", file=sys.stderr)  # noqa: T201


def _run(command: list[str]) -> None:
    environ = {
        key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "PYTHONHOME")
    }
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environ)
    if done.returncode != 0:
        tail = "\n".join((done.stdout + done.stderr).strip().splitlines()[-15:])
        raise ToolchainError(f"{' '.join(command)} failed with {done.returncode}:\n{tail}")


if __name__ == "__main__":
    try:
        print(ensure())  # noqa: T201
    except ToolchainError as failed:
        sys.exit(f"error: {failed}")
