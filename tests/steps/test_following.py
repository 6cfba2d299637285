"""Tasks that wait: what they print, what they hand on, how they fail."""

from pathlib import Path

import pytest

from tests.steps.standin import (
    CANARY,
    GATE,
    ID,
    STEP,
    Api,
    kills,
    over,
    problem,
    read,
    rollout,
    run,
    verdict,
)

GUARD = {
    "on_heartbeat_timeout": "pause",
    "heartbeat_timeout_seconds": 900.0,
    "last_heartbeat_at": None,
    "seconds_since_heartbeat": 0.0,
    "missed": False,
    "released": False,
    "message": "",
}
LOST = "r2 fails 20 %, r1 0.1 %"


def outs(folder: Path, *names: str) -> list[str]:
    """Paths that do not exist yet, as a pipeline gives them."""
    return [f"--out-{name}={folder / 'made' / name}" for name in names]


def test_a_step_that_is_past_returns_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    api = Api(rollout(step=2, routed_percent=50))
    assert (
        run(
            api,
            "reach",
            f"--rollout-id={ID}",
            "--step=1",
            *outs(tmp_path, "phase", "routed-percent"),
        )
        == 0
    )
    assert read(tmp_path) == {"phase": "progressing", "routed-percent": "50"}
    assert {call[:2] for call in api.asked} == {("GET", f"/rollouts/{ID}")}
    assert "✓ 10 % is past" in capsys.readouterr().out


def test_a_wait_prints_a_line_per_change(capsys: pytest.CaptureFixture[str]) -> None:
    observations = (
        rollout(phase="starting", step=0, routed_percent=0, awaits="r2 has 0 of 1 replicas ready"),
        rollout(),
        rollout(awaits="baking 10 % for 1 of 1 s"),
        rollout(step=2, routed_percent=10, awaits="routed r2 10 %, desired r2 50 %"),
        rollout(step=2, routed_percent=50, awaits="baking 50 % for 0 of 1 s"),
        rollout(step=3, phase="promoting", routed_percent=100, awaits="r2 takes over"),
    )
    assert run(Api(*observations), "reach", f"--rollout-id={ID}", "--step=2") == 0
    lines = [line[10:] for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        "starting · r2 has 0 % by the route · r2 has 0 of 1 replicas ready",
        "progressing · step 1 of 2: 10 % · r2 has 10 % by the route · baking 10 % for 0 of 1 s",
        "progressing · step 2 of 2: 50 % · r2 has 10 % by the route · routed r2 10 %, desired r2 "
        "50 %",
        "progressing · step 2 of 2: 50 % · r2 has 50 % by the route · baking 50 % for 0 of 1 s",
        "promoting · r2 has 100 % by the route · r2 takes over",
        "✓ 50 % is past",
    ]


def test_what_was_rolled_back_fails_with_the_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    api = Api(rollout(), over("aborted", LOST, step=1, verdicts=[verdict("fail", LOST)]))
    requests = outs(tmp_path, "phase", "verdict", "routed-percent")
    assert run(api, "reach", f"--rollout-id={ID}", "--step=1", *requests) == 1
    assert capsys.readouterr().err == f"✗ r1 serves, r2 was rolled back (aborted): {LOST}\n"
    assert read(tmp_path) == {"phase": "aborted", "verdict": "fail", "routed-percent": "0"}


def test_a_step_that_the_plan_does_not_have_is_nothing_to_wait_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(Api(rollout()), "reach", f"--rollout-id={ID}", "--step=5") == 0
    assert "the plan has 2 steps" in capsys.readouterr().out
    assert run(Api(rollout()), "reach", f"--rollout-id={ID}", "--step=0") == 2


def test_stops_do_not_count_as_steps() -> None:
    steps = [GATE, *CANARY, {**CANARY[1], "until": "approval"}]
    waiting = rollout(steps=steps, step=3, phase="waiting")
    assert run(Api(waiting), "reach", f"--rollout-id={ID}", "--step=1") == 0
    assert (
        run(Api(waiting), "reach", f"--rollout-id={ID}", "--step=2", "--time-limit-seconds=5") == 1
    )


def test_a_time_limit_says_what_becomes_of_the_rollout(capsys: pytest.CaptureFixture[str]) -> None:
    api = Api(rollout(guard=GUARD))
    assert run(api, "reach", f"--rollout-id={ID}", "--step=1", "--time-limit-seconds=5") == 1
    message = capsys.readouterr().err
    assert "timed out after 5 s" in message
    assert "without a further task the rollout pauses after 900 s" in message


def test_a_wait_sends_heartbeats_for_its_pipeline() -> None:
    api = Api(rollout(guard=GUARD), rollout(guard=GUARD), over("promoted", "every step is done"))
    assert run(api, "finish", f"--rollout-id={ID}") == 0
    heartbeats = [body for _, path, body in api.asked if path.endswith("/heartbeat")]
    assert heartbeats == [{"release": False}]


