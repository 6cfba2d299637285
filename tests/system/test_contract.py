"""The model contract on real Tritons: a renamed input moves nobody, unless somebody answers for it;
and a golden set past the split. One scenario, because every endpoint and candidate of it is a real
server."""

import json

import pytest

from tests.system.load import Load
from tests.system.real import RealEndpoint, RealPlane
from tidegate.steps.golden_set import read, replay
from tidegate.steps.inference import infer

pytestmark = pytest.mark.real
STOP = {"percent": 0, "until": "approval", "bake_seconds": 0}
GATED = {"kind": "canary", "steps": [STOP, {"percent": 50, "bake_seconds": 600}]}


def golden(expected: list[float]) -> str:
    inputs = [
        {"name": name, "datatype": "FP32", "shape": [1, 4], "data": [1, 2, 3, 4]}
        for name in ("INPUT0", "INPUT1")
    ]
    return json.dumps(
        [{"model": "add_sub", "inputs": inputs, "outputs": [{"name": "OUTPUT0", "data": expected}]}]
    )


def test_a_renamed_input_and_a_golden_set(plane: RealPlane, endpoint: RealEndpoint) -> None:
    with Load(endpoint.address) as load:
        refused = endpoint.start("renamed")
        over = refused.over()
        assert (over["outcome"], over["contract"]["compatibility"]) == ("aborted", "breaking")
        assert (
            "add_sub: input INPUT0 is gone: clients that send it are refused"
            in over["outcome_message"]
        )
        assert [difference["breaking"] for difference in over["contract"]["differences"]] == [
            True,
            True,
        ]
        by_hand = plane.ask(
            "PATCH", endpoint.path, {"model_version_id": "renamed", "canary_percent": 50}
        )
        assert by_hand.status_code == 202, by_hand.text
        hand = plane.get(f"{endpoint.path}/rollouts")["items"][0]
        assert hand["strategy"] == "manual"
        refused.id = hand["id"]
        assert refused.over()["contract"]["compatibility"] == "breaking"
        gated = endpoint.start("good-v2", strategy=GATED)
        waiting = gated.wait(
            lambda r: r["phase"] == "waiting" and "//127." in str(r["candidate_url"]),
            "it waits at its stop",
        )
        assert waiting["contract"]["compatibility"] == "compatible"
        url = waiting["candidate_url"]
        assert [result.wrong for result in replay(url, read(golden([2, 4, 6, 8])), infer)] == [""]
        (wrong,) = replay(url, read(golden([2, 4, 6, 9])), infer)
        assert wrong.wrong.startswith("OUTPUT0[3] is 8.0, expected 9")
        gated.action("reject")
        assert gated.over()["outcome"] == "aborted"
        load.wait_for("r1")
    assert load.scenario == [], "nobody noticed any of it"
    accepted = plane.post(
        f"/rollouts/{hand['id']}/retry", accept_breaking=True, reason="clients follow today"
    )
    refused.id = accepted["id"]
    running = refused.wait(lambda r: r["contract"], "its contract is compared")
    assert running["outcome"] is None
    assert running["contract"]["accepted_by"] == running["author"]
    ledger = plane.get(f"{endpoint.path}/history?page_size=100")["ledger"]
    (message,) = [item for item in ledger if item["action"] == "accept-breaking"]
    assert (message["actor"], "INPUT0 is gone" in message["message"]) == (running["author"], True)
