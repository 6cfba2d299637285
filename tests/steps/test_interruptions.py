"""Tasks that are killed at any call and started again, as a retry does it: what they ask for is
made once, also when the service has forgotten their idempotency keys meanwhile."""

import json
from typing import Any

import httpx2
import pytest

from tests.steps.standin import CANARY, GATE, ID, endpoint, rollout
from tidegate.steps.__main__ import main

Json = dict[str, Any]
ENVIRON = {"TIDEGATE_URL": "http://tidegate.example", "TIDEGATE_TOKEN": "tg_x"}
RUN = "run-9"
COMMANDS = {
    "start": ("start", "--endpoint=team/fraud", "--model-version=2"),
    "reach": ("reach", f"--rollout-id={ID}", "--step=2"),
    "approval": ("approval", f"--rollout-id={ID}"),
    "finish": ("finish", f"--rollout-id={ID}"),
    "undo": ("undo", "--endpoint=team/fraud"),
    "promote": ("promote", "--endpoint=team/fraud"),
}


class Killed(BaseException):
    """The container is gone; nothing is written any more."""


class Tidegate:
    """One endpoint. stored: the rollout that waits there. changes: what was done, heartbeats
    left out. A rollout ends two readings after what the command asks for."""

    def __init__(self, stored: Json | None) -> None:
        self.stored = stored
        self.changes: list[str] = []
        self.keys: dict[str, Json] = {}
        self.acted = ""
        self.now = 0.0
        self.calls_left = 10_000
        self.answers_last = False
        self._readings = 0

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        if request.url.path.endswith(("/events", "/history")):  # of another thread, and a chart
            return httpx2.Response(404, json={"title": "Not found", "detail": "", "code": ""})
        self.calls_left -= 1
        if self.calls_left < 0 and not self.answers_last:
            raise Killed
        answer = self._answer(request)
        if self.calls_left < 0:
            raise Killed
        return answer

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def _answer(self, request: httpx2.Request) -> httpx2.Response:
        path = request.url.path.removeprefix("/api/v1")
        if request.method == "POST" and not path.endswith("/heartbeat"):
            return self._change(request, path)
        if path.endswith("/rollouts"):
            mine = [self.stored] * self._of(request.url.params.get("run_id"))
            return httpx2.Response(200, json={"items": mine, "next_page_token": None})
        if path.startswith("/endpoints"):
            return httpx2.Response(200, json=endpoint(rollout=self.stored))
        assert self.stored is not None
        self._readings += 1
        if self._readings > 2:
            ended = {"phase": "promoted", "step": len(self.stored["steps"]) + 1, "awaits": None}
            self.stored = {**self.stored, **ended, "outcome": "promoted"}
        return httpx2.Response(200, json=self.stored)

    def _of(self, run_id: str | None) -> bool:
        if self.stored is None or run_id is None:
            return False
        return run_id in (self.stored["run_id"], self.acted)

    def _change(self, request: httpx2.Request, path: str) -> httpx2.Response:
        key = request.headers["idempotency-key"]
        if key in self.keys:
            return httpx2.Response(201, json=self.keys[key])
        self.changes.append(path)
        self._readings = 0
        body = json.loads(request.content)
        self.acted = body["run_id"]
        match path.rpartition("/")[2]:
            case "rollouts":
                self.stored = rollout(run_id=RUN, steps=CANARY)
            case "undo":
                fields: Json = {"strategy": "undo", "base": 2, "candidate": 1, "steps": []}
                self.stored = rollout(run_id=RUN, phase="promoting", **fields)
            case "promote":
                self.stored = {**(self.stored or {}), "phase": "promoting"}
        assert self.stored is not None
        self.keys[key] = self.stored
        return httpx2.Response(201, json=self.stored)


def before(command: str) -> Json | None:
    """What stands at the endpoint before the task: nothing, or the rollout that it waits for."""
    if command in ("start", "undo"):
        return None
    if command == "promote":
        return rollout(run_id="run-1", strategy="blue-green", steps=[GATE], phase="waiting")
    return rollout(run_id=RUN, steps=[*CANARY, {**GATE, "percent": 50}])


def attempt(tidegate: Tidegate, command: str, calls: int = 10_000) -> int | None:
    """The exit code; None: killed at its call number `calls`, from 0."""
    tidegate.calls_left = calls
    try:
        return main(
            [*COMMANDS[command], f"--run-id={RUN}"],
            ENVIRON,
            clock=lambda: tidegate.now,
            sleep=tidegate.sleep,
            transport=httpx2.MockTransport(tidegate),
        )
    except Killed:
        return None


@pytest.mark.parametrize("forgets", [False, True], ids=["soon", "after-more-than-a-day"])
@pytest.mark.parametrize("answers", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("command", COMMANDS)
def test_a_task_that_is_killed_anywhere_goes_on_and_doubles_nothing(
    command: str, answers: bool, forgets: bool
) -> None:
    """answers: whether the call at which it is killed has its effect. Its outcome, and what was
    changed, are those of a task that nobody killed."""
    whole = Tidegate(before(command))
    assert attempt(whole, command) == 0
    assert len(whole.changes) == (command in ("start", "undo", "promote"))
    calls = 0
    while True:
        tidegate = Tidegate(before(command))
        tidegate.answers_last = answers
        if attempt(tidegate, command, calls) is not None:
            break
        if forgets:
            tidegate.keys.clear()
        assert attempt(tidegate, command) == 0
        assert tidegate.changes == whole.changes, f"killed at call {calls}"
        calls += 1
    assert calls >= 2
