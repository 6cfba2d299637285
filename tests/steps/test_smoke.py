"""The smoke test's yes and no; the real inference is in test_runs."""

import json

import pytest

from tests.steps.standin import CANARY, GATE, ID, Api, over, rollout, run

STEPS = [GATE, *CANARY]
READY = rollout(steps=STEPS, phase="waiting", observed_percent=0, candidate_url="http://127.0.0.1:9")
REJECTED = over("aborted", "reject by pipeline: smoke test: no", steps=STEPS, step=0)
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
    api = Api(rollout(steps=STEPS, step=1))
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
