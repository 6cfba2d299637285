"""Who may do what: every route of the app, with every role, in the namespace, in another one and
everywhere."""

from pathlib import Path

import pytest
from fastapi.routing import iter_route_contexts

from tests.deployment_service.conftest import FakeRegistry
from tests.golden_files import check_golden
from tidegate.core.access import EVERYWHERE, Role
from tidegate.deployment_service.access import NEEDS
from tidegate.deployment_service.app import create_app
from tidegate.settings import Settings
from tidegate.store import Store, tokens
from tidegate.store.values import Principal
from tidegate.web.access import Where

pytestmark = pytest.mark.real

ROLES = (None, *Role)
PLACES = ("team-a", "team-b", EVERYWHERE)


def routes(app):
    """(operation, method, path) of everything that the app answers, from its own list."""
    for context in iter_route_contexts(app.routes):
        operation = getattr(context, "operation_id", None) or context.name
        for method in sorted(context.methods - {"HEAD"}):
            yield operation, method, context.path


def token(api, role, place):
    with api.store.begin() as tx:
        held = ()
        if role:
            held = (role.value,)
        return tokens.create(
            tx, Principal(f"{role or 'nobody'}@{place}", held, place), author="test"
        )


def allowed(need, role, place):
    """Said again, apart from the code that decides: the order of the roles, and where each
    counts."""
    if need.where in (Where.OPEN, Where.CALLER):
        return True
    if role is None or ROLES.index(role) < ROLES.index(need.role):
        return False
    match need.where:
        case Where.SOMEWHERE:
            return True
        case Where.INSTALLATION:
            return place == EVERYWHERE
    return place in ("team-a", EVERYWHERE)


def test_every_route_with_every_role_in_every_place(make_api):
    api = make_api(keepalive=0.01, stream_limit=0.01)
    api.worker()
    api.endpoint()
    rollout = api.rollout()["id"]
    path_of = {
        "{namespace}": "team-a",
        "{name}": "demo-triton",
        "{rollout_id}": rollout,
        "{model_id}": "add_sub",
        "{role}": "viewer",
        "{rest:path}": "a/b",
        "{user}": "nobody",
        "{token}": "nothing",
    }
    tokens_of = {(role, place): token(api, role, place) for role in ROLES for place in PLACES}
    seen = set()
    with api.client:  # one loop for all calls
        for operation, method, path in routes(api.client.app):
            assert operation in NEEDS, (
                f"{method} {path} ({operation}) is in no table: add it to access.NEEDS"
            )
            seen.add(operation)
            for name, value in path_of.items():
                path = path.replace(name, value)
            if NEEDS[operation].where is Where.CHOSEN:
                path += "?namespace=team-a"
            _everybody_tries(api.client, operation, method, path, tokens_of)
    assert seen == set(NEEDS), "the table names routes that do not exist"


def _everybody_tries(client, operation, method, path, tokens_of):
    need = NEEDS[operation]
    stranger = client.request(method, path, json={})
    assert (stranger.status_code == 401) == (need.where is not Where.OPEN), (method, path)
    if need.where is Where.OPEN:
        return
    for (role, place), secret in tokens_of.items():
        # a body that never fits: what is allowed gets past the rights and changes nothing
        body = None
        if method != "GET":
            body = {"name": "other", "model_id": "nothing", "model_version_id": "1"}
        answer = client.request(
            method, path, json=body, headers={"Authorization": f"Bearer {secret}"}
        )
        messages = (operation, role, place, answer.status_code, answer.text[:200])
        assert (answer.status_code != 403) == allowed(need, role, place), messages
        assert answer.status_code != 401, messages


