"""A CLI without a process: a fake API behind the shared client, a clock that only sleeping moves,
streams in memory."""

import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx2

from tests.cli.answers import FOLLOWS
from tidegate.cli.tree import run
from tidegate.cli.world import World

NOW = 1_767_225_600.0  # 2026-01-01 00:00:00 UTC
ENVIRON = {"TIDEGATE_URL": "http://api", "TIDEGATE_TOKEN": "secret", "TIDEGATE_NAMESPACE": "demo"}


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@dataclass
class Asked:
    """A request as the fake API saw it."""

    method: str
    path: str
    query: dict[str, str]
    headers: httpx2.Headers
    body: Any


_CALLED = {"rollouts": "start", "endpoints": "create"}  # by the last step of a path


def _changed(method: str, path: str, answer: Any) -> Any:
    if not isinstance(answer, tuple) or not isinstance(answer[1], dict) or "title" in answer[1]:
        return answer
    status, body = answer
    last = path.rpartition("/")[2]
    action = {"PATCH": "set canary", "DELETE": "delete"}.get(method, _CALLED.get(last, last))
    accepted = {"action": action, "follows": FOLLOWS}
    content = {"dry_run": False, "warnings": [], **body}
    content["accepted"] = body.get("accepted") or accepted
    return status, content


@dataclass
class FakeApi:
    """Answers by (method, path). Several answers for one call come in turn, the last one for ever;
    an exception is raised instead, as the network does."""

    answers: dict[tuple[str, str], list[Any]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)

    def on(self, method: str, path: str, *bodies: Any, status: int = 200) -> None:
        """What this call answers. A tuple is (status, body). A change answers whether it was a dry
        run, warnings, and what was accepted, unless the body says so itself."""
        made = [body if isinstance(body, tuple | Exception) else (status, body) for body in bodies]
        if method != "GET":
            made = [_changed(method, path, answer) for answer in made]
        self.answers[method, self._full(path)] = made

    def _full(self, path: str) -> str:
        if path == "/version":
            return path
        return f"/api/v1{path}"

    def handle(self, request: httpx2.Request) -> httpx2.Response:
        body = None
        if request.content:
            body = json.loads(request.content)
        self.asked.append(
            Asked(request.method, request.url.path, dict(request.url.params), request.headers, body)
        )
        planned = self.answers.get((request.method, request.url.path))
        if planned is None:
            return problem(404, "not-found", f"there is nothing at {request.url.path}")
        if len(planned) > 1:
            answer = planned.pop(0)
        else:
            answer = planned[0]
        if isinstance(answer, Exception):
            raise answer
        status, content = answer
        if isinstance(content, httpx2.Response):
            return content
        return httpx2.Response(status, json=content)

    def sent(self, method: str) -> list[Asked]:
        """The requests of this method, in order."""
        return [request for request in self.asked if request.method == method]


def problem(status: int, code: str, detail: str, *errors: dict[str, Any]) -> httpx2.Response:
    """A problem as the service answers it."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": "Problem",
        "status": status,
        "detail": detail,
        "code": code,
    }
    return httpx2.Response(status, json={**body, "errors": list(errors), "request_id": "q1"})


@dataclass
class Result:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass
class Cli:
    """Runs commands in a world of its own. `time` is both clocks; sleeping moves it."""

    api: FakeApi
    environ: dict[str, str] = field(default_factory=lambda: dict(ENVIRON))
    time: float = NOW
    transport: httpx2.BaseTransport | None = None
    patience: float = 60.0
    deadline: float = 60.0
    on_sleep: Callable[[], None] = lambda: None

    def __call__(
        self, *arguments: str, stdin: str = "", terminal: bool = False, **streams: Any
    ) -> Result:
        make = Terminal
        if not terminal:
            make = io.StringIO
        out = streams.get("stdout") or make()
        err = streams.get("stderr") or make()
        world = World(
            self.environ,
            make(stdin),
            out,
            err,
            now=lambda: self.time,
            clock=lambda: self.time,
            sleep=self._sleep,
            patience=self.patience,
            deadline=self.deadline,
            transport=self.transport or httpx2.MockTransport(self.api.handle),
        )
        code = run(arguments, world)
        assert "Traceback" not in err.getvalue()
        return Result(code, out.getvalue(), err.getvalue())

    def screen(self, *arguments: str) -> str:
        """What a terminal of 100 columns without colours shows, without the blanks that fill its
        lines."""
        before = self.environ
        self.environ = {**before, "TERM": "xterm", "NO_COLOR": "1", "COLUMNS": "100"}
        result = self(*arguments, terminal=True)
        self.environ = before
        return "".join(f"{line.rstrip()}\n" for line in result.out.splitlines())

    def _sleep(self, seconds: float) -> None:
        self.time += seconds
        self.on_sleep()
