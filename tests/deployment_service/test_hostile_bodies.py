"""Whoever sends nonsense is told a little, at once, and costs little: no answer over its bound, no
label that a caller invents, with a token or without."""

import json
import re
from pathlib import Path

import httpx2
import pytest

from tests.deployment_service.test_process import Service
from tidegate.web.bodies import DEPTH_LIMIT, OPEN_LIMIT, VALUES_LIMIT
from tidegate.web.problems import ANSWER_LIMIT, ERRORS_LIMIT

pytestmark = pytest.mark.real
LOG_IN = "/api/v1/auth/token"
WIDE = "\U0001f40c" * 200  # four bytes each, and none of them is escaped


def deep(levels):
    value = 1
    for _ in range(levels):
        value = {"a": value}
    return value


HOSTILE = {
    "unknown keys": {f"k{n}": n for n in range(VALUES_LIMIT - 1)},
    "more keys than any field needs": {f"k{n}": n for n in range(90_000)},
    "long keys": {f"{n}{'k' * 5_000}": n for n in range(100)},
    "keys of many bytes": {f"{WIDE}{n}": WIDE for n in range(400)},
    "as deep as may be": deep(DEPTH_LIMIT - 1),
    "deeper": deep(200),
    "a list for an object": [[]] * (VALUES_LIMIT - 1),
    "a long list": [0] * 300_000,
    "wrong steps": {"strategy": "canary", "model_version_id": "2", "steps": ["x"] * 4_000},
    "steps without end": {"strategy": "canary", "steps": [WIDE] * 240_000},
    "empty tolerations": {
        "name": "a",
        "runtime_config": {"tolerations": [{}] * 2_000},
    },
    "a long word": {"name": "x" * 900_000},
    "a long number": {"canary_percent": 10**4_000},
    "every field is wrong": {
        "strategy": {"kind": WIDE, "steps": [{"percent": WIDE, WIDE: 1}] * 50},
        "analysis": {WIDE: {}, "metrics": {WIDE: 1, "errors": {WIDE: WIDE}}},
    },
}


def routes(api):
    """Every route that takes a body, with names in its path."""
    for path, methods in sorted(api.client.app.openapi()["paths"].items()):
        for method, operation in methods.items():
            if "requestBody" in operation:
                yield method.upper(), re.sub(r"\{[^}]*\}", "some-name", path)


@pytest.mark.parametrize("name", HOSTILE)
def test_no_body_makes_a_long_answer(api, name):
    body = json.dumps(HOSTILE[name], ensure_ascii=False).encode()
    called = list(routes(api))
    assert len(called) > 20
    for method, path in called:
        headers = {"Content-Type": "application/json", "If-Match": "*"}
        answer = api.client.request(method, path, content=body, headers=headers)
        assert 400 <= answer.status_code < 500, (method, path, answer.text[:300])
        assert len(answer.content) <= ANSWER_LIMIT, (method, path)
        problem = answer.json()
        assert len(problem["errors"]) <= ERRORS_LIMIT
        if path == LOG_IN and len(body) > OPEN_LIMIT:
            assert problem["code"] == "too-large"


def test_what_is_left_out_of_an_answer_is_counted(api):
    body = {f"k{n}": n for n in range(100)}
    problem = api.post("/api/v1/endpoints?namespace=team-a", body).json()
    pointers = {error["pointer"] for error in problem["errors"]}
    assert len(pointers) == ERRORS_LIMIT
    assert problem["more_errors"] > 100 - ERRORS_LIMIT
    assert problem["detail"].endswith(f"and {problem['more_errors']} more")


def test_no_caller_makes_a_label(api):
    def labels():
        metrics = api.client.get("/metrics").text
        return set(re.findall(r'(\w+)="([^"]*)"', metrics))

    def stray(n):
        api.client.request(f"INVENTED{n}", f"/nowhere/{n}")
        api.client.get(f"/api/v1/endpoints/ns-{n}/{n}")
        bad = {"Authorization": f"Bearer {n}"}
        api.client.get(f"/api/v1/endpoints/{n}", headers=bad)

    stray(0)
    labels()
    before = labels()
    for n in range(1, 30):
        stray(n)
    assert labels() == before


def cpu_seconds(pid):
    """What a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def test_a_stranger_costs_milliseconds(database):
    """830 kB of unknown keys to the log-in once cost 2 to 3 CPU-seconds each."""
    body = json.dumps({f"k{n}": n for n in range(60_000)}).encode()
    with Service(database) as service:
        url = f"http://127.0.0.1:{service.port}{LOG_IN}"
        before = cpu_seconds(service.process.pid)
        for _ in range(20):
            answer = httpx2.post(url, content=body, headers={"Content-Type": "application/json"})
            assert answer.status_code == 413
        assert cpu_seconds(service.process.pid) - before < 1.0