def test_a_service_that_restarts_is_waited_for(capsys: pytest.CaptureFixture[str]) -> None:
    api = Api(rollout(), 503, 502, 503, over("promoted", "every step is done"))
    assert run(api, "finish", f"--rollout-id={ID}") == 0
    assert "⚠ away; trying again" in capsys.readouterr().out


def test_the_end_is_told_with_its_evidence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    api = Api(
        over(
            "promoted",
            "every step is done",
            verdicts=[verdict("pass", "fine"), kills("undecided", 0)],
        )
    )
    names = ("phase", "routed-percent", "verdict", "rollout-url")
    assert run(api, "finish", f"--rollout-id={ID}", *outs(tmp_path, *names)) == 0
    assert read(tmp_path) == {
        "phase": "promoted",
        "routed-percent": "100",
        "verdict": "pass",
        "rollout-url": f"http://tidegate.example/api/v1/rollouts/{ID}",
    }
    assert (
        "errors: pass · r2 20 of 100 bad (20.00 %) · r1 1 of 900 bad (0.11 %) · fine"
        in capsys.readouterr().out
    )


def test_a_pod_that_was_killed_is_a_verdict_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    api = Api(
        over(
            "aborted",
            "r2: 1 pods killed",
            step=1,
            verdicts=[verdict("pass", "fine"), kills("fail", 1)],
        )
    )
    assert run(api, "finish", f"--rollout-id={ID}", *outs(tmp_path, "verdict", "summary")) == 1
    assert read(tmp_path)["verdict"] == "fail"
    assert "oom_kills: fail · r2 1, allowed 0 · r1 0" in capsys.readouterr().out
    assert read(tmp_path)["summary"].count("<svg") == 1


def test_a_shadow_that_kept_stable_is_a_success() -> None:
    shadow = over(
        "kept-stable",
        "every step is done",
        steps=[{**STEP, "mirror_percent": 100}],
        ending="keep-stable",
    )
    assert run(Api(shadow), "finish", f"--rollout-id={ID}") == 0


def test_a_staged_candidate_is_handed_over(capsys: pytest.CaptureFixture[str]) -> None:
    staged = rollout(steps=[{**GATE, "replicas_percent": 100}], phase="waiting", guard=GUARD)
    api = Api(rollout(steps=[{**GATE, "replicas_percent": 100}], phase="starting", step=0), staged)
    assert run(api, "finish", f"--rollout-id={ID}", "--at=waiting") == 0
    assert api.asked[-1] == ("POST", f"/rollouts/{ID}/heartbeat", {"release": True})
    assert "waits for a person's word" in capsys.readouterr().out


def test_nobody_is_waited_for_where_nobody_is_asked(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(Api(rollout()), "approval", f"--rollout-id={ID}") == 0
    assert "no approval was asked for" in capsys.readouterr().out


def test_an_approval_says_how_to_give_it(capsys: pytest.CaptureFixture[str]) -> None:
    steps = [*CANARY, {**CANARY[1], "until": "approval"}]
    api = Api(
        rollout(steps=steps, step=3, phase="waiting"),
        over("promoted", "every step is done", steps=steps),
    )
    assert run(api, "approval", f"--rollout-id={ID}") == 0
    message = capsys.readouterr().out
    assert f"tidegate rollout approve {ID} --step 3" in message
    assert '/approve with {"step": 3}' in message
    assert "✓ a person has approved" in message


def test_a_refused_approval_fails_in_the_persons_words(capsys: pytest.CaptureFixture[str]) -> None:
    steps = [*CANARY, {**CANARY[1], "until": "approval"}]
    rejected = over("aborted", "reject by bob: numbers look odd", steps=steps)
    assert (
        run(
            Api(rollout(steps=steps, step=3, phase="waiting"), rejected),
            "approval",
            f"--rollout-id={ID}",
        )
        == 1
    )
    assert "reject by bob: numbers look odd" in capsys.readouterr().err


def test_a_rollout_that_does_not_exist_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    api = Api().says(f"GET /rollouts/{ID}", (404, problem("there is no rollout 'x'", "not-found")))
    assert run(api, "finish", f"--rollout-id={ID}") == 1
    assert capsys.readouterr().err == "✗ refused (404 not-found): there is no rollout 'x'\n"


def test_another_service_at_that_address_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    api = Api().says(f"GET /rollouts/{ID}", {"hello": "world"})
    assert run(api, "reach", f"--rollout-id={ID}", "--step=1") == 1
    message = capsys.readouterr().err
    assert (
        "http://tidegate.example does not answer as this version of Tidegate does (id: Field "
        "required)" in message
    )
