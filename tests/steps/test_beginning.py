"""Tasks that ask for something: refused before anything moves, and made once."""

from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.steps.standin import CANARY, GATE, ID, Api, endpoint, over, problem, read, rollout, run

WHO = {"name": "ci", "roles": ["editor"], "grants": {}}
ROLLOUTS = "/endpoints/team/fraud/rollouts"
ASK = ("--endpoint=team/fraud", "--model-version=2", "--run-id=run-1")
DRY = {**rollout(id="", phase="starting", step=0), "dry_run": True}
ACCEPTED = {"action": "create", "follows": "r1 gets ready, then it serves all traffic"}


def listing(*items: Any) -> Any:
    """Rollouts as the service lists them: with a run's id those that it started or acted on
    (`acted`)."""

    def answer(request: httpx2.Request) -> dict[str, Any]:
        run_id = request.url.params.get("run_id")
        mine = [item for item in items if run_id in (None, item["run_id"], item.get("acted"))]
        return {"items": mine, "next_page_token": None}

    return answer


def test_preflight_says_the_plan_and_changes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    api = Api().says(f"POST {ROLLOUTS}?dry_run", {**DRY, "warnings": ["no worker lives"]})
    assert run(api, "preflight", *ASK) == 0
    message = capsys.readouterr().out
    assert "✓ canary of r2 against r1 would be accepted" in message
    assert "10 % for 1 s until no-fail" in message
    assert "⚠ no worker lives" in message
    assert [call[1] for call in api.asked] == [f"{ROLLOUTS}?dry_run"]


