"""A shadow under load on the real plane: copies are answered by a real Triton, counted by Envoy,
judged, and the candidate ends with stable kept or rolled back. No client ever sees an answer of
it."""

import pytest

from tests.system.load import Load
from tests.system.real import RealEndpoint

pytestmark = pytest.mark.real
STEP = {"mirror_percent": 100, "until": "pass", "bake_seconds": 2}
SHADOW = {"kind": "shadow", "steps": [STEP], "ending": "keep-stable"}


def errors(rollout: dict) -> dict:
    """The verdict on errors."""
    return next(each for each in rollout["verdicts"] if each["metric"] == "errors")


def test_a_good_shadow_passes_and_keeps_stable(endpoint: RealEndpoint) -> None:
    with Load(endpoint.address) as load:
        over = endpoint.start("good-v2", SHADOW, side_effects="none").over()
        assert set(load.by_revision()) == {"r1"}
    assert (over["outcome"], over["outcome_message"]) == (
        "kept-stable",
        "every step is done; errors pass",
    )
    assert errors(over)["candidate_requests"] > 50
    assert (errors(over)["candidate_bad"], load.scenario) == (0, [])


def test_a_shadow_whose_copies_fail_is_rolled_back_and_no_client_noticed(
    endpoint: RealEndpoint,
) -> None:
    with Load(endpoint.address) as load:
        over = endpoint.start("flaky", SHADOW, side_effects="none").over()
        assert set(load.by_revision()) == {"r1"}
    assert over["outcome"] == "aborted"
    assert over["outcome_message"].startswith("errors: candidate")
    assert errors(over)["candidate_bad"] > 0
    assert (errors(over)["stable_bad"], load.scenario) == (0, [])
