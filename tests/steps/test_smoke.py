"""The smoke test's yes and no; the real inference is in test_runs."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.steps.standin import CANARY, GATE, ID, Api, endpoint, over, rollout, run

STEPS = [GATE, *CANARY]
READY = rollout(steps=STEPS, phase="waiting", routed_percent=0, candidate_url="http://127.0.0.1:9")
REJECTED = over("aborted", "reject by pipeline: smoke test: no", steps=STEPS, step=1)
GOLDEN = json.dumps(
    {
        "model": "add_sub",
        "inputs": [{"name": "INPUT0", "datatype": "FP32", "shape": [1], "data": [1]}],
        "outputs": [{"name": "OUTPUT0", "data": [2]}],
    }
)


def test_without_a_stop_there_is_nothing_to_test(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(Api(rollout()), "smoke", f"--rollout-id={ID}", f"--golden={GOLDEN}") == 0
    assert "no smoke test was asked for" in capsys.readouterr().out


def test_a_stop_that_is_past_is_not_tested_again() -> None:
    api = Api(rollout(steps=STEPS, step=2))
    assert run(api, "smoke", f"--rollout-id={ID}", f"--golden={GOLDEN}") == 0
    assert api.changes() == []


def test_a_golden_answer_that_is_none_rejects(capsys: pytest.CaptureFixture[str]) -> None:
    api = Api(READY)
    assert run(api, "smoke", f"--rollout-id={ID}", "--golden={}", "--run-id=run-1") == 1
    assert api.changes() == [f"POST /rollouts/{ID}/reject"]
    assert "nothing has moved: --golden is missing" in capsys.readouterr().err


def test_who_was_rejected_is_not_asked_again(capsys: pytest.CaptureFixture[str]) -> None:
    api = Api(REJECTED)
    assert run(api, "smoke", f"--rollout-id={ID}", f"--golden={GOLDEN}") == 1
    assert api.changes() == []
    assert "reject by pipeline: smoke test: no" in capsys.readouterr().err


STAGED = rollout(
    strategy="blue-green", steps=[GATE], phase="waiting", candidate_url="http://127.0.0.1:9"
)
PROMOTE = ("smoke", "--strategy=promote", "--endpoint=team/fraud", f"--golden={GOLDEN}")
DEPLOYED = ("smoke", "--strategy=deploy", "--endpoint=team/fraud", f"--golden={GOLDEN}")


def staged(*observations: dict[str, Any]) -> Api:
    """An endpoint whose rollout waits to be promoted."""
    api = Api(*observations).says("GET /endpoints/team/fraud", endpoint(rollout=observations[0]))
    return api.says(
        "GET /endpoints/team/fraud/rollouts", {"items": [observations[0]], "next_page_token": None}
    )


def deployed(*urls: str, mode: str = "standard", protocol: str = "v2") -> Api:
    """An endpoint that is ready."""
    made = endpoint(mode=mode, urls=list(urls))
    made["stable"]["runtime_config"]["protocolVersion"] = protocol
    return Api().says("GET /endpoints/team/fraud", made)


def test_a_candidate_that_nobody_asks_is_named_for_the_promotion(tmp_path: Path) -> None:
    api = staged(STAGED)
    assert run(api, *PROMOTE, "--smoke=false", f"--out-rollout-id={tmp_path / 'id'}") == 0
    assert (tmp_path / "id").read_text() == ID
    assert api.changes() == []


def test_a_candidate_that_does_not_answer_fails_the_task_and_is_left_alone(
    capsys: pytest.CaptureFixture[str],
) -> None:
    api = staged(STAGED)
    assert run(api, *PROMOTE, "--smoke=true") == 1
    message = capsys.readouterr().err
    assert (
        "r2 failed the smoke test, nothing is promoted: http://127.0.0.1:9 does not answer"
        in message
    )
    assert "`tidegate rollout abort team/fraud` keeps stable it" in message
    assert api.changes() == []


def test_a_candidate_that_was_rolled_back_meanwhile_is_not_asked(
    capsys: pytest.CaptureFixture[str],
) -> None:
    starting = {**STAGED, "phase": "starting", "candidate_url": None}
    assert (
        run(staged(starting, over("aborted", "not ready in 600 s")), *PROMOTE, "--smoke=true") == 1
    )
    assert "r1 serves, r2 was rolled back (aborted): not ready in 600 s" in capsys.readouterr().err


def test_a_candidate_past_its_promotion_is_not_asked(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(staged({**STAGED, "phase": "promoting"}), *PROMOTE, "--smoke=true") == 0
    assert "r2 is past its promotion" in capsys.readouterr().out


def test_an_endpoint_that_nobody_asks_needs_no_answer(capsys: pytest.CaptureFixture[str]) -> None:
    api = Api()
    assert run(api, *DEPLOYED, "--smoke=false") == 0
    assert api.asked == []
    assert "no smoke test was asked for" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("urls", "message"),
    [
        (("http://127.0.0.1:9",), "http://127.0.0.1:9 does not answer"),
        ((), "the address does not answer: none is known yet"),
    ],
)
def test_an_endpoint_that_does_not_answer_stays(
    urls: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    api = deployed(*urls)
    assert run(api, *DEPLOYED, "--smoke=true") == 1
    text = capsys.readouterr().err
    assert f"team/fraud is deployed and failed the smoke test: {message}" in text
    assert "the endpoint stays and serves" in text
    assert "`tidegate endpoint delete team/fraud`" in text
    assert api.changes() == []


@pytest.mark.parametrize(("mode", "scheme"), [("knative", "grpc"), ("standard", "http")])
def test_grpc_is_spoken_where_an_endpoint_has_no_other_port(
    mode: str, scheme: str, capsys: pytest.CaptureFixture[str]
) -> None:
    api = deployed("http://127.0.0.1:9", mode=mode, protocol="grpc-v2")
    assert run(api, *DEPLOYED, "--smoke=true") == 1
    assert f"{scheme}://127.0.0.1:9 does not answer" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--strategy=undo",), "--strategy 'undo' is unknown"),
        ((), "--rollout-id is missing: name the rollout"),
    ],
)
def test_whom_to_ask_has_to_be_said(
    flags: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(Api(), "smoke", *flags) == 2
    assert message in capsys.readouterr().err
