"""A bug in a route is a problem with a request id, a log line and a count; never a bare 500."""

import pytest
import structlog
from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from starlette.responses import StreamingResponse
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from tidegate.telemetry import configure_logs
from tidegate.web import problems
from tidegate.web.auth import AuthMiddleware, Principal, Strangers
from tidegate.web.bodies import BodyMiddleware
from tidegate.web.telemetry import HttpMetrics, TelemetryMiddleware


@pytest.fixture
def app():
    app = FastAPI()
    app.state.metrics = CollectorRegistry()
    problems.install(app)

    @app.get("/bug")
    def bug():
        raise KeyError("x")

    @app.get("/late")
    def late():
        def body():
            yield b"begun"
            raise KeyError("x")

        return StreamingResponse(body())

    @app.get("/open")
    def open_() -> str:
        return "open"

    app.add_middleware(BodyMiddleware, limit=10)
    app.add_middleware(
        AuthMiddleware,
        lookup=lambda secret: Principal("ann") if secret == "good" else None,
        open_paths=frozenset({"/open"}),
        strangers=Strangers(app.state.metrics),
    )
    app.add_middleware(
        TelemetryMiddleware, metrics=HttpMetrics(app.state.metrics), clock=lambda: 7.0
    )
    return app


def test_a_bug_is_answered_logged_and_counted(app):
    client = TestClient(app, headers={"Authorization": "Bearer good", "X-Request-ID": "r-1"})
    with capture_logs() as logs:
        answer = client.get("/bug")
    assert (answer.status_code, answer.json()["code"], answer.json()["request_id"]) == (
        500,
        "bug",
        "r-1",
    )
    assert "r-1" in answer.json()["detail"]
    assert [entry["event"] for entry in logs] == ["unhandled", "request"]
    assert (logs[1]["principal"], logs[1]["status"]) == ("ann", 500)
    labels = {"method": "GET", "route": "/bug", "status": "500"}
    assert app.state.metrics.get_sample_value("tidegate_http_requests_total", labels) == 1


def test_an_answer_that_has_begun_breaks_the_connection(app):
    client = TestClient(app, headers={"Authorization": "Bearer good"})
    with pytest.raises(KeyError):
        client.get("/late")


@pytest.mark.parametrize("header", ["", "Basic good", "Bearer", "Bearer bad", "bad"])
def test_closed_unless_open(app, header):
    client = TestClient(app, headers={"Authorization": header})
    assert client.get("/open").status_code == 200
    for path in ("/bug", "/nothing", "/open/", "/OPEN"):
        answer = client.get(path)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == 'Bearer realm="tidegate"'


def test_a_body_without_a_length_is_bounded_too(app):
    client = TestClient(
        app, headers={"Authorization": "Bearer good", "Content-Type": "application/json"}
    )
    answer = client.post("/bug", content=iter([b"[1,", b"2,", b"3,4,5,6]"]))
    assert (answer.status_code, answer.json()["code"]) == (413, "too-large")


def test_a_logged_exception_keeps_the_values_of_variables_to_itself(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure_logs()
    try:
        _fail("planted-password")
    except ValueError:
        structlog.get_logger().exception("it failed")
    finally:
        structlog.reset_defaults()
    line = capsys.readouterr().err
    assert "it failed" in line
    assert '"_fail"' in line
    assert "planted" not in line


def _fail(password: str) -> None:
    raise ValueError(f"a password of {len(password)} letters")
