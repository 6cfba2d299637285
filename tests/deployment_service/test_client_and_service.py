"""The shared client against the real service: one scenario from a model to an undo."""

import pytest

from tidegate.client import ApiProblem, Client, Options

pytestmark = pytest.mark.real


def test_a_scenario_from_model_to_delete(make_api):
    api = make_api(stream_limit=0.05)
    with Client("http://testserver", api.token, transport=api.client._transport) as client:
        client.create_model("fraud")
        for version in ("1", "2"):
            client.create_version("fraud", version, f"s3://models/fraud/{version}/")
        assert [v.version_id for v in client.versions("fraud")] == ["1", "2"]
        body = {"name": "demo-triton", "model_id": "fraud", "model_version_id": "1"}
        client.create_endpoint(body, namespace="team-a")
        started = client.start_rollout(
            "team-a", "demo-triton", {"model_version_id": "2"}, options=Options(key="k")
        )
        assert (
            client.start_rollout(
                "team-a", "demo-triton", {"model_version_id": "2"}, options=Options(key="k")
            )
            == started
        )
        assert client.rollout(started.id).phase == "starting"
        assert client.act(started.id, "pause", reason="lunch").id == started.id
        with pytest.raises(ApiProblem) as caught:
            client.act(started.id, "promote")
        assert caught.value.code == "rollout-drives"
        first = next(client.events("team-a", "demo-triton"))
        assert (first.kind, first.data["name"]) == ("endpoint", "demo-triton")
        assert client.undo("team-a", "demo-triton").id == started.id
        seen = client.endpoint("team-a", "demo-triton")
        gone = client.delete_endpoint(
            "team-a", "demo-triton", options=Options(generation=seen.generation)
        )
        assert gone.phase == "deleting"
        assert client.history("team-a", "demo-triton").intents[0].stable is None
        assert client.verify_ledger().intact is True
        assert client.readiness().ready is True
