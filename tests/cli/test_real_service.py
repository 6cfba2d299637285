"""The CLI against the real service on a real Postgres; the worker's moves are made by hand."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.cli.fakes import Cli, FakeApi
from tests.deployment_service.conftest import DEMO, database, make_api  # noqa: F401  (fixtures)
from tidegate.core.rollout import Outcome

pytestmark = pytest.mark.real


@pytest.fixture
def service(make_api: Callable[..., Any]) -> Iterator[Any]:  # noqa: F811
    made = make_api(tenants=("team-a",))
    made.worker()
    # The service runs in this process: its log must not mix with the command's output
    with capture_logs():
        yield made


@pytest.fixture
def cli(service: Any) -> Cli:
    """No namespace is set: the token's only tenant is it."""
    environ = {"TIDEGATE_URL": "http://testserver", "TIDEGATE_TOKEN": service.token}
    return Cli(FakeApi(), environ, transport=service.client._transport)


def ok(cli: Cli, line: str, **more: Any) -> str:
    ended = cli(*line.split(), **more)
    assert ended.code == 0, ended.err
    return ended.out


def models(cli: Cli) -> None:
    for version in ("1", "2", "3"):
        ok(cli, f"model add add_sub {version} --uri s3://models/add_sub/{version}/")


def test_a_canary_from_the_first_model_to_the_undo(cli: Cli, service: Any) -> None:
    models(cli)
    assert ok(cli, "model list add_sub -o name") == "model/add_sub\n"
    assert "team-a/demo-triton" in ok(cli, "endpoint create -f -", stdin=json.dumps(DEMO))

    plan = ok(cli, "rollout start demo-triton --version 2 --steps 10,50 --bake 60s --dry-run")
    assert re.search(r"1 +10 % +no fail +1m00s", plan)
    assert ok(cli, "rollout list demo-triton -o name") == ""
    started = ok(cli, "rollout start demo-triton --version 2 --steps 10,50 --reason better -o name")
    assert "r2 to get ready" in ok(cli, "rollout status demo-triton")
    assert cli(*["rollout", "start", "demo-triton", "--version", "3"]).code == 1

    service.with_candidate(percent=10)
    text = ok(cli, "rollout status demo-triton")
    assert "r2 desired 10 %, routed -" in text
    assert ok(cli, "rollout pause demo-triton --reason lunch -o name") == started
    refused = cli("rollout", "promote", "demo-triton")
    assert (refused.code, "--force" in refused.err) == (1, True)
    assert cli("rollout", "approve", "demo-triton").code == 1
    assert "r2 5 %" in ok(cli, "set canary demo-triton 5")
    assert cli("set", "canary", "demo-triton", "60").code == 1
    assert "r2 60 %" in ok(cli, "set canary demo-triton 60 --force --reason mine")
    ok(cli, "set canary demo-triton 100")
    ok(cli, "rollout abort demo-triton --reason enough")

    service.reconcile(
        intent=lambda old: replace(
            old, candidate=None, candidate_traffic=replace(old.candidate_traffic, percent=0)
        ),
        progress=lambda old: replace(
            old,
            end=replace(old.end, toward=Outcome.ABORTED, message="abort by admin", tidy=True),
            outcome=Outcome.ABORTED,
        ),
    )
    ended = cli("rollout", "status", "demo-triton")
    assert (ended.code, "abort by admin" in ended.out) == (3, True)
    assert "attempt 2" in ok(cli, "rollout retry demo-triton")
    ok(cli, "undo demo-triton")
    history = ok(cli, "rollout history demo-triton")
    for line in ("start canary of r2", "override", "60 %", "retry of", "mine"):
        assert line in history
    assert "the ledger is whole" in ok(cli, "ledger verify")


def test_the_overview_and_the_end_of_an_endpoint(cli: Cli, service: Any) -> None:
    assert "no endpoint yet" in cli("status").err
    models(cli)
    made = ok(
        cli, "endpoint create fraud --model add_sub --version 1 --min 1 --max 2 --keda -o name"
    )
    assert made == "endpoint/team-a/fraud\n"
    again = cli(*["endpoint", "create", "fraud", "--model", "add_sub", "--version", "1"])
    assert (again.code, "tidegate rollout start" in again.err) == (1, True)
    assert "◷ team-a/fraud  pending" in ok(cli, "status")
    status = {"phase": "ready", "message": "r1 100 %", "generation": 1}
    service.reconcile(status=status, name="fraud")
    assert "✔ team-a/fraud  ready" in ok(cli, "status")
    waited = cli(
        *[
            "endpoint",
            "create",
            "other",
            "--model",
            "add_sub",
            "--version",
            "1",
            "--wait",
            "--timeout",
            "3s",
        ]
    )
    assert waited.code == 124
    assert "deleting" in ok(cli, "endpoint delete fraud -y --reason old")
    assert cli("endpoint", "delete", "fraud", "-y").code == 1