NOT_RISING = {
    "pointer": "/strategy/steps",
    "detail": "[50, 10] does not rise",
    "remediation": {"text": "sort it"},
}


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        (
            422,
            problem("x", "invalid", [NOT_RISING]),
            "✗ refused (422 invalid): percents: [50, 10] does not rise: sort it\n",
        ),
        (
            404,
            problem("there is no endpoint 'team/fraud'", "not-found"),
            "there is no endpoint 'team/fraud'",
        ),
        (
            409,
            problem("rollout 7 of ann is running", "second-candidate"),
            "rollout 7 of ann is running",
        ),
        (
            403,
            problem("'team' is not one of your tenants", "not-a-tenant"),
            "not one of your tenants",
        ),
        (401, problem("the bearer token is unknown"), "the service does not know the token (401)"),
        (503, problem("no worker lives", "no-worker"), "no worker lives"),
    ],
)
def test_what_is_refused_is_said_in_the_first_task(
    status: int, body: Any, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    api = Api().says(f"POST {ROLLOUTS}?dry_run", (status, body)).says(f"GET {ROLLOUTS}", listing())
    assert run(api, "preflight", *ASK) == 1
    value = capsys.readouterr().err
    assert message in value
    assert len(value.splitlines()) == 1


def test_preflight_of_a_run_that_was_repeated_finds_its_own_rollout(
    capsys: pytest.CaptureFixture[str],
) -> None:
    api = (
        Api()
        .says(f"POST {ROLLOUTS}?dry_run", (409, problem("running")))
        .says(f"GET {ROLLOUTS}", listing(rollout()))
    )
    assert run(api, "preflight", *ASK) == 0
    assert "the rollout of this run is there already" in capsys.readouterr().out


@pytest.mark.parametrize("strategy", ["canary", "promote", "deploy"])
def test_a_smoke_test_without_its_answer_is_refused_first(
    strategy: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (
        run(Api(), "preflight", *ASK, f"--strategy={strategy}", "--smoke=true", "--golden={}") == 1
    )
    assert "--golden is missing" in capsys.readouterr().err


def test_start_makes_the_rollout_of_its_run_under_its_key(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = []

    def answer(request):
        keys.append(request.headers["idempotency-key"])
        return 202, rollout(phase="starting", step=0, routed_percent=None)

    api = Api(rollout()).says(f"POST {ROLLOUTS}", answer).says(f"GET {ROLLOUTS}", listing())
    outs = [f"--out-{name}={tmp_path / name}" for name in ("rollout-id", "rollout-url")]
    assert run(api, "start", *ASK, *outs) == 0
    assert keys == ["run-1/start"]
    assert read(tmp_path)["rollout-id"] == ID
    assert f"rollout {ID}" in capsys.readouterr().out


def test_start_attaches_to_what_its_run_has_started(tmp_path: Path) -> None:
    other = rollout(id="other", run_id="run-2", reason="by hand, after pipeline run run-1")
    api = Api(rollout()).says(f"GET {ROLLOUTS}", listing(other, rollout()))
    assert run(api, "start", *ASK, f"--out-rollout-id={tmp_path / 'id'}") == 0
    assert (tmp_path / "id").read_text() == ID
    assert api.changes() == []


def test_start_does_not_attach_to_what_its_run_has_only_acted_on(tmp_path: Path) -> None:
    promoted = rollout(id="other", run_id="run-2", acted="run-1", phase="promoted")
    api = Api(rollout()).says(f"GET {ROLLOUTS}", listing(promoted))
    api.says(f"POST {ROLLOUTS}", (202, rollout()))
    assert run(api, "start", *ASK, f"--out-rollout-id={tmp_path / 'id'}") == 0
    assert (tmp_path / "id").read_text() == ID


def test_a_namespace_may_be_left_out_where_there_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    api = (
        Api()
        .says("GET /whoami", {**WHO, "tenants": ["team"]})
        .says(f"POST {ROLLOUTS}?dry_run", DRY)
    )
    assert run(api, "preflight", "--endpoint=fraud", "--model-version=2") == 0
    two = Api().says("GET /whoami", {**WHO, "tenants": ["team", "other"]})
    assert run(two, "preflight", "--endpoint=fraud", "--model-version=2") == 2
    assert "(team, other)" in capsys.readouterr().err
    assert (
        run(Api(), "preflight", "--endpoint=team/fraud", "--namespace=other", "--model-version=2")
        == 2
    )


def test_undo_waits_until_the_old_one_serves(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    undoing = rollout(strategy="undo", base=2, candidate=1, steps=[], phase="promoting", step=1)
    done = over("promoted", "undo", strategy="undo", base=2, candidate=1, steps=[])
    api = Api(undoing, done).says("POST /endpoints/team/fraud/undo", (202, undoing))
    assert (
        run(api, "undo", "--endpoint=team/fraud", "--to=0", f"--out-phase={tmp_path / 'phase'}")
        == 0
    )
    assert api.asked[0][2] == {"to": None, "reason": ""}
    assert "✓ r1 serves everything" in capsys.readouterr().out
    assert (tmp_path / "phase").read_text() == "promoted"


def test_undo_of_a_running_rollout_is_its_end() -> None:
    ended = over("aborted", "abort by ann: undo")
    api = Api(rollout(phase="aborting"), ended).says(
        "POST /endpoints/team/fraud/undo", (202, rollout())
    )
    assert run(api, "undo", "--endpoint=team/fraud") == 0


def test_an_undo_that_is_repeated_after_its_key_was_forgotten_is_attached_to(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A pod that is replaced after more than a day: a second undo would take back the first."""
    done = over("promoted", "undo", strategy="undo", base=2, candidate=1, steps=[], run_id="run-9")
    api = Api(done).says(f"GET {ROLLOUTS}", listing(done))
    assert run(api, "undo", "--endpoint=team/fraud", "--run-id=run-9") == 0
    assert api.changes() == []
    assert "attached to the undo that this run asked for: back to r1" in capsys.readouterr().out


def test_an_undo_that_ended_a_rollout_is_attached_to() -> None:
    ended = over("aborted", "undo by pipeline", run_id="run-1", acted="run-9")
    api = Api(ended).says(f"GET {ROLLOUTS}", listing(ended))
    assert run(api, "undo", "--endpoint=team/fraud", "--run-id=run-9") == 0
    assert api.changes() == []


@pytest.mark.parametrize(
    "known",
    [
        over("promoted", "promoted by pipeline", run_id="run-1", acted="run-9"),
        over("promoted", "every step is done", run_id="run-9"),
        over("aborted", "errors", run_id="run-9"),
    ],
)
def test_what_a_run_did_before_is_not_its_undo(known: dict[str, Any]) -> None:
    """A pipeline of people's own may promote, or roll out, and undo in one run."""
    undoing = over("promoted", "undo", strategy="undo", base=2, candidate=1, steps=[])
    api = Api(undoing).says(f"GET {ROLLOUTS}", listing(known))
    api.says("POST /endpoints/team/fraud/undo", (202, undoing))
    assert run(api, "undo", "--endpoint=team/fraud", "--run-id=run-9") == 0
    assert api.changes() == ["POST /endpoints/team/fraud/undo"]


def test_a_promotion_that_is_repeated_never_promotes_another_rollout(
    capsys: pytest.CaptureFixture[str],
) -> None:
    ended = over("aborted", "abort by ann", run_id="run-1", acted="run-9")
    other = rollout(id="other", strategy="blue-green", steps=[GATE], phase="waiting")
    api = Api(ended).says(f"GET {ROLLOUTS}", listing(ended))
    api.says("GET /endpoints/team/fraud", endpoint(rollout=other))
    assert run(api, "promote", "--endpoint=team/fraud", "--run-id=run-9") == 1
    assert api.changes() == []
    assert "r2 was not promoted" in capsys.readouterr().err


def test_promote_is_the_persons_word_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    staged = rollout(strategy="blue-green", steps=[GATE], phase="waiting")
    api = Api(staged, staged, over("promoted", "promoted by ann"))
    api.says(f"GET {ROLLOUTS}", listing(staged)).says(
        "GET /endpoints/team/fraud", endpoint(rollout=staged)
    )
    assert run(api, "promote", "--endpoint=team/fraud", "--run-id=run-9") == 0
    assert api.changes() == [f"POST /rollouts/{ID}/promote"]
    assert [
        body.get("run_id") for method, path, body in api.asked if path.endswith("/promote")
    ] == ["run-9"]
    assert "✓ r2 serves everything" in capsys.readouterr().out


def test_promote_again_after_it_was_promoted_is_done() -> None:
    done = over("promoted", "every step is done", steps=CANARY, run_id="run-1", acted="run-9")
    api = (
        Api(done)
        .says(f"GET {ROLLOUTS}", listing(done))
        .says("GET /endpoints/team/fraud", endpoint())
    )
    assert run(api, "promote", "--endpoint=team/fraud", "--run-id=run-9") == 0
    assert api.changes() == []
    assert run(api, "promote", "--endpoint=team/fraud", "--run-id=run-10") == 1


def test_nothing_to_promote_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    api = Api().says("GET /endpoints/team/fraud", endpoint()).says(f"GET {ROLLOUTS}", listing())
    assert run(api, "preflight", "--endpoint=team/fraud", "--strategy=promote") == 1
    assert "stage one first" in capsys.readouterr().err


DEPLOY = ("--endpoint=team/fraud", "--model-version=1", "--model-id=add_sub", "--run-id=run-1")


def test_a_first_deployment_is_followed_until_it_serves(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    observations = [
        endpoint("pending"),
        endpoint("progressing", "r1 has 0 of 1"),
        endpoint("ready", "r1 100 %"),
    ]
    api = Api().says("POST /endpoints", (201, endpoint("pending", accepted=ACCEPTED)))
    api.says("GET /endpoints/team/fraud", lambda _: observations.pop(0))
    assert (
        run(
            api,
            "deploy",
            *DEPLOY,
            f"--out-phase={tmp_path / 'p'}",
            f"--out-summary={tmp_path / 's.html'}",
        )
        == 0
    )
    message = capsys.readouterr().out
    assert "progressing · r1 has 0 of 1" in message
    assert "✓ team/fraud serves: http://fraud.example" in message
    assert (tmp_path / "p").read_text() == "ready"
    assert "http://fraud.example" in (tmp_path / "s.html").read_text()


def test_an_endpoint_of_another_author_is_not_attached_to(
    capsys: pytest.CaptureFixture[str],
) -> None:
    api = Api().says("POST /endpoints", (409, problem("it exists: start a rollout", "exists")))
    api.says("GET /endpoints/team/fraud", endpoint("ready"))
    assert run(api, "deploy", *DEPLOY) == 0
    api.says(
        "GET /endpoints/team/fraud",
        endpoint("ready", spec={"name": "fraud"}, reason="pipeline run run-1"),
    )
    assert run(api, "deploy", *DEPLOY) == 1
    assert "it exists: start a rollout" in capsys.readouterr().err


def test_an_endpoint_that_never_serves_ends_at_its_deadline(
    capsys: pytest.CaptureFixture[str],
) -> None:
    api = Api().says("POST /endpoints", (201, endpoint("pending", accepted=ACCEPTED)))
    api.says("GET /endpoints/team/fraud", endpoint("degraded", "r1: ImagePullBackOff"))
    assert run(api, "deploy", *DEPLOY, "--ready-seconds=5") == 1
    assert "r1: ImagePullBackOff" in capsys.readouterr().err
