"""Every way a command ends: its exit code, and one line that says what to do."""

import errno
import io
import sys
from pathlib import Path

import httpx2
import pytest
from typer import BadParameter
from typer.main import get_command

from tests.cli import answers as a
from tests.cli.fakes import FOLLOWS, Cli, FakeApi, problem
from tidegate.cli.main import main
from tidegate.cli.tree import app


def test_ok_is_0(api: FakeApi, cli: Cli) -> None:
    api.on("GET", "/endpoints", a.page(a.endpoint()))
    assert cli("status").code == 0


def test_a_refusal_is_1_and_one_line_in_the_words_of_the_cli(api: FakeApi, cli: Cli) -> None:
    detail = "rollout x (canary) moves the traffic by its plan"
    way = {"text": "take it over, or wait", "request": "?force=true", "command": "--force"}
    error = {"pointer": "force", "detail": detail, "remediation": way}
    api.on("GET", "/endpoints/demo/add-sub", a.with_candidate())
    api.on("GET", f"/rollouts/{a.ID}", a.rollout())
    api.on("POST", f"/rollouts/{a.ID}/promote", problem(409, "rollout-drives", detail, error))
    ended = cli("rollout", "promote", "add-sub")
    assert (ended.code, ended.out) == (1, "")
    assert (
        ended.err
        == "✖ rollout x (canary) moves the traffic by its plan: take it over, or wait (--force)\n"
    )


def test_a_refused_field_is_named_as_the_option_that_set_it(api: FakeApi, cli: Cli) -> None:
    error = {
        "pointer": "/steps",
        "detail": "[5, 1] does not rise",
        "remediation": {"text": "sort it"},
    }
    api.on("POST", "/endpoints/demo/add-sub/rollouts", problem(422, "invalid", "", error))
    ended = cli("rollout", "start", "add-sub", "--version", "2", "--steps", "5,1")
    assert ended.code == 1
    assert ended.err.startswith("✖ --steps: [5, 1] does not rise")


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("frobnicate", "No such command"),
        ("endpoint get", "Missing argument"),
        ("status -o xml", "xml"),
        ("status --limit 0", "limit"),
        ("set canary add-sub 101", "not a whole number between 0 and 100"),
        ("set canary add-sub 2.5", "not a whole number between 0 and 100"),
        ("set canary add-sub ٢", "not a whole number between 0 and 100"),
        ("set canary add-sub 5 --version 2 --revision 2", "leave one out"),
        ("set canary add-sub 5 --model m", "--version beside it"),
        ("undo add-sub --to r0", "write 3 or r3"),
        ("undo add-sub --to latest", "write 3 or r3"),
        ("undo a/b/c", "NAMESPACE/NAME"),
        ("rollout start add-sub", "--version V"),
        ("rollout start add-sub --version 2 --steps 1,five", "1,5,10,25,50"),
        ("rollout start add-sub --version 2 --bake soon", "60s, 5m"),
        ("rollout start add-sub --version 2 --match x-group", "NAME=VALUE"),
        ("rollout status add-sub -w --timeout -3s", "60s, 5m"),
        ("endpoint create", "or give -f FILE"),
        ("endpoint create x --version 1", "--model is missing"),
        ("endpoint create x --model m", "--version is missing"),
        ("endpoint create x -f payload.yaml", "leave"),
        ("endpoint delete add-sub", "repeat with -y"),
        ("status --url ftp://api", "http or https"),
    ],
)
def test_bad_usage_is_2_and_says_the_way_out(line: str, says: str, api: FakeApi, cli: Cli) -> None:
    api.on("GET", "/endpoints/demo/add-sub", a.endpoint())
    ended = cli(*line.split())
    assert (ended.code, ended.out) == (2, "")
    assert says in ended.err
    assert [request.method for request in api.asked if request.method != "GET"] == []


@pytest.mark.parametrize("line", ["--port 99999", "--port 0", "--workers 0", "--limit 0"])
def test_a_plane_that_cannot_run_is_not_started(line: str) -> None:
    up = get_command(app).commands["up"]  # type: ignore[attr-defined]
    with pytest.raises(BadParameter, match="should be"):  # while reading the line: nothing has run
        up.make_context("up", line.split())


@pytest.mark.parametrize("made", [a.aborted(), a.rollout(phase="superseded", outcome="superseded")])
def test_a_rollout_that_did_not_get_through_is_3(made: object, api: FakeApi, cli: Cli) -> None:
    api.on("GET", f"/rollouts/{a.ID}", made)
    for arguments in ((), ("-w",)):
        ended = cli("rollout", "status", a.ID, *arguments)
        assert (ended.code, ended.err) == (3, "")  # what was printed says why, once
        ended = cli("rollout", "status", a.ID, "-o", "json", *arguments)
        assert ended.code == 3
        assert ended.err.startswith(f"✖ rollout {a.ID} was ")


