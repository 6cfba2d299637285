"""How a command ends: exit codes, and the one exception that carries them to `main`."""

from enum import IntEnum

from tidegate.core.errors import TidegateError


class Exit(IntEnum):
    """Exit codes, the same for every command."""

    OK = 0
    ERROR = 1
    USAGE = 2
    DEGRADED = 3  # degraded or aborted
    TIMEOUT = 124  # as timeout(1)
    INTERRUPTED = 130


class CliError(TidegateError):
    """The command ends here. `message`: one line that names what, the rule and the remediation."""

    def __init__(self, message: str, code: Exit = Exit.ERROR) -> None:
        super().__init__(message)
        self.message = message
        self.code = code


def usage(message: str) -> CliError:
    """The command line itself is wrong."""
    return CliError(message, Exit.USAGE)


class Unreachable(CliError):  # noqa: N818  (an expected outcome, named after what it is)
    """Nobody answered, or answered that it cannot now: worth another reading."""
