"""The HTTP API of Prometheus: what is asked, and every way in which it does not answer."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from tests.deploy_worker.meters.fake_prometheus import FakePrometheus
from tests.deploy_worker.meters.world import KEY, START
from tests.http_server import HttpServer, Reply, Request
from tidegate.core.errors import TidegateError
from tidegate.core.ports import Unavailable
from tidegate.deploy_worker.meters.series import Answer, Prometheus
from tidegate.deploy_worker.meters.triton import TritonExplains


class Server:
    """Answers with `reply`, keeps what it was asked."""

    def __init__(self) -> None:
        self.reply = 200, ""
        self.asked: tuple[str, str, dict[str, list[str]]] | None = None
        self.http = HttpServer(self._answer)

    def _answer(self, request: Request) -> Reply:
        self.asked = (
            request.path,
            request.headers.get("authorization", ""),
            parse_qs(request.body.decode()),
        )
        status, text = self.reply
        return Reply(text, status)


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.http.close()


def test_a_range_is_asked_with_the_token_of_the_moment(server: Server, tmp_path: Path) -> None:
    token = tmp_path / "token"
    api = Prometheus(
        f"http://127.0.0.1:{server.http.port}/", lambda: START, token_file=token, timeout=2
    )
    value = '{"metric":{"__name__":"x","pod":"é\\"\\\\"},"values":[[1,"2"],[2,"NaN"],[3.5,"1e3"],[4,"+Inf"]]}'
    server.reply = (
        200,
        '{"status":"success","data":{"resultType":"matrix","result":[' + value + "]}}",
    )
    for secret in ("one", "two"):
        token.write_text(f"{secret}\n")
        seen = api.samples("x", 74.2, 1000.5)
        assert server.asked is not None
        path, authorization, form = server.asked
        assert (path, authorization) == ("/api/v1/query", f"Bearer {secret}")
        assert form == {"query": ["x[75s]"], "timeout": ["2000ms"], "time": ["1000.500"]}
    assert isinstance(seen, Answer)
    assert seen.series[0].labels["pod"] == 'é"\\'
    assert seen.series[0].samples == ((1.0, 2.0), (3.5, 1000.0))
    assert abs(seen.now - START) > 1000  # the server's own date, not our clock


@pytest.mark.parametrize(
    ("status", "text", "says"),
    [
        (
            400,
            '{"status":"error","errorType":"bad_data","error":"parse error"}',
            "refuses the query: parse error",
        ),
        (401, "Unauthorized", "answers 401 without JSON"),
        (200, "<html>", "without JSON: is that a Prometheus?"),
        (200, "[]", "not as Prometheus does"),
        (200, '{"status":"success","data":{}}', "not as Prometheus does"),
        (
            200,
            '{"status":"success","data":{"result":[{"metric":{},"values":[["a","b"]]}]}}',
            "not as Prometheus does",
        ),
    ],
)
def test_other_answers_are_told_as_they_are(
    server: Server, status: int, text: str, says: str
) -> None:
    server.reply = status, text
    seen = Prometheus(f"http://127.0.0.1:{server.http.port}", lambda: START).samples("x", 60)
    assert isinstance(seen, Unavailable)
    assert says in seen.detail


def test_nobody_answers(tmp_path: Path) -> None:
    seen = Prometheus("http://127.0.0.1:1", lambda: START).samples("x", 60)
    assert isinstance(seen, Unavailable)
    assert seen.detail.startswith("Prometheus at http://127.0.0.1:1 does not answer")
    missing = Prometheus("http://127.0.0.1:1", lambda: START, token_file=tmp_path / "none").samples(
        "x", 60
    )
    assert isinstance(missing, Unavailable)
    assert "none" in missing.detail


def test_a_ca_file_that_is_none_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "ca.pem"
    broken.write_text("no certificate")
    for path in (broken, tmp_path / "none"):
        with pytest.raises(TidegateError, match=f"ca_file {path}: .*: give the PEM file"):
            Prometheus("https://prometheus", lambda: START, ca_file=path)


def test_triton_explains_a_revision_by_its_pods() -> None:
    prometheus = FakePrometheus(START)
    for pod, metric, reason, value in (
        ("fraud-r2-predictor-a", "success", "", 90),
        ("fraud-r2-predictor-b", "success", "", 10),
        ("fraud-r2-predictor-a", "failure", "BACKEND", 4),
        ("fraud-r2-predictor-a", "failure", "OTHER", 0),
        ("fraud-r21-predictor-a", "failure", "BACKEND", 400),
    ):
        labels = {"__name__": f"nv_inference_request_{metric}", "namespace": "team", "pod": pod}
        prometheus.store(labels | ({"reason": reason} if reason else {}), START, value)
    explain = TritonExplains(Prometheus("http://prometheus", lambda: START, transport=prometheus))
    assert explain(KEY, 2) == ("Triton in 2 pod(s) counted 100 successes; failures: BACKEND 4",)
    assert explain(KEY, 3) == ()
    prometheus.down = True
    assert explain(KEY, 2) == ()
