"""Who may register a version of a model, and from where: another team's model is not mine to
poison, and what the service may read is not mine to read through it."""

import pytest

from tests.deployment_service.test_access import token
from tests.deployment_service.test_tenants import MAY
from tidegate.core.access import EVERYWHERE, Role

pytestmark = pytest.mark.real


def register(api, secret, model, version, uri):
    body = {"version_id": version, "uri": uri}
    auth = {"Authorization": f"Bearer {secret}"}
    answer = api.post(f"/api/v1/models/{model}/versions", body, headers=auth)
    return answer.status_code, answer.json()


def test_versions_are_of_those_who_may_edit_wherever_the_model_serves(api):
    api.models()
    mine = token(api, Role.EDITOR, "team-a")
    theirs = token(api, Role.EDITOR, "team-b")
    everywhere = token(api, Role.EDITOR, EVERYWHERE)
    status, message = register(api, mine, "add_sub", "4", "s3://models/4/")
    assert (status, message["code"]) == (403, "forbidden"), (
        "it serves nowhere, and the admin made it"
    )
    assert "serves nowhere yet" in message["detail"]

    api.endpoint()  # in team-a
    assert register(api, mine, "add_sub", "4", "s3://models/4/")[0] == 201
    status, message = register(api, theirs, "add_sub", "5", "s3://models/5/")
    assert (status, message["code"]) == (403, "forbidden")
    assert "serves in 1 namespace where 'editor@team-b' is no editor" in message["detail"]
    assert "team-a" not in str(message), "a name that the caller cannot view"
    assert register(api, everywhere, "add_sub", "5", "s3://models/5/")[0] == 201

    api.ok(
        "POST", "/api/v1/models", {"model_id": "own"}, headers={"Authorization": f"Bearer {theirs}"}
    )
    assert register(api, theirs, "own", "1", "s3://models/own/")[0] == 201
    assert register(api, mine, "own", "2", "s3://models/own/")[0] == 403


def test_an_address_of_others_is_refused_before_anybody_reads_it(api):
    for name in ("team-a", "team-b"):
        api.ok(
            "PUT",
            f"/api/v1/tenants/{name}",
            {"allowed": MAY | {"uriPrefixes": [f"s3://models/{name}/"]}},
        )
    admin = api.token
    theirs = token(api, Role.EDITOR, "team-b")
    api.ok(
        "POST", "/api/v1/models", {"model_id": "own"}, headers={"Authorization": f"Bearer {theirs}"}
    )
    unreadable = "s3://models/team-a/add_sub"  # whoever reads there is told what lies there
    status, message = register(api, theirs, "own", "1", unreadable)
    assert (status, message["code"], message["errors"][0]["pointer"]) == (
        403,
        "not-allowed",
        "/uri",
    )
    assert "(s3://models/team-b/): store it below one" in message["detail"]
    assert register(api, theirs, "own", "1", "s3://models/team-b/1/")[0] == 201
    assert register(api, admin, "own", "2", unreadable)[0] == 422, (
        "everywhere: the registry is asked"
    )