def test_a_refusal_stands_in_the_endpoints_ledger_and_lists_hide_other_tenants(api):
    api.endpoint()
    admin = api.token
    api.token = token(api, Role.VIEWER, "team-b")
    assert api.ok("GET", "/api/v1/endpoints")["items"] == []
    assert api.ok("GET", "/api/v1/whoami")["tenants"] == ["team-b"]
    refused = api.post("/api/v1/endpoints/team-a/demo-triton/undo", {})
    assert refused.json()["detail"] == (
        "this needs editor in 'team-a', and 'viewer@team-b' has no role there: ask an admin there "
        "to grant it"
    )
    assert api.get("/api/v1/ledger/verify").status_code == 403
    api.token = admin
    assert len(api.ok("GET", "/api/v1/endpoints")["items"]) == 1
    line = api.ok("GET", "/api/v1/endpoints/team-a/demo-triton/history")["ledger"][0]
    assert (line["actor"], line["action"]) == ("viewer@team-b", "refused")
    assert (line["message"], line["body"]["operation"]) == (refused.json()["detail"], "undo")
    assert api.ok("GET", "/api/v1/ledger/verify")["intact"] is True


def test_an_editor_promotes_on_no_way_around(api):
    """By the percent, by a plan that asks for nothing, by an undo to what never served."""
    path = "/api/v1/endpoints/team-a/demo-triton"
    api.endpoint()
    editor = token(api, Role.EDITOR, "team-a")
    easy = {"kind": "canary", "ending": "promote"}
    easy["steps"] = [{"percent": 1, "until": "no-fail", "bake_seconds": 0}]
    body = {"model_version_id": "2", "strategy": easy}
    refused = api.post(
        f"{path}/rollouts?dry_run=true", body, headers={"Authorization": f"Bearer {editor}"}
    )
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden"), refused.text
    assert api.post(f"{path}/rollouts?dry_run=true", body).status_code == 200
    # A pass that is a formality
    loose = {
        "model_version_id": "2",
        "strategy": "canary",
        "analysis": {"alpha": 0.5},
    }
    refused = api.post(
        f"{path}/rollouts?dry_run=true", loose, headers={"Authorization": f"Bearer {editor}"}
    )
    assert refused.status_code == 403, refused.text
    rollout = api.rollout()["id"]
    api.with_candidate()
    admin = api.token
    api.token = editor
    for percent in (100, None):
        refused = api.patch(path, {"canary_percent": percent}, headers={"If-Match": '"2"'})
        assert (refused.status_code, refused.json()["code"]) == (403, "forbidden"), percent
    assert api.post(f"/api/v1/rollouts/{rollout}/promote", {}).status_code == 403
    assert api.post(f"{path}/undo", {"to": 2}).status_code == 403, "r2 never was stable"
    assert api.patch(path, {"canary_percent": 5}).status_code == 200, "toward stable"
    assert api.post(f"{path}/undo", {"to": 1}).status_code == 202, "toward stable"
    api.token = admin
    assert api.post(f"{path}/undo", {"to": 2}).status_code == 202


def test_the_table_in_the_documentation_is_the_one_in_the_code():
    page = Path(__file__).parents[2] / "docs" / "security.md"
    app = create_app(Store("postgresql://localhost/none"), FakeRegistry(), Settings())
    rows = {}
    for operation, method, path in routes(app):
        if operation in rows and path.startswith(rows[operation][1]):
            continue  # the same, with more behind it
        rows[operation] = (method, path)
    lines = ["| call | needs | where |", "| --- | --- | --- |"]
    for operation, (method, path) in rows.items():
        need = NEEDS[operation]
        role = "-"
        if need.where not in (Where.OPEN, Where.CALLER):
            role = f"`{need.role}`"
        lines.append(
            f"| `{method} {path}` | {role} | {need.where}{f'; {need.more}' if need.more else ''} |"
        )
    begin = "made from the code by a test -->\n"
    end = "<!-- /routes -->"
    before, rest = page.read_text().split(begin)
    desired = before + begin + "\n".join(lines) + "\n" + end + rest.split(end)[1]
    check_golden(page, desired)
