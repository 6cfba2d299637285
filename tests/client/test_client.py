"""The client over hand-made transports: problems, silence, pages, and streams that break."""

import json
import subprocess
import sys

import httpx2
import pytest

from tests.cli import answers as a
from tidegate.client import ApiProblem, Client, Options, Unreachable, UnreadableAnswer
from tidegate.schemas.responses import EndpointOut


def client(answer, **more):
    """A client whose every request goes to `answer`."""
    return Client(
        "http://tidegate.example/prefix", "tg_x", transport=httpx2.MockTransport(answer), **more
    )


def test_a_call_carries_what_was_asked():
    seen = []

    def answer(request):
        seen.append(request)
        return httpx2.Response(202, json=a.rollout(warnings=[]))

    options = Options(dry_run=True, generation=7, key="run-1")
    client(answer).start_rollout(
        "team-a", "fraud", {"model_version_id": "2"}, supersede=True, options=options
    )
    (request,) = seen
    assert request.url.path == "/prefix/api/v1/endpoints/team-a/fraud/rollouts"
    assert dict(request.url.params) == {"dry_run": "true", "supersede": "true"}
    assert (request.headers["if-match"], request.headers["idempotency-key"]) == ('"7"', "run-1")
    assert request.headers["authorization"] == "Bearer tg_x"
    assert json.loads(request.content) == {"model_version_id": "2"}


def test_what_was_not_asked_is_not_sent():
    def answer(request):
        assert not request.url.query
        assert "if-match" not in request.headers
        return httpx2.Response(202, json=a.rollout(warnings=[]))

    client(answer).act("1", "pause")


def test_names_cannot_leave_their_segment():
    def answer(request):
        assert request.url.raw_path == b"/prefix/api/v1/endpoints/..%2Fx/a%3Fb"
        return httpx2.Response(200, json=a.endpoint())

    client(answer).endpoint("../x", "a?b")


def test_a_problem_is_raised_with_its_parts():
    body = {
        "title": "Conflict",
        "detail": "rollout 1 is still running",
        "code": "rollout-running",
        "errors": [
            {"pointer": "supersede", "detail": "false", "remediation": {"text": "wait"}},
            {"title": "a proxy's"},
        ],
        "request_id": "r-1",
    }
    with pytest.raises(ApiProblem) as caught:
        client(lambda _: httpx2.Response(409, json=body)).whoami()
    problem = caught.value
    assert (problem.status, problem.title, str(problem)) == (
        409,
        "Conflict",
        "rollout 1 is still running",
    )
    error, _ = problem.errors
    assert error.remediation.text == "wait"
    assert (problem.code, problem.request_id, problem.errors[0].pointer) == (
        "rollout-running",
        "r-1",
        "supersede",
    )


def test_a_proxy_that_answers_in_between_is_a_problem_too():
    with pytest.raises(ApiProblem) as caught:
        client(lambda _: httpx2.Response(502, text="<html>bad gateway")).whoami()
    assert (caught.value.status, caught.value.detail) == (502, "<html>bad gateway")


def test_nobody_answers():
    def answer(request):
        raise httpx2.ConnectError("refused")

    with pytest.raises(Unreachable, match="does not answer"):
        client(answer).whoami()


def test_pages_are_read_to_the_end():
    def answer(request):
        token = request.url.params.get("page_token")
        assert request.url.params["namespace"] == "team-a"
        if token is None:
            return httpx2.Response(
                200, json={"items": [a.endpoint("x"), a.endpoint("y")], "next_page_token": "t"}
            )
        return httpx2.Response(200, json={"items": [a.endpoint("z")], "next_page_token": None})

    assert [each.name for each in client(answer).endpoints("team-a")] == ["x", "y", "z"]


class Broken(httpx2.SyncByteStream):
    """A body that ends in the middle of things."""

    def __init__(self, text):
        self._text = text

    def __iter__(self):
        yield self._text.encode()
        raise httpx2.ReadError("connection reset")


def event(number, kind="ledger"):
    return f'id: {number}.0\nevent: {kind}\ndata: {{"seq": {number}}}\n\n'


def test_a_broken_stream_goes_on_after_the_last_whole_event():
    bodies = [Broken(event(1) + ": still here\n\n" + "id: 2.0\nevent: led"), event(2) + event(3)]
    resumed = []
    naps = []

    def answer(request):
        resumed.append(request.headers.get("last-event-id"))
        if not bodies:
            return httpx2.Response(404, json={"title": "Not Found"})
        body = bodies.pop(0)
        if isinstance(body, Broken):
            return httpx2.Response(200, stream=body)
        return httpx2.Response(200, text=body)

    results = []

    def read():
        for item in client(answer, sleep=naps.append).events("team-a", "fraud"):
            results.append(item.data["seq"])

    with pytest.raises(ApiProblem):
        read()
    assert results == [1, 2, 3]
    assert resumed == [None, "1.0", "3.0"]
    assert len(naps) == 1


def test_a_stream_that_never_comes_gives_up():
    naps = []

    def answer(request):
        raise httpx2.ConnectError("refused")

    with pytest.raises(Unreachable, match="3 times in a row"):
        next(client(answer, sleep=naps.append).events("team-a", "fraud", patience=3))
    assert naps == sorted(naps)
    assert len(naps) == 2


def test_an_answer_is_a_value_of_the_services_own_model():
    endpoint = client(
        lambda _: httpx2.Response(200, json={**a.endpoint(), "newer": "field"})
    ).endpoint("demo", "add-sub")
    assert isinstance(endpoint, EndpointOut)
    assert (endpoint.stable.label, endpoint.traffic.desired.text) == ("r1", "r1 100 %")


def test_an_answer_that_is_none_names_the_field():
    body = {name: value for name, value in a.endpoint().items() if name != "traffic"}
    with pytest.raises(
        UnreadableAnswer, match=r"tidegate.example/prefix .* \(traffic: Field required\)"
    ):
        client(lambda _: httpx2.Response(200, json=body)).endpoint("demo", "add-sub")


def test_answers_can_be_prepared_before_they_are_read():
    def loud(answer):
        return {**answer, "reason": "CREATED"}

    endpoint = client(lambda _: httpx2.Response(200, json=a.endpoint()), prepare=loud).endpoint(
        "demo", "add-sub"
    )
    assert endpoint.reason == "CREATED"


def test_the_client_alone_brings_no_server():
    code = "import sys, tidegate.client; print([n for n in ('fastapi', 'sqlalchemy', 'starlette') if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
