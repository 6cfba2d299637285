"""Run a command that gets a signal when its parent dies: `python -I -S leash.py SIGNAL PARENT
COMMAND...`.

The local plane's servers must not outlive it, also after `kill -9`. The kernel can promise that
(PR_SET_PDEATHSIG), but only if the child itself asks before it becomes the server; asking between
fork and exec of a threaded process can deadlock, so this small program asks and then turns into the
command.

It runs as a file of its own: standard library only, no imports from tidegate.
"""

import ctypes
import os
import sys

_PR_SET_PDEATHSIG = 1


def main(signal_number: int, parent: int, command: list[str]) -> None:
    """Become `command`; exit 143 where the parent is gone already."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal_number, 0, 0, 0)
    if os.getppid() != parent:  # it died before the kernel knew of the wish
        sys.exit(143)
    try:
        os.execvp(command[0], command)  # noqa: S606
    except OSError as error:
        print(f"cannot run {command[0]}: {error.strerror}", file=sys.stderr)  # noqa: T201
        sys.exit(127)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
