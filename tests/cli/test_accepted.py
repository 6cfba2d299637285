"""Every action that is accepted says so, and what follows, on standard error."""

import pytest

from tests.cli import answers as a
from tests.cli.fakes import Cli, FakeApi
from tidegate.cli import accepted

AGAIN = "; `tidegate rollout status demo/add-sub -w` watches it"
PLANNED = {"phase": "starting", "step": 0, "steps": a.plan(-1)}
UNDO = {"strategy": "undo", "steps": [], "candidate": 1, "base": 2}
RESTS = ", and its plan rests until `tidegate rollout resume demo/add-sub`"
HELD = "no more traffic goes to the candidate until `resume`; a failing one is still rolled back"


@pytest.mark.parametrize(
    ("action", "made", "follows"),
    [
        ("start", a.rollout(**PLANNED), "r2 gets ready without traffic, then step 1 of 3: 5 %"),
        ("retry", a.rollout(**PLANNED), "r2 gets ready without traffic, then step 1 of 3: 5 %"),
        (
            "start",
            a.rollout(strategy="manual", phase="starting", step=0, steps=[]),
            "r2 gets ready without traffic, then `tidegate set canary demo/add-sub PERCENT` moves "
            "it",
        ),
        ("promote", a.rollout(), "r2 becomes stable and gets all traffic"),
        ("abort", a.rollout(), "all traffic goes back to r1"),
        ("reject", a.rollout(), "all traffic goes back to r1"),
        ("pause", a.rollout(), HELD),
        ("resume", a.rollout(), "the rollout goes on by its plan"),
        ("approve", a.rollout(), "step 3 of 3 follows: 50 %"),
        ("approve", a.rollout(step=3), "r2 becomes stable and gets all traffic"),
        ("approve", a.rollout(step=3, ending="keep-stable"), "r2 goes, r1 stays stable"),
        ("undo", a.rollout(**UNDO), "r1 gets ready, then all traffic goes to it"),
        ("undo", a.rollout(), "the rollout ends, all traffic goes back to r1"),
    ],
)
def test_an_action_on_a_rollout_says_what_follows(
    action: str, made: dict[str, object], follows: str
) -> None:
    accepting = a.change(made)
    assert accepted.rollout(action, accepting, watched=True) == f"✔ {action} accepted: {follows}"
    assert (
        accepted.rollout(action, accepting, watched=False)
        == f"✔ {action} accepted: {follows}{AGAIN}"
    )
    dry = accepted.rollout(action, accepting.model_copy(update={"dry_run": True}), watched=False)
    assert dry == f"◌ {action} would be accepted: {follows}"


@pytest.mark.parametrize(
    ("percent", "changed", "follows"),
    [
        (25, a.with_candidate(), f"25 % of the traffic goes to r2{RESTS}"),
        (0, a.with_candidate(), f"0 % of the traffic goes to r2{RESTS}"),
        (
            25,
            a.with_candidate(rollout=a.rollout(strategy="manual")),
            "25 % of the traffic goes to r2",
        ),
        (100, a.with_candidate(), "r2 becomes stable and gets all traffic"),
        (
            5,
            a.with_candidate(rollout=a.rollout(**PLANNED)),
            "r2 gets ready, then 5 % of the traffic goes to it",
        ),
        (0, a.endpoint(), "0 % of the traffic goes to the candidate"),
    ],
)
def test_a_percent_by_hand_says_what_follows(
    percent: int, changed: object, follows: str, api: FakeApi, cli: Cli
) -> None:
    api.on("GET", "/endpoints/demo/add-sub", a.with_candidate())
    api.on("PATCH", "/endpoints/demo/add-sub", changed)
    ended = cli("set", "canary", "add-sub", str(percent), "-o", "name")
    assert (ended.code, ended.out) == (0, "endpoint/demo/add-sub\n")
    assert ended.err == f"✔ set canary accepted: {follows}\n"


def test_what_ends_an_endpoint_says_what_goes_and_what_stays(api: FakeApi, cli: Cli) -> None:
    for seen, first in ((a.endpoint(), ""), (a.with_candidate(), "its rollout ends, then ")):
        api.on("GET", "/endpoints/demo/add-sub", seen)
        api.on("DELETE", "/endpoints/demo/add-sub", (202, a.endpoint(phase="deleting")))
        ended = cli("endpoint", "delete", "add-sub", "-y")
        assert (
            ended.err
            == f"✔ delete accepted: {first}its objects go; its history and its numbers stay\n"
        )


def test_the_line_of_an_action_stands_once_and_not_in_the_answer_for_programs(
    api: FakeApi, cli: Cli
) -> None:
    api.on("POST", f"/rollouts/{a.ID}/abort", (202, a.rollout()))
    ended = cli("rollout", "abort", a.ID, "-o", "json")
    assert ended.json["id"] == a.ID
    assert ended.err.splitlines() == [f"✔ abort accepted: all traffic goes back to r1{AGAIN}"]