def test_a_terminal_shows_the_end_once(api: FakeApi, cli: Cli) -> None:
    api.on("POST", "/endpoints/demo/add-sub/rollouts", (202, a.rollout(phase="starting")))
    api.on("GET", f"/rollouts/{a.ID}", a.aborted())
    ended = cli("rollout", "start", "add-sub", "--version", "2", "--wait", terminal=True)
    assert ended.code == 3
    # Redrawn in place, nothing below
    assert ended.out == cli("rollout", "status", a.ID, "-w", terminal=True).out


def test_a_fresh_endpoint_is_no_fault_until_it_takes_long(api: FakeApi, cli: Cli) -> None:
    fresh = a.endpoint(phase="pending", message="", status=None, created_at=a.AT)
    api.on("POST", "/endpoints", (201, fresh))
    api.on("GET", "/endpoints/demo/add-sub", *[fresh] * 8, a.endpoint())
    waited = cli("endpoint", "create", "add-sub", "--model", "add_sub", "--version", "1", "--wait")
    assert waited.err.splitlines() == [
        f"✔ create accepted: {FOLLOWS}",
        "◷ pending  waiting for the first reconcile",
        "◷ pending  no worker has reconciled it yet: is a deploy-worker running?",
        "✔ ready  r1 100 %",
    ]


def test_start_and_wait_ends_with_the_rollout(api: FakeApi, cli: Cli) -> None:
    api.on("POST", "/endpoints/demo/add-sub/rollouts", (202, a.rollout(phase="starting")))
    api.on("GET", f"/rollouts/{a.ID}", a.rollout(), a.promoted())
    assert cli("rollout", "start", "add-sub", "--version", "2", "--wait").code == 0
    api.on("GET", f"/rollouts/{a.ID}", a.rollout(), a.aborted())
    assert cli("rollout", "start", "add-sub", "--version", "2", "--wait").code == 3


def test_an_abort_that_was_asked_for_is_a_success(api: FakeApi, cli: Cli) -> None:
    api.on("POST", f"/rollouts/{a.ID}/abort", (202, a.rollout()))
    api.on("GET", f"/rollouts/{a.ID}", a.rollout(phase="aborting"), a.aborted())
    assert cli("rollout", "abort", a.ID, "--wait").code == 0
    api.on("GET", f"/rollouts/{a.ID}", a.promoted())
    assert cli("rollout", "promote", a.ID, "--wait").code == 1  # the fake API knows no promote here


def test_undo_succeeds_when_the_running_rollout_went_back(api: FakeApi, cli: Cli) -> None:
    api.on("POST", "/endpoints/demo/add-sub/undo", (202, a.rollout()))
    api.on("GET", f"/rollouts/{a.ID}", a.aborted())
    assert cli("undo", "add-sub", "--wait").code == 0
    back = {"id": a.ID, "strategy": "undo", "steps": []}
    api.on("POST", "/endpoints/demo/add-sub/undo", (202, a.rollout(**back)))
    api.on("GET", f"/rollouts/{a.ID}", a.aborted(**back))
    assert cli("undo", "add-sub", "--wait").code == 3


def test_a_watch_that_takes_too_long_is_124(api: FakeApi, cli: Cli) -> None:
    api.on("GET", f"/rollouts/{a.ID}", a.rollout())
    began = cli.time
    ended = cli("rollout", "status", a.ID, "-w", "--timeout", "1m30s")
    assert ended.code == 124
    assert "timed out after 1m30s" in ended.err
    assert cli.time - began <= 90


def test_an_endpoint_that_gets_ready_is_0_and_one_that_stays_degraded_3(
    api: FakeApi, cli: Cli
) -> None:
    create = ("endpoint", "create", "add-sub", "--model", "add_sub", "--version", "1", "--wait")
    crash = a.endpoint(phase="degraded", message="r1: CrashLoopBackOff")
    fresh = a.endpoint(phase="pending", message="", status=None)
    stale = a.endpoint(status=a.status(generation=6))
    api.on("POST", "/endpoints", (201, fresh))
    api.on("GET", "/endpoints/demo/add-sub", fresh, stale, crash, a.endpoint())
    assert cli(*create).code == 0
    api.on("GET", "/endpoints/demo/add-sub", crash)
    ended = cli(*create)
    assert ended.code == 3
    assert ended.err.splitlines()[-1] == "✖ endpoint demo/add-sub is degraded: r1: CrashLoopBackOff"
    api.on("GET", "/endpoints/demo/add-sub", fresh)
    assert cli(*create, "--timeout", "30s").code == 124


