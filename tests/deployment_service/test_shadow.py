"""What a shadow needs is said before it starts: harmless copies that are counted, and nothing live
beside them."""

import pytest

from tidegate.core.ports import Capabilities

pytestmark = pytest.mark.real
PATH = "/api/v1/endpoints/team-a/demo-triton"
SHADOW = {"strategy": "shadow", "model_version_id": "2", "side_effects": "none"}
COPIED = {"mirror_percent": 50, "until": "pass"}


def refused(api, **body):
    """The pointers and details of a 422."""
    answer = api.post(f"{PATH}/rollouts?dry_run=true", {**SHADOW, **body})
    assert answer.status_code == 422, answer.text
    return {
        each["pointer"]: f"{each['detail']}: {each['remediation']['text']}"
        for each in answer.json()["errors"]
    }


def test_copies_that_nobody_counts_are_no_data_before_it_starts(api):
    api.endpoint()
    api.worker(
        Capabilities(copies="Istio's gateway does not report the answers to mirrored requests")
    )
    result = refused(api)
    assert result["/strategy"].startswith("no data: Istio's gateway does not report")
    by_person = {
        "kind": "shadow",
        "steps": [{"mirror_percent": 50, "until": "approval"}],
        "ending": "keep-stable",
    }
    assert (
        api.post(f"{PATH}/rollouts?dry_run=true", {**SHADOW, "strategy": by_person}).status_code
        == 200
    )


def test_copies_of_grpc_requests_hide_their_errors(api):
    config = {"modelFormat": "triton", "protocolVersion": "grpc-v2"}
    api.endpoint(runtime_config=config)
    assert "no grpc-status of copies" in refused(api)["/strategy"]


@pytest.mark.parametrize("live", [{"percent": 5}, {"match": [{"name": "x-team", "value": "blue"}]}])
def test_a_shadow_has_no_live_share(api, live):
    api.endpoint()
    (pointer,) = refused(api, strategy={"kind": "shadow", "steps": [{**COPIED, **live}]})
    assert pointer == f"/strategy/steps/0/{next(iter(live))}"


def test_a_shadow_without_copies_is_none(api):
    api.endpoint()
    result = refused(api, strategy={"kind": "shadow", "steps": [{"until": "approval"}]})
    assert result == {
        "/strategy/steps/0/mirror_percent": "a shadow's step needs copies: send 1 to 100"
    }


def test_whoever_mirrors_says_that_it_does_no_harm(api):
    api.endpoint()
    plan = {"kind": "canary", "steps": [{"percent": 5, **COPIED}]}
    assert "/side_effects" in refused(api, strategy=plan, side_effects=None)
    assert (
        api.post(f"{PATH}/rollouts?dry_run=true", {**SHADOW, "strategy": plan}).status_code == 200
    )
