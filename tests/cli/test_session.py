"""Where the API is, whose namespace holds, and how answers are printed."""

import io
import json
import threading
from pathlib import Path

import httpx2
import pytest
import yaml

from tests.cli import answers as a
from tests.cli.fakes import ENVIRON, Cli, FakeApi, problem


def plane(home: Path, **more: object) -> dict[str, str]:
    """An environment in which only the local plane is known."""
    (home / "token").write_text("from-the-plane\n")
    state = {
        "api_url": "http://plane",
        "token_file": str(home / "token"),
        "namespace": "demo",
        **more,
    }
    (home / "plane.json").write_text(json.dumps({k: v for k, v in state.items() if v is not None}))
    return {"TIDEGATE_HOME": str(home)}


def test_the_local_plane_is_found_by_itself(api: FakeApi, cli: Cli, tmp_path: Path) -> None:
    api.on("GET", "/endpoints/demo/add-sub", a.endpoint())
    cli.environ = plane(tmp_path)
    assert cli("endpoint", "get", "add-sub").code == 0
    assert api.asked[0].headers["authorization"] == "Bearer from-the-plane"
    assert api.asked[0].headers["host"] == "plane"


def test_the_planes_token_never_goes_elsewhere(api: FakeApi, cli: Cli, tmp_path: Path) -> None:
    cli.environ = plane(tmp_path)
    ended = cli("status", "--url", "http://elsewhere")
    assert ended.code == 1
    assert "no token for http://elsewhere" in ended.err
    assert api.asked == []


def test_a_flag_beats_the_environment_and_that_beats_the_plane(
    api: FakeApi, cli: Cli, tmp_path: Path
) -> None:
    api.on("GET", "/endpoints", a.page(a.endpoint()))
    (tmp_path / "mine").write_text("from-my-file\n")
    cli.environ = {
        **plane(tmp_path),
        "TIDEGATE_URL": "http://env",
        "TIDEGATE_TOKEN_FILE": str(tmp_path / "mine"),
    }
    cli("status")
    cli("status", "--url", "https://flag/", "--token", "flag-token")
    seen = [(request.headers["host"], request.headers["authorization"]) for request in api.asked]
    assert seen == [("env", "Bearer from-my-file"), ("flag", "Bearer flag-token")]


@pytest.mark.parametrize(
    ("state", "says"),
    [
        (
            {"api_url": None, "state": "starting", "step": "starting Envoy"},
            "not ready (starting: starting Envoy)",
        ),
        ({"token_file": None}, "repeat `tidegate up`"),
        ({"token_file": "/nowhere/token"}, "cannot read the token file /nowhere/token"),
    ],
)
def test_a_plane_that_is_not_usable(
    state: dict[str, str], says: str, cli: Cli, tmp_path: Path
) -> None:
    cli.environ = plane(tmp_path, **state)
    ended = cli("status")
    assert (ended.code, len(ended.err.splitlines())) == (1, 1)
    assert says in ended.err


def test_a_broken_plane_file(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "plane.json").write_text("{half")
    cli.environ = {"TIDEGATE_HOME": str(tmp_path)}
    assert "cannot read" in cli("status").err


def test_the_only_tenant_is_the_namespace(api: FakeApi, cli: Cli) -> None:
    cli.environ = {k: v for k, v in ENVIRON.items() if k != "TIDEGATE_NAMESPACE"}
    api.on("GET", "/whoami", {"name": "alice", "roles": [], "tenants": ["team-a"], "grants": {}})
    api.on("GET", "/endpoints/team-a/add-sub", a.endpoint())
    assert cli("endpoint", "get", "add-sub", "-o", "name").code == 0
    api.on(
        "GET",
        "/whoami",
        {"name": "alice", "roles": [], "tenants": ["team-a", "team-b"], "grants": {}},
    )
    ended = cli("endpoint", "get", "add-sub")
    assert (ended.code, "yours: team-a, team-b" in ended.err) == (2, True)


def test_a_namespace_by_flag_or_in_the_name(api: FakeApi, cli: Cli) -> None:
    cli("endpoint", "get", "add-sub", "-n", "team-a")
    cli("endpoint", "get", "team-b/add-sub", "-n", "team-a")
    cli("endpoint", "list", "-n", "team-a")
    assert [request.path.split("/")[-2] for request in api.asked[:2]] == ["team-a", "team-b"]
    assert api.asked[2].query["namespace"] == "team-a"


