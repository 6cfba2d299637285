"""`python -m tidegate.steps <command>`: one line per change, one clear line when it fails, never a
traceback."""

import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from tidegate.client import ApiProblem, Unreachable, UnreadableAnswer
from tidegate.core.shown_address import shown_address
from tidegate.steps import beginning, connection, deploying, following, rollout_request
from tidegate.steps.arguments import parse
from tidegate.steps.errors import StepFailed, UsageError
from tidegate.steps.service import Service
from tidegate.steps.smoke import smoke
from tidegate.steps.task import Task

COMMANDS: dict[str, Callable[[Task], None]] = {
    "preflight": beginning.preflight,
    "start": beginning.start,
    "reach": following.reach,
    "smoke": smoke,
    "approval": following.approval,
    "finish": following.finish,
    "undo": beginning.undo,
    "promote": beginning.promote,
    "deploy": deploying.deploy,
}
PATIENCE_S = {"preflight": 60.0}
LONG_S = 600.0  # what a task bears of a service that restarts
OK = 0
FAILED = 1
WRONG = 2
ENDED = 143


def main(
    argv: list[str],
    environ: Mapping[str, str] = os.environ,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
    **more: Any,
) -> int:
    """Exit code: 0 ok, 1 failed, 2 wrong flags, 143 ended from outside. more: of the client."""
    try:
        args = parse(argv)
        where = connection.find(environ, args.service_url, args.token_file)
        patience = PATIENCE_S.get(args.command, LONG_S)
        service = Service(where, say, patience, {"sleep": sleep, **more}, sleep, clock)
        try:
            COMMANDS[args.command](Task(args, service, say))
        finally:
            service.close()
    except UsageError as error:
        return _fail(str(error), WRONG)
    except StepFailed as error:
        return _fail(str(error))
    except ApiProblem as problem:
        return _fail(explain(problem))
    except (Unreachable, UnreadableAnswer) as error:
        return _fail(str(error))
    except (
        KeyError,
        TypeError,
        ValueError,
    ) as error:  # something else listens there, or another version of it
        return _fail(
            f"{shown_address(where.url)} does not answer as Tidegate does "
            f"({_describe(error)}): is it that?"
        )
    except OSError as error:
        return _fail(f"{error.filename or 'the system'}: {error.strerror or error}")
    return OK


def say(line: str) -> None:
    """One line with the time, at once: a log is read while it grows."""
    print(f"{time.strftime('%H:%M:%S')}  {line}", flush=True)  # noqa: T201


def explain(problem: ApiProblem) -> str:
    """A refusal with the parameters that it is about."""
    if problem.status == 401:
        return f"the service does not know the token (401): {problem.detail}"
    parts = [
        f"{rollout_request.flag(error.pointer)}: {error.detail}: {error.remediation.text}"
        for error in problem.errors
    ]
    message = "; ".join(dict.fromkeys(parts)) or problem.detail or problem.title
    return f"refused ({problem.status} {problem.code or problem.title}): {message}"


def _describe(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _fail(line: str, code: int = FAILED) -> int:
    sys.stdout.flush()
    print(f"✗ {' '.join(line.split())}", file=sys.stderr, flush=True)  # noqa: T201
    return code


class _Ended(BaseException):
    """SIGTERM. Raised and not told in the handler itself: the signal may come while a line is being
    written, and then nothing else may be written before that call is over."""


def _ended(_number: int, _frame: object) -> NoReturn:
    raise _Ended


def _run() -> int:
    signal.signal(signal.SIGTERM, _ended)
    try:
        return main(sys.argv[1:])
    except _Ended:
        message = "ended from outside: the rollout does what its --on-heartbeat-timeout says once heartbeats stop"
        return _fail(message, ENDED)


if __name__ == "__main__":
    sys.exit(_run())
