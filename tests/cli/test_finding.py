"""From what people name to what is meant: first digits of an id, every rollout of every
endpoint."""

import json

import pytest

from tests.cli import answers as a
from tests.cli.fakes import Cli, FakeApi

ENDED = "22222222-2222-3333-4444-555555555555"


@pytest.fixture
def fleet(api: FakeApi) -> FakeApi:
    """An endpoint with a rollout that runs and one that has ended."""
    api.on("GET", "/endpoints/demo/add-sub", a.with_candidate())
    api.on("GET", "/rollouts/11111111", a.rollout())
    api.on("GET", "/rollouts/11111111-2222", a.rollout())
    api.on("GET", "/rollouts/22222222", a.aborted(id=ENDED, created_at=a.ago(hours=1)))
    return api


@pytest.mark.parametrize("digits", ["11111111", "11111111-2222"])
def test_the_first_digits_that_the_history_shows_name_a_running_rollout(
    digits: str, fleet: FakeApi, cli: Cli
) -> None:
    assert cli("rollout", "status", digits, "-o", "name").out == f"rollout/{a.ID}\n"
    fleet.on("POST", f"/rollouts/{a.ID}/pause", (202, a.rollout()))
    assert cli("rollout", "pause", digits, "-o", "name").out == f"rollout/{a.ID}\n"


def test_and_one_that_has_ended(fleet: FakeApi, cli: Cli) -> None:
    assert cli("rollout", "status", "22222222", "-o", "name").out == f"rollout/{ENDED}\n"
    fleet.on("POST", f"/rollouts/{ENDED}/retry", (202, a.rollout(attempt=2)))
    assert cli("rollout", "retry", "22222222", "-o", "name").code == 0


def test_an_endpoint_may_be_called_like_an_id_begins(fleet: FakeApi, cli: Cli) -> None:
    called = a.endpoint("deadbeef", rollout=a.rollout(endpoint="deadbeef"))
    fleet.on("GET", "/endpoints/demo/deadbeef", called)
    assert cli("rollout", "status", "deadbeef").code == 0
    assert "/api/v1/rollouts/deadbeef" not in [request.path for request in fleet.asked]


def test_digits_that_are_neither_an_endpoint_nor_begin_an_id_are_nothing(
    fleet: FakeApi, cli: Cli
) -> None:
    ended = cli("rollout", "status", "99999999")
    assert (ended.code, ended.err) == (1, "✖ there is nothing at /api/v1/rollouts/99999999\n")


def test_all_lists_the_rollouts_of_every_endpoint_as_the_api_orders_them(
    fleet: FakeApi, cli: Cli
) -> None:
    old = a.aborted(id=ENDED, created_at=a.ago(hours=1))
    fleet.on("GET", "/rollouts", a.page({**a.rollout(), "namespace": "team-b"}, old))
    listed = cli("rollout", "list", "--all", "-o", "json").json
    assert [item["id"] for item in listed] == [a.ID, ENDED]
    text = cli("rollout", "list", "--all", "--limit", "1").out
    assert "team-b/" in text
    assert len(text.splitlines()) == 2
    cli("rollout", "list", "--all", "-n", "demo")
    cli("rollout", "list")
    requests = [request.query for request in fleet.asked if request.path == "/api/v1/rollouts"]
    assert [(query.get("namespace"), query["running"]) for query in requests] == [
        (None, "false"),
        (None, "false"),
        ("demo", "false"),
        (None, "true"),
    ]


def test_all_and_an_endpoint_contradict_each_other(fleet: FakeApi, cli: Cli) -> None:
    ended = cli("rollout", "list", "add-sub", "--all")
    assert (ended.code, "leave it or the endpoint out" in ended.err) == (2, True)


def test_undo_is_a_command_of_rollouts_too(api: FakeApi, cli: Cli) -> None:
    api.on("POST", "/endpoints/demo/add-sub/undo", (202, a.rollout()))
    for line in (("undo",), ("rollout", "undo")):
        assert cli(*line, "add-sub", "--to", "r3").code == 0
        assert api.asked[-1].body == {"to": 3, "reason": ""}


def test_status_watches_until_somebody_has_seen_enough(api: FakeApi, cli: Cli) -> None:
    first = a.endpoint()
    second = a.endpoint("fraud")
    crash = a.endpoint("fraud", phase="degraded", message="r1: CrashLoopBackOff")
    api.on("GET", "/endpoints", a.page(first, second), a.page(first, second), a.page(first, crash))
    result = cli("status", "-w", "--timeout", "5s")
    assert result.code == 124
    assert result.out.splitlines() == [
        "00:00:00  demo/add-sub  ✔ ready  r1 100 %",
        "00:00:00  demo/fraud  ✔ ready  r1 100 %",
        "00:00:02  demo/fraud  ✖ degraded  r1 100 %  (r1: CrashLoopBackOff)",
    ]
    assert result.err == "⚠ timed out after 5s; endpoints and rollouts go on\n"
    api.on("GET", "/endpoints", a.page(first, crash))
    lines = cli("status", "-w", "--timeout", "3s", "-o", "json").out.splitlines()
    assert [json.loads(line)["name"] for line in lines] == ["add-sub", "fraud"]


def test_status_is_redrawn_in_place_on_a_terminal_and_ctrl_c_ends_it(
    api: FakeApi, cli: Cli
) -> None:
    observations: list[None] = []

    def interrupt() -> None:
        observations.append(None)
        if len(observations) == 3:
            raise KeyboardInterrupt

    api.on("GET", "/endpoints", a.page(a.endpoint()))
    cli.on_sleep = interrupt
    result = cli("status", "-w", terminal=True)
    assert (result.code, result.err) == (130, "◌ stopped watching; endpoints and rollouts go on\n")
    assert "\x1b[1A" in result.out