def test_bad_input_is_one_line_that_names_the_option(cli: Cli) -> None:
    models(cli)
    ok(cli, "endpoint create demo-triton --model add_sub --version 1")
    for line, says in (
        ("endpoint create Bad_Name --model add_sub --version 1", "Bad_Name"),
        ("endpoint create x-r1 --model add_sub --version 1", "x-r1"),
        (
            "endpoint create x --model nope --version 1",
            "--model: there is no model 'nope': register it (tidegate model add)",
        ),
        ("endpoint create x --model add_sub --version 1 --min 3 --max 1", "minReplicas"),
        ("endpoint create x --model add_sub --version 1 --protocol v1", "grpc-v2"),
        ("rollout start demo-triton --version 2 --steps 5,1", "--steps: [5, 1] does not rise"),
        (
            "rollout start demo-triton --version 9",
            "has no version '9': register it, or list what exists (tidegate model add add_sub",
        ),
        ("rollout start demo-triton --revision 7", "--revision: there is no r7"),
        (
            "rollout start demo-triton --version 2 --strategy shadow",
            "--no-side-effects: is required for a shadow",
        ),
        (
            "set canary demo-triton 10",
            "PERCENT: there is no candidate to send traffic to: name a version or a revision "
            "(--version or --",
        ),
        (
            "undo demo-triton",
            "there is nothing to go back to: look at its revisions, then name one with --to (tidegate endpoint get",
        ),
        (
            "undo demo-triton --to r9",
            "list its revisions (tidegate endpoint get demo-triton -n team-a)",
        ),
        ("model add add_sub 4 --uri ftp://x/y", "scheme"),
        ("model add add_sub 4 --uri s3://models/add_sub", "config.pbtxt"),
        (
            "endpoint get nothing-here",
            "list the endpoints, or make one (tidegate endpoint list, or",
        ),
        ("endpoint get demo-triton -n elsewhere", "elsewhere"),
        ("rollout status 00000000-0000-0000-0000-000000000000", "(tidegate rollout list ENDPOINT)"),
    ):
        ended = cli(*line.split())
        assert (ended.code, ended.out) == (1, ""), line
        assert len(ended.err.splitlines()) == 1, ended.err
        assert says in ended.err
        assert not re.search(r"/api/v1|\b(GET|POST|PATCH|DELETE)\b|\?\w+=", ended.err), ended.err


def test_a_wrong_token(cli: Cli) -> None:
    cli.environ["TIDEGATE_TOKEN"] = "wrong"
    ended = cli("status")
    assert (ended.code, "token" in ended.err) == (1, True)


@pytest.mark.parametrize("served", [False, True])
def test_what_an_abort_toward_a_dead_stable_advises_is_accepted(
    cli: Cli, service: Any, *, served: bool
) -> None:
    models(cli)
    ok(cli, "endpoint create -f -", stdin=json.dumps(DEMO))
    ok(cli, "rollout start demo-triton --version 2")
    if served:
        service.reconcile(intent=lambda old: replace(old, stable=2))
        service.reconcile(intent=lambda old: replace(old, stable=1))
    service.with_candidate(percent=10)
    live = {"desired": 1, "restarts": 0, "failure": None, "youngest": None, "idle": False}
    lives = [{**live, "revision": 1, "ready": 0}, {**live, "revision": 2, "ready": 1}]
    status = {"phase": "degraded", "live": lives}
    service.reconcile(progress=lambda old: old, status=status)
    aborted = cli("rollout", "abort", "demo-triton")
    assert aborted.code == 0, aborted.err
    words = " ".join((aborted.out + aborted.err).split())
    (command,) = re.findall(r"until it has one; `tidegate (.+?)`", words)
    assert command.split()[0] == {False: "rollout", True: "undo"}[served]
    again = ok(cli, command)
    assert "r2" in again