def test_one_answer_in_four_formats(api: FakeApi, cli: Cli) -> None:
    made = a.endpoint()
    api.on("GET", "/endpoints/demo/add-sub", made)
    assert "Stable:" in cli("endpoint", "get", "add-sub").out
    assert cli("endpoint", "get", "add-sub", "-o", "json").json == made
    assert yaml.safe_load(cli("endpoint", "get", "add-sub", "-o", "yaml").out) == made
    assert cli("endpoint", "get", "add-sub", "-o", "name").out == "endpoint/demo/add-sub\n"


def test_a_watch_for_programs_is_one_json_per_line(api: FakeApi, cli: Cli) -> None:
    api.on("GET", f"/rollouts/{a.ID}", a.rollout(), a.rollout(), a.promoted())
    result = cli("rollout", "status", a.ID, "-w", "-o", "json")
    assert [json.loads(line)["phase"] for line in result.out.splitlines()] == [
        "progressing",
        "promoted",
    ]


def test_waiting_for_programs_leaves_one_answer_on_standard_output(api: FakeApi, cli: Cli) -> None:
    api.on("POST", "/endpoints/demo/add-sub/rollouts", (202, a.rollout()))
    api.on("GET", f"/rollouts/{a.ID}", a.rollout(), a.promoted())
    result = cli("rollout", "start", "add-sub", "--version", "2", "--wait", "-o", "json")
    assert result.json["phase"] == "promoted"
    assert "progressing" in result.err


def test_a_watch_bears_a_restart_of_the_service(api: FakeApi, cli: Cli) -> None:
    down = httpx2.ConnectError("refused")
    starting = problem(503, "database-unavailable", "the database is away")
    api.on("GET", f"/rollouts/{a.ID}", a.rollout(), a.rollout(), down, starting, a.promoted())
    result = cli("rollout", "status", a.ID, "-w")
    assert result.code == 0
    assert result.err.count("trying again") == 2


def test_a_watch_does_not_bear_an_outage_for_ever(api: FakeApi, cli: Cli) -> None:
    api.on("GET", f"/rollouts/{a.ID}", a.rollout(), httpx2.ConnectError("refused"))
    began = cli.time
    result = cli("rollout", "status", a.ID, "-w")
    assert result.code == 1
    assert 60 <= cli.time - began <= 65


def test_colour_on_a_terminal_only_and_never_with_no_color(api: FakeApi, cli: Cli) -> None:
    api.on("GET", "/endpoints", a.page(a.endpoint()))
    cli.environ |= {"TERM": "xterm"}
    assert "\x1b[32m✔" in cli("status", terminal=True).out
    assert "\x1b" not in cli("status").out
    cli.environ |= {"NO_COLOR": "1"}
    assert "\x1b[32m" not in cli("status", terminal=True).out


def test_a_terminal_is_redrawn_in_place(api: FakeApi, cli: Cli) -> None:
    api.on("GET", f"/rollouts/{a.ID}", a.rollout(), a.rollout(step=3), a.promoted())
    api.on("GET", "/endpoints/demo/add-sub", a.with_candidate())
    result = cli("rollout", "status", a.ID, "-w", terminal=True)
    assert result.code == 0
    assert "\x1b[1A" in result.out
    assert "promoted" in result.out


def test_something_slow_is_said_after_a_while(api: FakeApi, cli: Cli) -> None:
    event = threading.Event()

    class Ears(io.StringIO):
        def write(self, text: str) -> int:
            event.set()
            return super().write(text)

    def slow(request: httpx2.Request) -> httpx2.Response:
        assert event.wait(10)
        return api.handle(request)

    api.on("GET", "/ledger/verify", {"intact": True, "entries": 1})
    cli.patience = 0.001
    cli.transport = httpx2.MockTransport(slow)
    result = cli("ledger", "verify", stderr=Ears())
    assert (result.code, event.is_set()) == (0, True)


def test_hostile_text_does_not_reach_the_terminal(api: FakeApi, cli: Cli) -> None:
    api.on(
        "GET",
        "/endpoints/demo/add-sub",
        a.endpoint(reason="a\x1b[2Jb [red]c[/red]", author="eve\nroot"),
    )
    text = cli("endpoint", "get", "add-sub").out
    assert "\x1b" not in text
    assert "[red]c[/red]" in text
