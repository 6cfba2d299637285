"""`python -m bench`: every bench in turn, each in a process of its own, so that none slows the
next."""

import subprocess
import sys
import time
from pathlib import Path

BENCHES = ("core", "exposure", "frontier", "reconciles", "api", "reaction")
_FOLDER = Path(__file__).parent


def main() -> int:
    """The number of benches that failed."""
    failed = 0
    for name in BENCHES:
        print(f"\n== bench.{name}", flush=True)
        began = time.perf_counter()
        failed += subprocess.run(_command(name), check=False).returncode != 0
        print(f"({time.perf_counter() - began:.0f} s)", flush=True)
    return failed


def _command(name: str) -> list[str]:
    """`exposure` and `frontier` are scripts, beside the modules that they import."""
    if name in ("exposure", "frontier"):
        which = [str(_FOLDER / f"{name}.py")]
    else:
        which = ["-m", f"bench.{name}"]
    return [sys.executable, *which]


if __name__ == "__main__":
    sys.exit(main())
