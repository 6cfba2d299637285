"""What a shell is offered: the names that the API knows, and nothing where it does not answer."""

import threading
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.cli import answers as a
from tests.cli.fakes import Cli, FakeApi, problem
from tidegate.core.strategy import Kind


@pytest.fixture
def offered(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Any:
    """What bash is offered behind a line, whose last word is the one that is being typed."""

    def ask(line: str) -> list[str]:
        monkeypatch.setenv("_TIDEGATE_COMPLETE", "complete_bash")
        monkeypatch.setenv("COMP_WORDS", f"tidegate {line}")
        monkeypatch.setenv("COMP_CWORD", str(len(line.split(" "))))
        ended = cli()
        assert (ended.code, ended.err) == (0, "")
        return ended.out.split()

    return ask


@pytest.fixture(autouse=True)
def known(api: FakeApi) -> None:
    api.on(
        "GET", "/endpoints", a.page(a.endpoint("fraud"), a.endpoint("add-sub"), a.endpoint("fake"))
    )
    api.on("GET", "/endpoints/demo/add-sub", a.endpoint())
    api.on(
        "GET",
        "/endpoints/demo/add-sub/revisions",
        a.page(a.plain(a.revision(2)), a.plain(a.revision(1))),
    )
    model = {"description": "", "created_at": "2026-01-01T00:00:00Z", "created_by": "alice"}
    api.on(
        "GET", "/models", a.page({**model, "model_id": "add_sub"}, {**model, "model_id": "fraud"})
    )
    version = {**model, "uri": a.URI, "digest": "sha256-00", "mutable": False}
    for name in ("add_sub", "fraud"):
        versions = [
            {**version, "model_id": name, "version_id": f"{name}-{number}"} for number in (1, 2)
        ]
        api.on("GET", f"/models/{name}/versions", a.page(*versions))
    api.on(
        "GET",
        "/whoami",
        {"name": "ann", "roles": [], "tenants": ["team-a", "team-b"], "grants": {}},
    )


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("endpoint get f", ["fraud", "fake"]),
        ("rollout start ", ["fraud", "add-sub", "fake"]),
        ("rollout status add", ["add-sub"]),
        ("rollout abort demo/a", ["demo/add-sub"]),
        ("undo add", ["add-sub"]),
        ("undo add-sub --to ", ["r2", "r1"]),
        ("rollout start add-sub --revision r2", ["r2"]),
        ("rollout start add-sub --version ", ["add_sub-1", "add_sub-2"]),
        ("rollout start add-sub --model f", ["fraud"]),
        ("rollout start add-sub --model fraud --version ", ["fraud-1", "fraud-2"]),
        ("endpoint create x --model a", ["add_sub"]),
        ("model list ", ["add_sub", "fraud"]),
        (
            "rollout start add-sub --strategy ",
            [kind.value for kind in Kind if kind is not Kind.UNDO],
        ),
        ("rollout start add-sub --strategy s", ["shadow"]),
        ("template show rollout-u", ["rollout-undo"]),
        ("template render rollout-undo rea", ["reason="]),
        ("status -n ", ["team-a", "team-b"]),
    ],
)
def test_names_that_begin_as_typed_are_offered(line: str, names: list[str], offered: Any) -> None:
    assert offered(line) == names


def test_without_a_namespace_endpoints_are_offered_with_theirs(offered: Any, cli: Cli) -> None:
    del cli.environ["TIDEGATE_NAMESPACE"]
    assert offered("endpoint get ") == ["demo/fraud", "demo/add-sub", "demo/fake"]


def test_options_typed_before_hold(offered: Any, api: FakeApi) -> None:
    offered("endpoint get -n team-b --token other ")
    assert api.asked[-1].query["namespace"] == "team-b"
    assert api.asked[-1].headers["authorization"] == "Bearer other"


@pytest.mark.parametrize(
    "answer",
    [
        httpx2.ConnectError("refused"),
        problem(401, "unauthorized", "the token has ended"),
        problem(500, "internal", "a bug"),
        (200, {"surprise": True}),
        (200, "no page"),
    ],
)
def test_a_service_that_is_away_or_refuses_offers_nothing_and_says_nothing(
    answer: object, offered: Any, api: FakeApi
) -> None:
    api.on("GET", "/endpoints", answer)
    assert offered("endpoint get ") == []


def test_no_service_at_all_offers_nothing(offered: Any, cli: Cli, tmp_path: Any) -> None:
    cli.environ = {"TIDEGATE_HOME": str(tmp_path)}
    assert offered("endpoint get ") == []
    assert offered("undo add-sub --to ") == []


@pytest.fixture
def stuck(cli: Cli) -> Iterator[None]:
    """A service that takes a call and answers when the test is over."""
    over = threading.Event()

    def wait(request: httpx2.Request) -> httpx2.Response:
        over.wait(60)
        return httpx2.Response(503)

    cli.transport = httpx2.MockTransport(wait)
    cli.deadline = 0.01
    yield
    over.set()


def test_a_service_that_does_not_answer_is_not_waited_for(stuck: None, offered: Any) -> None:
    assert offered("endpoint get ") == []
