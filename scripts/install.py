"""Install locked requirements with pip, and say how far it is: `python scripts/install.py PYTHON
REQUIREMENTS`.

Only the standard library: it runs before anything is installed.
"""

import re
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path

EVERY = 20  # packages between two lines where the output is no terminal
_COLLECTING = re.compile(r"(?:Collecting|Requirement already satisfied:) ([\w.\[\],-]+)")
_SIZE = re.compile(r"\s+(?:Downloading|Using cached) \S+ \(([\d.]+ [kMG]?B)\)")


def packages(requirements: str) -> int:
    """Number of packages that a locked requirements file names."""
    return len(re.findall(r"^[\w.\[\],-]+==", requirements, re.MULTILINE))


def progress(lines: Iterable[str], total: int) -> Iterator[str]:
    """Turn pip's output into one line per package, `37 of 151: numpy, 16.6 MB`, and one when it
    unpacks them."""
    count = 0
    name = ""
    for line in lines:
        collecting = _COLLECTING.match(line)
        if collecting:
            count += 1
            name = collecting[1]
            yield f"{count} of {total}: {name}"
        elif size := _SIZE.match(line):
            yield f"{count} of {total}: {name}, {size[1]}"
        elif line.startswith("Installing collected packages"):
            yield f"unpacking {count} packages"


def show(steps: Iterable[str], every: int = EVERY) -> None:
    """Print steps: on a terminal one line that changes, else a line now and then."""
    terminal = sys.stdout.isatty()
    for number, step in enumerate(steps):
        if terminal:
            print(f"\r\033[K  ◌ {step}", end="", flush=True)
        elif number % every == 0 or step.startswith("unpacking"):
            print(f"  ◌ {step}", flush=True)
    if terminal:
        print("\r\033[K", end="")


def main(python: str, requirements: Path) -> int:
    """Install. Return pip's exit code; where it failed, the end of its output has been printed."""
    pip = [python, "-m", "pip", "install", "--disable-pip-version-check", "--progress-bar", "off"]
    command = [*pip, "--require-hashes", "-r", str(requirements)]
    began = time.monotonic()
    tail: deque[str] = deque(maxlen=15)
    total = packages(requirements.read_text())
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout is not None

    def kept() -> Iterator[str]:
        for line in process.stdout or ():
            tail.append(line)
            yield line

    show(progress(kept(), total))
    code = process.wait()
    if code == 0:
        print(f"  ✔ installed {requirements.name} in {time.monotonic() - began:.0f} s", flush=True)
    else:
        print(
            f"  ✖ pip ended with {code}. Its last lines:\n{''.join(tail)}",
            file=sys.stderr,
            flush=True,
        )
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
