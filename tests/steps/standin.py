"""An API made by hand: it answers what a scenario says, and keeps what was asked."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2

from tests.cli import answers
from tidegate.steps.__main__ import main

Json = dict[str, Any]
ID = "0d6f7c1e-0000-4000-8000-000000000001"
STEP = {
    "percent": 0, "match": [], "mirror_percent": 0, "replicas_percent": 0, "until": "no-fail", "bake_seconds": 1.0,
    "baked_seconds": 0.0, "state": "ahead", "expected_seconds": None,
}  # fmt: skip
GATE = {**STEP, "until": "approval"}
CANARY = [{**STEP, "percent": 10}, {**STEP, "percent": 50, "until": "pass"}]


def rollout(**changes: Any) -> Json:
    """A canary of r2 that stands at its first step."""
    plain = {
        "id": ID,
        "namespace": "team",
        "endpoint": "fraud",
        "strategy": "canary",
        "ending": "promote",
        "attempt": 1,
        "base": 1,
        "candidate": 2,
        "phase": "progressing",
        "step": 1,
        "steps": CANARY,
        "expected_seconds": None,
        "desired_percent": 10,
        "routed_percent": 10,
        "candidate_url": None,
        "guard": None,
        "pause": None,
        "awaits": "baking 10 % for 0 of 1 s",
        "verdicts": [],
        "outcome": None,
        "outcome_message": "",
        "author": "pipeline",
        "run_id": "run-1",
        "reason": "pipeline run run-1",
        "created_at": "2026-01-01T00:00:00Z",
        "ended_at": None,
        "warnings": [],
        "accepted": {"action": "start", "follows": "r2 gets ready"},
        "analysis": {"alpha": 0.01},
    }
    return {**plain, **changes}


def endpoint(phase: str = "ready", message: str = "", **changes: Any) -> Json:
    """An endpoint that this run made."""
    plain = {
        "namespace": "team",
        "urls": ["http://fraud.example"],
        "spec": {"name": "fraud", "run_id": "run-1"},
    }
    made: Json = answers.endpoint(
        "fraud", **{**plain, "phase": phase, "message": message, **changes}
    )
    return made


def over(phase: str, message: str, **changes: Any) -> Json:
    """The same, ended."""
    gone = {
        "routed_percent": None,
        "desired_percent": None,
        "awaits": None,
        "ended_at": "2026-01-01T00:10:00Z",
    }
    return rollout(
        **{
            "phase": phase,
            "step": 3,
            "outcome": phase,
            "outcome_message": message,
            **gone,
            **changes,
        }
    )


def verdict(answer: str, message: str) -> Json:
    """One metric."""
    return {
        "metric": "errors", "verdict": answer, "message": message, "candidate_requests": 100, "candidate_bad": 20,
        "stable_requests": 900, "stable_bad": 1, "requests_more": None, "seconds_more": None,
    }  # fmt: skip


def kills(answer: str, bad: int) -> Json:
    """A metric about pods: none may be killed for memory."""
    counts = {
        "candidate_requests": 0,
        "candidate_bad": bad,
        "stable_requests": 0,
        "stable_bad": 0,
        "allowed": 0.0,
    }
    return {
        **verdict(answer, f"r2: {bad} pods killed for memory, allowed 0"),
        "metric": "oom_kills",
        **counts,
    }


class Api:
    """`observations`: what GET of the rollout answers, one after the other; the last one stays.
    `answers`: by method and path, a body, a (status, body), or a function of the request."""

    def __init__(self, *observations: Json | int, **answers: Any) -> None:
        self.observations = list(observations)
        self.asked = list[tuple[str, str, Json]]()
        self.tokens: list[str] = []
        self.answers: dict[str, Any] = {
            "GET /endpoints/team/fraud/history": {
                "intents": [],
                "ledger": [],
                "next_page_token": None,
            }
        }
        self.now = 0.0

    def sleep(self, seconds: float) -> None:
        """Time passes for the task, not for the test."""
        self.now += seconds

    def says(self, call: str, answer: Any) -> "Api":
        """`POST /rollouts/x`: what it answers."""
        self.answers[call] = answer
        return self

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        path = request.url.path.removeprefix("/api/v1")
        body = {}
        if request.content:
            body = json.loads(request.content)
        if dict(request.url.params).get("dry_run"):
            path += "?dry_run"
        self.tokens.append(request.headers["authorization"])
        self.asked.append((request.method, path, body))
        answer = self._find(request, f"{request.method} {path}")
        if callable(answer):
            answer = answer(request)
        if isinstance(answer, tuple):
            status, result = answer
        else:
            status = 200
            result = answer
        return httpx2.Response(status, json=result)

    def _find(self, request: httpx2.Request, call: str) -> Any:
        if call in self.answers:
            return self.answers[call]
        if call == f"GET /rollouts/{ID}" and self.observations:
            if len(self.observations) > 1:
                observation = self.observations.pop(0)
            else:
                observation = self.observations[0]
            if isinstance(observation, int):
                return (observation, problem("away"))
            return observation
        if call.startswith(f"POST /rollouts/{ID}/"):
            return self.observations[0]
        return 404, problem(f"nothing at {call}")

    def changes(self) -> list[str]:
        """What was changed, without heartbeats."""
        return [
            f"{method} {path}"
            for method, path, _ in self.asked
            if method != "GET" and not path.endswith("/heartbeat")
        ]


def problem(detail: str, code: str = "", errors: Any = ()) -> Json:
    """An RFC 9457 body."""
    return {"title": "Problem", "detail": detail, "code": code, "errors": list(errors)}


Run = Callable[..., int]


def run(api: Api, *argv: str, environ: Json | None = None) -> int:
    """One command against the stand-in; its exit code."""
    known = environ
    if environ is None:
        known = {"TIDEGATE_URL": "http://tidegate.example", "TIDEGATE_TOKEN": "tg_x"}
    transport = httpx2.MockTransport(api)
    return main(list(argv), known, clock=lambda: api.now, sleep=api.sleep, transport=transport)


def read(folder: Path) -> Json:
    """Every output by name."""
    return {file.name: file.read_text() for file in folder.rglob("*") if file.is_file()}
