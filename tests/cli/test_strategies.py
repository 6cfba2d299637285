"""`tidegate strategies`: default plans and fields as the service tells them."""

from typing import Any

from tests.cli.fakes import Cli, FakeApi


def step(percent: int, mirror_percent: int = 0) -> dict[str, Any]:
    """A step of a default plan, as the service answers it."""
    held = {"size": 0, "until": "no-fail", "bake_seconds": 60.0}
    return {"percent": percent, "mirror_percent": mirror_percent, **held}


ANSWER = {
    "strategies": [
        {
            "kind": "canary",
            "title": "Canary",
            "description": "More and more of the traffic.",
            "steps": [step(2), step(20)],
            "ending": "promote",
            "options": [
                {"name": "steps", "description": "Percents.", "default": [2, 20], "unit": "percent"}
            ],
            "example": {},
        },
        {
            "kind": "shadow",
            "title": "Shadow",
            "description": "Copies of requests.",
            "steps": [step(0, 100)],
            "ending": "keep-stable",
            "options": [],
            "example": {},
        },
    ],
    "options": [
        {"name": "alpha", "description": "Chance.", "default": 0.01, "unit": "probability"},
        {
            "name": "deadlines.ready_seconds",
            "description": "Ready by then.",
            "default": 600.0,
            "unit": "seconds",
        },
        {
            "name": "metrics.latency.latency_threshold_ms",
            "description": "Slow.",
            "default": None,
            "unit": "ms",
        },
    ],
}


def test_plans_and_fields_are_those_of_the_service(api: FakeApi, cli: Cli) -> None:
    api.on("GET", "/strategies", ANSWER)
    lines = [" ".join(line.split()) for line in cli("strategies").out.splitlines()]
    assert lines == [
        "STRATEGY BY DEFAULT WHAT IT DOES",
        "canary 2, 20 % More and more of the traffic.",
        "shadow copies of 100 % Copies of requests.",
        "",
        "FIELD DEFAULT WHAT IT IS",
        "steps (canary) 2,20 Percents.",
        "alpha 0.01 Chance.",
        "deadlines.ready_seconds 10m00s Ready by then.",
        "metrics.latency.latency_threshold_ms - Slow.",
    ]
    assert cli("strategies", "-o", "name").out == "canary\nshadow\n"
    assert cli("strategies", "-o", "json").json == ANSWER
