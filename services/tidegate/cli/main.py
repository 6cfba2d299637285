"""The entry point. It imports nothing of ours before `main` runs, so that Ctrl-C is quiet while the
rest loads."""

import contextlib
import os
import sys

_INTERRUPTED = 130


def main() -> None:
    """The console script."""
    try:
        sys.exit(_run())
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)


def _run() -> int:
    from tidegate.cli.tree import run
    from tidegate.cli.world import World

    for stream in (sys.stdout, sys.stderr):
        # A terminal without UTF-8 gets question marks, not a traceback
        with contextlib.suppress(AttributeError):
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    code = run(sys.argv[1:], World.real())
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        # So that the interpreter's own flush is quiet
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return code
