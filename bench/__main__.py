"""`python -m bench`: every bench in turn, each in a process of its own, so that none slows the next."""

import subprocess
import sys
import time

BENCHES = ("core", "exposure", "rounds", "api", "reaction")


def main() -> int:
    """The number of benches that failed."""
    failed = 0
    for name in BENCHES:
        print(f"\n== bench.{name}", flush=True)
        began = time.perf_counter()
        failed += subprocess.run([sys.executable, "-m", f"bench.{name}"], check=False).returncode != 0
        print(f"({time.perf_counter() - began:.0f} s)", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main())
