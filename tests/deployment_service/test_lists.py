"""Lists cost the same number of statements whatever their length; names and ids that are nearly
right are understood; what was deleted keeps its past."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
import sqlalchemy as sa

from tests.deployment_service.conftest import DEMO
from tidegate.core.intent import EndpointKey
from tidegate.core.rollout import Outcome, Rollout
from tidegate.core.strategy import manual
from tidegate.store import rollouts, tokens
from tidegate.store.values import Principal

pytestmark = pytest.mark.real
PATH = "/api/v1/endpoints/team-a/demo-triton"
PARAMETERS = ("namespace", "name", "rollout_id", "model_id", "user", "token", "role")


@contextmanager
def counted() -> Iterator[list[str]]:
    """The statements of every engine while the block runs."""
    statements: list[str] = []

    def note(_connection, _cursor, statement, *_):
        statements.append(statement)

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", note)


def cost(api, path: str) -> tuple[int, int]:
    """(statements, items) of a list."""
    with counted() as statements:
        page = api.ok("GET", path)
    return len(statements), len(page.get("items", page.get("ledger", ())))


def delete(api) -> None:
    tag = api.get(PATH).headers["ETag"]
    assert api.call("DELETE", PATH, headers={"If-Match": tag}).status_code == 202
    api.reconcile(status={"phase": "gone"})


LISTS = (
    "/api/v1/endpoints",
    f"{PATH}/rollouts",
    f"{PATH}/revisions",
    f"{PATH}/history",
    "/api/v1/models",
    "/api/v1/models/add_sub/versions",
    "/api/v1/users",
    "/api/v1/access/team-a/bindings",
    "/api/v1/access/team-a/tokens",
)


def fill(api, reconcile_: int) -> None:
    """One more of everything that is listed."""
    api.endpoint(name=f"more-{reconcile_}")
    api.ok("POST", "/api/v1/models", {"model_id": f"model-{reconcile_}"})
    version = {"version_id": f"v{reconcile_}", "uri": f"s3://models/add_sub/v{reconcile_}/"}
    api.ok("POST", "/api/v1/models/add_sub/versions", version)
    api.ok(
        "POST",
        f"{PATH}/rollouts?supersede=true",
        {"model_version_id": f"v{reconcile_}", "strategy": "ab"},
    )
    api.ok(
        "POST", "/api/v1/users", {"name": f"user-{reconcile_}", "password": "long enough for it"}
    )
    api.ok(
        "POST", "/api/v1/access/team-a/bindings", {"user": f"user-{reconcile_}", "role": "viewer"}
    )
    api.ok(
        "POST", "/api/v1/access/team-a/tokens", {"name": f"token-{reconcile_}", "role": "viewer"}
    )


def test_a_list_of_many_costs_as_many_statements_as_one_of_few(api):
    api.endpoint()
    fill(api, 1)
    few = {path: cost(api, path) for path in LISTS}
    for reconcile_ in range(2, 5):
        fill(api, reconcile_)
    many = {path: cost(api, path) for path in LISTS}
    longer = {path for path in LISTS if many[path][1] > few[path][1]}
    assert longer == set(LISTS)
    assert {path: count for path, (count, _) in many.items()} == {
        path: count for path, (count, _) in few.items()
    }


def test_a_rollout_in_a_list_is_as_it_is_alone(api):
    api.endpoint()
    first = api.rollout(strategy="ab")["id"]
    api.ok("POST", f"/api/v1/rollouts/{first}/pause", {"reason": "lunch"})
    (listed,) = api.ok("GET", f"{PATH}/rollouts")["items"]
    assert listed == api.ok("GET", f"/api/v1/rollouts/{first}")
    assert listed["pending"] == ["pause"]


def test_the_past_of_a_deleted_endpoint_stays(api):
    api.endpoint()
    started = api.rollout()
    before = api.ok("GET", f"{PATH}/history")
    delete(api)
    assert api.get(PATH).status_code == 404
    after = api.ok("GET", f"{PATH}/history")
    assert [entry["seq"] for entry in before["ledger"]] == [
        entry["seq"] for entry in after["ledger"]
    ][-2:]
    assert after["intents"][0]["stable"] is None
    assert [item["revision"] for item in api.ok("GET", f"{PATH}/revisions")["items"]] == [2, 1]
    assert [item["id"] for item in api.ok("GET", f"{PATH}/rollouts")["items"]] == [started["id"]]


def test_what_never_was_has_no_past(api):
    for what in ("history", "revisions", "rollouts"):
        assert api.get(f"/api/v1/endpoints/team-a/nothing/{what}").status_code == 404


def test_the_beginning_of_a_rollouts_id_is_enough(api):
    api.endpoint()
    whole = api.rollout()["id"]
    assert api.ok("GET", f"/api/v1/rollouts/{whole[:8]}")["id"] == whole
    assert api.ok("POST", f"/api/v1/rollouts/{whole[:8]}/abort", {})["id"] == whole
    assert api.get(f"/api/v1/rollouts/{whole[:5]}").status_code == 404
    assert api.get("/api/v1/rollouts/%25%25%25%25%25%25").status_code == 404


def test_one_list_holds_the_rollouts_of_every_endpoint_the_newest_first(api):
    path = "/api/v1/endpoints/team-b/demo-triton"
    api.models()
    for namespace in ("team-a", "team-b"):
        api.ok("POST", f"/api/v1/endpoints?namespace={namespace}", DEMO)
    first = api.rollout(PATH)["id"]
    second = api.rollout(path, strategy="ab")["id"]

    def listed(query="", **more):
        items = api.ok("GET", f"/api/v1/rollouts{query}", **more)["items"]
        return [item["id"] for item in items]

    assert listed() == [second, first]
    assert listed("?namespace=team-a") == [first]
    api.reconcile(progress=lambda old: replace(old, outcome=Outcome.ABORTED))
    assert listed("?running=true") == [second]
    assert listed() == [second, first]
    whole = api.ok("GET", "/api/v1/rollouts")["items"]
    assert whole == [api.ok("GET", f"/api/v1/rollouts/{item['id']}") for item in whole]
    page = api.ok("GET", "/api/v1/rollouts?page_size=1")
    assert listed(f"?page_size=1&page_token={page['next_page_token']}") == [first]

    with api.store.begin() as tx:
        ann = tokens.create(tx, Principal("ann", ("viewer",), "team-a"), author="test")
    as_ann = {"Authorization": f"Bearer {ann}"}
    assert listed(headers=as_ann) == [first]
    assert api.get("/api/v1/rollouts?namespace=team-b", headers=as_ann).status_code == 403


def superseding(api, namespace, rollout_id):
    """A rollout with this id, which supersedes the one that runs there."""
    with api.store.begin() as tx:
        key = EndpointKey(namespace, "demo-triton")
        rollouts.start(tx, key, Rollout(rollout_id, manual(), 1, 2, "ann"), supersede=True)


def test_a_beginning_means_only_rollouts_that_the_caller_may_view(api):
    mine = "c0ffee-mine"
    theirs = "c0ffee-theirs"
    also_theirs = "decade-theirs"
    api.models()
    for namespace in ("team-a", "team-b"):
        api.ok("POST", f"/api/v1/endpoints?namespace={namespace}", DEMO)
        api.rollout(f"/api/v1/endpoints/{namespace}/demo-triton")
    superseding(api, "team-a", mine)
    superseding(api, "team-b", theirs)
    superseding(api, "team-b", also_theirs)
    with api.store.begin() as tx:
        ann = tokens.create(tx, Principal("ann", ("viewer",), "team-a"), author="test")
    as_ann = {"Authorization": f"Bearer {ann}"}

    both = api.get("/api/v1/rollouts/c0ffee")  # of somebody who may view both
    assert both.json()["code"] == "ambiguous"
    assert f"several rollouts: {theirs}, {mine}" in both.json()["detail"]
    assert api.ok("GET", "/api/v1/rollouts/c0ffee", headers=as_ann)["id"] == mine
    hidden = api.get("/api/v1/rollouts/decade", headers=as_ann)
    never = api.get("/api/v1/rollouts/facade", headers=as_ann)
    assert (hidden.status_code, hidden.json()["code"]) == (404, "not-found")
    assert hidden.json()["detail"].replace("decade", "facade") == never.json()["detail"]
    abort = api.post("/api/v1/rollouts/c0ffee/abort", headers=as_ann)
    assert abort.status_code == 403  # it is found, and she only views it

    superseding(api, "team-a", "c0ffee-mine-too")
    assert api.get("/api/v1/rollouts/c0ffee", headers=as_ann).json()["code"] == "ambiguous"


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "meant"),
    [
        ("GET", "/api/v1/endpoints/team-a/demo-tritn", None, 404, "demo-triton"),
        ("GET", "/api/v1/endpoints/team-a/demo-tritn/history", None, 404, "demo-triton"),
        ("GET", "/api/v1/models/add_sup", None, 404, "add_sub"),
        (
            "POST",
            f"{PATH}/rollouts",
            {"model_id": "addsub", "model_version_id": "2"},
            422,
            "add_sub",
        ),
        (
            "POST",
            f"{PATH}/rollouts",
            {"model_version_id": "release-2026-1"},
            422,
            "release-2026-01",
        ),
    ],
)
def test_a_near_name_is_suggested(api, method, path, body, status, meant):
    api.endpoint()
    version = {"version_id": "release-2026-01", "uri": "s3://models/add_sub/r/"}
    api.ok("POST", "/api/v1/models/add_sub/versions", version)
    answer = api.call(method, path, body)
    assert answer.status_code == status
    assert f"(did you mean {meant}?)" in answer.json()["errors"][0]["detail"]


def test_names_of_other_namespaces_are_not_suggested(api):
    api.models()
    body = {"name": "secret-plan", "model_id": "add_sub", "model_version_id": "1"}
    api.ok("POST", "/api/v1/endpoints?namespace=team-b", body)
    answer = api.get("/api/v1/endpoints/team-a/secret-pla")
    assert answer.status_code == 404
    assert "did you mean" not in answer.text


def test_every_path_names_all_the_methods_that_it_takes(api):
    for path, operations in api.ok("GET", "/openapi.json")["paths"].items():
        known = {method.upper() for method in operations}
        wrong = next(method for method in ("PUT", "PATCH", "DELETE", "GET") if method not in known)
        filled = path
        for name in PARAMETERS:
            filled = filled.replace(f"{{{name}}}", "viewer" if name == "role" else "a")
        answer = api.call(wrong, filled)
        if "verify/" in path:
            continue  # forward-auth takes whatever method its caller used
        assert answer.status_code == 405, (wrong, filled, answer.text)
        assert set(answer.headers["Allow"].split(", ")) == known, path
        assert answer.headers["Allow"] in answer.json()["detail"]
