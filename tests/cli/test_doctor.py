"""`tidegate doctor`, and how preflight reads on a terminal."""

from tests.cli.answers import rollout
from tests.cli.conftest import Cli
from tests.cli.fakes import FakeApi
from tidegate.core.preflight import EITHER

GOOD = {"name": "KServe", "state": "ok", "detail": "KServe 0.20", "remediation": "", "needed": True}
OPTIONAL = {
    "name": "KEDA",
    "state": "missing",
    "detail": "not there",
    "remediation": "install it",
    "needed": False,
}
LACKING = {
    **OPTIONAL,
    "name": "metric source",
    "remediation": "set TIDEGATE_PROMETHEUS_URL",
    "needed": True,
}
UNSEEN = {
    "name": "GPU",
    "state": "not checked",
    "detail": "nodes may not be read",
    "remediation": "bind",
    "needed": False,
}


def test_what_is_optional_and_missing_is_no_fault(api: FakeApi, cli: Cli) -> None:
    api.on("GET", "/doctor", {"ok": True, "checks": [GOOD, OPTIONAL, UNSEEN]})
    done = cli("doctor")
    assert done.code == 0
    lines = done.out.splitlines()
    assert [line.split()[0] for line in lines] == ["PART", "KServe", "KEDA", "GPU"]
    assert "✔ ok" in lines[1]
    assert "• missing" in lines[2]
    assert "install it" in lines[2]
    assert "? not checked" in lines[3]


def test_what_is_needed_and_missing_is_3(api: FakeApi, cli: Cli) -> None:
    api.on("GET", "/doctor", {"ok": False, "checks": [GOOD, LACKING]})
    done = cli("doctor")
    assert done.code == 3
    assert "✖ missing" in done.out
    assert done.err == "✖ needed and missing: metric source\n"
    done = cli("doctor", "-o", "json")
    assert done.code == 3
    assert '"ok": false' in done.out


def test_every_problem_of_a_preflight_has_a_line_of_its_own(api: FakeApi, cli: Cli) -> None:
    errors = [
        {
            "pointer": "/steps/3",
            "detail": "not above 20",
            "remediation": {"text": "lower it"},
            "step": "step 4 of 5: 25 %",
            "rule": "the split",
            "object": "HTTPRoute demo/add",
            "path": "spec.rules[0].backendRefs[0].weight",
        },
        {
            "pointer": "/",
            "detail": "no metric source",
            "rule": "evidence",
            "remediation": {"text": EITHER.text},
        },
    ]
    api.on("POST", "/endpoints/demo/add/rollouts", (422, {**_body(), "errors": errors}))
    done = cli(*["rollout", "start", "add", "--version", "2"])
    assert done.code == 1
    assert done.err.splitlines() == [
        "✖ preflight refuses this, and nothing was changed:",
        "  ✖ step 4 of 5: 25 %: HTTPRoute demo/add: spec.rules[0].backendRefs[0].weight: not above "
        "20 (the split): "
        "lower it",
        "  ✖ no metric source (evidence)",
    ]


def _body() -> dict[str, object]:
    return {"title": "Unprocessable Content", "status": 422, "detail": "…", "code": "preflight"}


def test_what_was_looked_at_is_told_beside_the_answer(api: FakeApi, cli: Cli) -> None:
    unseen = {
        "level": "not checked",
        "rule": "capacity",
        "detail": "nodes may not be read",
        "step": "",
        "object": "",
    }
    looked = {
        "checked": 12,
        "findings": [unseen],
        "start_seconds": 40.0,
        "undo_seconds": 1.0,
        "undo": "one weight",
    }
    api.on(
        "POST", "/endpoints/demo/add/rollouts", {**rollout(), "dry_run": True, "preflight": looked}
    )
    done = cli(*["rollout", "start", "add", "--version", "2", "--dry-run"])
    assert done.code == 0
    assert "? not checked: nodes may not be read" in done.err
    assert "✔ preflight: 12 objects would be admitted; pods take about 40s to start" in done.err
    assert "↩ undo: one weight" in done.err
