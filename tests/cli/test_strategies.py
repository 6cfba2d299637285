"""`tidegate strategies`: default plans and fields as the service tells them."""

from tests.cli.fakes import Cli, FakeApi

ANSWER = {
    "strategies": [
        {
            "kind": "canary",
            "title": "Canary",
            "description": "More and more of the traffic.",
            "steps": [{"percent": 2, "mirror_percent": 0}, {"percent": 20, "mirror_percent": 0}],
            "ending": "promote",
            "options": [{"name": "steps", "description": "Percents.", "default": [2, 20], "unit": "percent"}],
            "example": {},
        },
        {
            "kind": "shadow",
            "title": "Shadow",
            "description": "Copies of requests.",
            "steps": [{"percent": 0, "mirror_percent": 100}],
            "ending": "retire",
            "options": [],
            "example": {},
        },
    ],
    "options": [
        {"name": "alpha", "description": "Chance.", "default": 0.01, "unit": "probability"},
        {"name": "deadlines.ready_seconds", "description": "Ready by then.", "default": 600.0, "unit": "seconds"},
        {"name": "questions.latency.bound_ms", "description": "Slow.", "default": None, "unit": "ms"},
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
        "questions.latency.bound_ms - Slow.",
    ]
    assert cli("strategies", "-o", "name").out == "canary\nshadow\n"
    assert cli("strategies", "-o", "json").json == ANSWER
