"""Questions to an API server, answered by hand: how often, with what, and what an odd answer
means."""

import json
from pathlib import Path

import httpx2
import pytest

from tidegate.core.access import EVERYWHERE, Role
from tidegate.web.problems import ApiError
from tidegate.web.tokenreview import ACCESS, REVIEW, ApiServer, Identity, Reviews

ANN = {"username": "ann", "groups": ["ml"], "uid": "7", "extra": {"scopes": ["x"]}}


class FakeReviews:
    """An API server that says what it is told to."""

    def __init__(self, folder: Path):
        self.file = folder / "token"
        self.time = 0.0
        self.asked = []
        self.file.write_text("own\n")
        self.review = {"authenticated": True, "user": ANN, "audiences": ["tidegate"]}
        self.allowed = {"allowed": True}
        server = ApiServer("https://kubernetes", None, self.file, "tidegate")
        self.reviews = Reviews(
            server, transport=httpx2.MockTransport(self.answer), clock=lambda: self.time
        )

    def answer(self, request):
        assert request.headers["authorization"] == "Bearer own"
        self.asked.append((request.url.path, json.loads(request.content)["spec"]))
        if request.url.path == REVIEW:
            status = self.review
        else:
            status = self.allowed
        if status:
            return httpx2.Response(201, json={"status": status})
        return httpx2.Response(403)


@pytest.fixture
def world(tmp_path):
    return FakeReviews(tmp_path)


def test_answers_hold_for_seconds_only(world):
    for _ in range(3):
        assert world.reviews.identity("t") == Identity("ann", ("ml",), "7", {"scopes": ["x"]})
    assert world.asked == [(REVIEW, {"token": "t", "audiences": ["tidegate"]})]
    world.time = 10.1
    world.review = {"authenticated": False}
    with pytest.raises(ApiError, match="does not know this token"):
        world.reviews.identity("t")


def test_what_is_asked_of_a_role(world):
    ann = world.reviews.identity("t")
    assert world.reviews.allowed(ann, Role.VIEWER, "team-a") == ""
    assert world.reviews.allowed(ann, Role.APPROVER, EVERYWHERE) == ""
    requests = [spec for path, spec in world.asked if path == ACCESS]
    assert requests[0]["resourceAttributes"] == {
        "group": "serving.kserve.io", "resource": "inferenceservices", "verb": "get", "namespace": "team-a",
    }  # fmt: skip
    values = {name: requests[0][name] for name in ("user", "groups", "uid", "extra")}
    assert values == {"user": "ann", "groups": ["ml"], "uid": "7", "extra": {"scopes": ["x"]}}
    assert (
        requests[1]["resourceAttributes"]["verb"],
        requests[1]["resourceAttributes"]["namespace"],
    ) == ("update", "")
    world.time = 11
    world.allowed = {"allowed": True, "denied": True}
    assert "does not let 'ann' get" in world.reviews.allowed(ann, Role.VIEWER, "team-a")


def test_an_api_server_that_ignores_audiences_vouches_for_nobody(world):
    world.review = {"authenticated": True, "user": ANN}
    with pytest.raises(ApiError) as error:
        world.reviews.identity("t")
    assert error.value.status == 401


def test_an_api_server_that_does_not_say_is_503_and_not_kept(world):
    world.review = None
    with pytest.raises(ApiError) as error:
        world.reviews.identity("t")
    assert (error.value.status, error.value.code) == (503, "no-api-server")
    assert "t" not in error.value.detail.split("(")[0].split()
    world.review = {"authenticated": True, "user": ANN, "audiences": ["tidegate"]}
    assert world.reviews.identity("t").name == "ann"
    world.file.unlink()
    with pytest.raises(ApiError, match="cannot be asked"):
        world.reviews.allowed(Identity("ann"), Role.VIEWER, "team-a")
