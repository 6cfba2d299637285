"""The Python that has kfp: a virtual environment of its own in the cache, called as a process."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def kfp_python() -> str:
    """Installed where it is not there yet."""
    done = subprocess.run(
        [sys.executable, "-m", "pipelines.toolchain"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