def test_ctrl_c_in_a_watch_is_130_and_one_line_that_says_what_goes_on(
    api: FakeApi, cli: Cli
) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    api.on("GET", f"/rollouts/{a.ID}", a.rollout())
    api.on("GET", "/endpoints/demo/add-sub", a.with_candidate())
    cli.on_sleep = interrupt
    for terminal in (False, True):
        ended = cli("rollout", "status", a.ID, "-w", terminal=terminal)
        assert ended.code == 130
        assert ended.err == (
            "◌ stopped watching; the rollout goes on: `tidegate rollout status demo/add-sub -w` "
            "watches it again, "
            "`tidegate rollout abort demo/add-sub` rolls it back\n"
        )
    api.on("POST", "/endpoints", (201, a.endpoint(phase="pending")))
    api.on("GET", "/endpoints/demo/add-sub", a.endpoint(phase="pending"))
    ended = cli("endpoint", "create", "add-sub", "--model", "m", "--version", "1", "--wait")
    assert ended.code == 130
    assert ended.err.endswith(
        "goes on getting ready: `tidegate endpoint get demo/add-sub` shows it\n"
    )


def test_ctrl_c_elsewhere_is_130_and_quiet(api: FakeApi, cli: Cli) -> None:
    def interrupt(request: httpx2.Request) -> httpx2.Response:
        raise KeyboardInterrupt

    cli.transport = httpx2.MockTransport(interrupt)
    ended = cli("status")
    assert (ended.code, ended.out, ended.err) == (130, "", "")


def test_an_answer_of_another_program_or_version_is_one_line_that_names_the_field(
    api: FakeApi, cli: Cli
) -> None:
    api.on("GET", "/endpoints/demo/add-sub", {**a.endpoint(), "mode": "quantum"})
    ended = cli("endpoint", "get", "add-sub")
    assert (ended.code, ended.out) == (1, "")
    assert len(ended.err.splitlines()) == 1
    assert (
        "http://api does not answer as this version of Tidegate does (mode: Input should be"
        in ended.err
    )


def test_a_bug_is_one_line_and_1(cli: Cli) -> None:
    def bug(request: httpx2.Request) -> httpx2.Response:
        raise KeyError("surprise")

    cli.transport = httpx2.MockTransport(bug)
    ended = cli("endpoint", "get", "add-sub")
    assert ended.code == 1
    assert len(ended.err.splitlines()) == 1
    assert "a bug in tidegate: KeyError" in ended.err


def test_a_reader_that_has_seen_enough_is_no_error(api: FakeApi, cli: Cli) -> None:
    class Head(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError(errno.EPIPE, "the reader went away")

    api.on("GET", "/endpoints", a.page(a.endpoint()))
    assert cli("status", stdout=Head()).code == 0


def test_nothing_is_running_yet(cli: Cli, tmp_path: Path) -> None:
    cli.environ = {"TIDEGATE_HOME": str(tmp_path)}
    ended = cli("status")
    assert ended.code == 1
    assert (
        ended.err
        == "✖ no API is known: `tidegate up` starts a local one, or set TIDEGATE_URL (and TIDEGATE_TOKEN)\n"
    )


def test_nobody_answers(api: FakeApi, cli: Cli) -> None:
    api.on("GET", "/endpoints", httpx2.ConnectError("refused"))
    ended = cli("status")
    assert ended.code == 1
    assert ended.err == "✖ http://api does not answer (refused): is it up? check TIDEGATE_URL\n"


def test_something_else_answers(api: FakeApi, cli: Cli) -> None:
    api.on("GET", "/endpoints", httpx2.Response(200, text="<html>"))
    assert (
        cli("status").err == "✖ http://api does not answer as Tidegate does: check TIDEGATE_URL\n"
    )
    api.on("GET", "/endpoints", httpx2.Response(502, text="<h1>Bad\x1b[2J\nGateway</h1>"))
    ended = cli("status")
    assert ended.code == 1
    assert len(ended.err.splitlines()) == 1
    assert "\x1b" not in ended.err
    assert "check TIDEGATE_URL" in ended.err


def test_help_is_0(cli: Cli) -> None:
    for line in ("--help", "rollout --help", "rollout start -h", "set canary --help"):
        ended = cli(*line.split())
        assert ended.code == 0
        assert "Usage: tidegate" in ended.out


@pytest.mark.parametrize(
    "group",
    ["", "endpoint", "model", "rollout", "set", "user", "token", "ledger", "dev", "dev cluster"],
)
def test_no_line_of_a_list_of_commands_is_cut(group: str, cli: Cli) -> None:
    commands = cli(*group.split(), "--help").out.partition("Commands:")[2]
    assert commands
    assert not [line for line in commands.splitlines() if line.endswith(("...", "…"))]


def test_the_console_script_is_this(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["tidegate", "version", "--client"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith("tidegate ")


def test_ctrl_c_while_the_commands_still_load_is_quiet(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Impatient:
        def find_spec(self, name: str, path: object = None, target: object = None) -> None:
            if name == "tidegate.cli.tree":
                raise KeyboardInterrupt

    monkeypatch.delitem(sys.modules, "tidegate.cli.tree")
    monkeypatch.setattr(sys, "meta_path", [Impatient(), *sys.meta_path])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 130
    assert capsys.readouterr() == ("", "")
