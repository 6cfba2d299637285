"""Install kfp, once per machine: `python -m pipelines.toolchain` prints the Python that has it.

kfp pins an old Kubernetes client, so it cannot live beside the services: it gets a virtual
environment of its own in the cache, named by the hash of its locked requirements (the extra `kfp`).
It is built under its final name, which pip writes into the first line of every command there, `kfp`
among them; a stamp says that it is whole, and a lock that only one process builds it.
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
WHOLE = ".whole"


class ToolchainError(Exception):
    """kfp cannot be installed; says why."""


def location(cache: Path | None = None, requirements: Path = REQUIREMENTS) -> Path:
    """The virtual environment for these requirements and this Python, whether it is there or
    not."""
    digest = hashlib.sha256(requirements.read_bytes()).hexdigest()[:12]
    name = f"kfp-{digest}-py{sys.version_info.major}.{sys.version_info.minor}"
    return (cache or cache_dir()) / name


def ensure(cache: Path | None = None, requirements: Path = REQUIREMENTS) -> Path:
    """Install kfp unless it is there. The Python that has it; commands lie beside that. Raises
    ToolchainError."""
    root = location(cache, requirements)
    with locked(root.with_name(f"{root.name}.lock")):
        if not (root / WHOLE).exists():
            _build(root, requirements)
    return root / "bin" / "python"


def _build(root: Path, requirements: Path) -> None:
    shutil.rmtree(root, ignore_errors=True)  # of a build that was broken off
    print(f"installing kfp into {root} (60 MB, once)", file=sys.stderr)  # noqa: T201
    _run([sys.executable, "-m", "venv", str(root)])
    pip = [
        str(root / "bin" / "python"),
        "-m",
        "pip",
        "install",
        "--disable-pip-version-check",
        "--quiet",
    ]
    _run([*pip, "--require-hashes", "--no-deps", "-r", str(requirements)])
    (root / WHOLE).touch()
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
