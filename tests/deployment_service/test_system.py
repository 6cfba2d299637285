"""Who may call, and what operators look at."""

from collections.abc import Callable

import pytest
from starlette.testclient import TestClient

from tidegate.core.ports import Capabilities, Fact, State
from tidegate.deployment_service.app import create_app
from tidegate.deployment_service.routes.auth import OPEN_PATHS
from tidegate.settings import Settings
from tidegate.store import Store, tokens
from tidegate.store.values import Principal
from tidegate.web.probes import PATHS

pytestmark = pytest.mark.real


def test_every_path_of_the_document_but_the_probes_is_closed(api):
    document = api.ok("GET", "/openapi.json")
    for path, operations in document["paths"].items():
        for method in operations:
            answer = api.client.request(method, path, json={})
            if path in PATHS:
                assert answer.status_code == 200, path
            elif path in OPEN_PATHS:  # where a token comes from
                assert answer.status_code == 422, path
            else:
                assert answer.status_code == 401, (method, path)
                assert answer.headers["www-authenticate"].startswith("Bearer")
                assert answer.json()["code"] == "unauthorized"


def test_a_wrong_or_revoked_token_is_refused(api):
    good = api.token
    api.token = "tg_wrong"
    assert api.get("/api/v1/whoami").status_code == 401
    api.token = good
    values = {"name": "admin", "roles": ["admin"], "tenants": [], "grants": {"*": "admin"}}
    assert api.ok("GET", "/api/v1/whoami") == values
    with api.store.begin() as tx:
        other = tokens.create(tx, Principal("ann", ("admin",)), author="admin")
    api.token = other
    assert api.ok("GET", "/api/v1/whoami")["name"] == "ann"
    with api.store.begin() as tx:
        tokens.revoke(tx, "ann", author="admin")
    assert api.get("/api/v1/whoami").status_code == 401


def test_readiness_names_its_checks(make_api: Callable):
    api = make_api()
    assert api.client.get("/readyz").json() == {"ready": True, "checks": None}
    checks = api.client.get("/readyz?verbose=true").json()["checks"]
    assert checks["migrations"] == {"ok": True, "detail": "at head", "required": True}
    assert checks["worker"] == {"ok": False, "detail": "none has ever reported", "required": False}
    api.worker()
    assert api.client.get("/readyz?verbose=true").json()["checks"]["worker"]["ok"] is True


def test_while_stopping_it_is_not_ready(api):
    api.client.app.state.services.hub.begin_stop()
    answer = api.client.get("/readyz?verbose=true")
    assert answer.status_code == 503
    assert answer.json()["checks"]["service"]["detail"] == "stopping"


def test_a_database_that_is_away_is_503_and_a_reason():
    store = Store("postgresql://nobody@127.0.0.1:1/none")
    client = TestClient(create_app(store, None, Settings()))
    ready = client.get("/readyz?verbose=true")
    assert ready.status_code == 503
    assert "did not serve" in ready.json()["checks"]["database"]["detail"]
    answer = client.get("/api/v1/whoami", headers={"Authorization": "Bearer tg_x"})
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert client.get("/livez").status_code == 200


def test_metrics_count_by_route_and_not_by_name(api):
    api.endpoint()
    api.get("/api/v1/endpoints/team-a/demo-triton")
    text = api.client.get("/metrics").text
    desired = 'tidegate_http_requests_total{method="GET",route="/endpoints/{namespace}/{name}",status="200"} 1.0'
    assert desired in text
    assert "demo-triton" not in text


def test_request_ids_come_back_when_they_are_harmless(api):
    assert (
        api.get("/api/v1/whoami", headers={"X-Request-ID": "run-7"}).headers["x-request-id"]
        == "run-7"
    )
    assert (
        api.get("/api/v1/whoami", headers={"X-Request-ID": "a b{}"}).headers["x-request-id"]
        != "a b{}"
    )


def test_a_changed_ledger_shows(api):
    import psycopg

    api.endpoint()
    with psycopg.connect(api.store.url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("ALTER TABLE ledger DISABLE TRIGGER ALL")
        connection.execute("UPDATE ledger SET message = 'nothing happened' WHERE action = 'intent'")
    state = api.ok("GET", "/api/v1/ledger/verify")
    assert state["intact"] is False
    assert "changed" in state["broken"]["detail"]


def test_the_doctor_tells_what_the_worker_last_said_of_its_cluster(make_api: Callable):
    api = make_api()
    result = api.ok("GET", "/api/v1/doctor")
    assert result["ok"] is False
    states = {check["name"]: check["state"] for check in result["checks"]}
    assert states == {"database": "ok", "worker": "missing", "cluster": "not checked"}
    keda = Fact("KEDA", State.MISSING, "not there", "install it")
    api.worker(Capabilities(facts=(Fact("KServe", State.OK, "KServe 0.20", needed=True), keda)))
    result = api.ok("GET", "/api/v1/doctor")
    assert result["ok"] is True, "KEDA is optional"
    assert result["checks"][-1]["remediation"] == "install it"
    checks = api.client.get("/readyz?verbose=true").json()["checks"]
    assert checks["cluster: KEDA"] == {
        "ok": False,
        "detail": "missing: not there; install it",
        "required": False,
    }
    api.worker(Capabilities(facts=(Fact("metric source", State.MISSING, "not set", needed=True),)))
    assert api.ok("GET", "/api/v1/doctor")["ok"] is False
