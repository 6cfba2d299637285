"""Every action that is accepted says so, and what follows, on standard error."""

import pytest

from tests.cli import answers as a
from tests.cli.fakes import FOLLOWS, Cli, FakeApi
from tidegate.cli import accepted

AGAIN = "; `tidegate rollout status demo/add-sub -w` watches it"


def test_an_action_on_a_rollout_says_what_the_service_says_that_follows() -> None:
    follows = "all traffic goes back to r1"
    accepting = a.change(a.rollout(accepted={"action": "abort", "follows": follows}))
    assert accepted.rollout(accepting, watched=True) == f"✔ abort accepted: {follows}"
    assert accepted.rollout(accepting, watched=False) == f"✔ abort accepted: {follows}{AGAIN}"
    dry = accepted.rollout(accepting.model_copy(update={"dry_run": True}), watched=False)
    assert dry == f"◌ abort would be accepted: {follows}"


@pytest.mark.parametrize("percent", ["25", "0", "100"])
def test_a_percent_by_hand_says_what_follows(percent: str, api: FakeApi, cli: Cli) -> None:
    api.on("GET", "/endpoints/demo/add-sub", a.with_candidate())
    api.on("PATCH", "/endpoints/demo/add-sub", a.with_candidate())
    ended = cli("set", "canary", "add-sub", percent, "-o", "name")
    assert (ended.code, ended.out) == (0, "endpoint/demo/add-sub\n")
    assert ended.err == f"✔ set canary accepted: {FOLLOWS}\n"


def test_what_ends_an_endpoint_says_what_goes_and_what_stays(api: FakeApi, cli: Cli) -> None:
    api.on("GET", "/endpoints/demo/add-sub", a.endpoint())
    api.on("DELETE", "/endpoints/demo/add-sub", (202, a.endpoint(phase="deleting")))
    ended = cli("endpoint", "delete", "add-sub", "-y")
    assert ended.err == f"✔ delete accepted: {FOLLOWS}\n"


def test_the_line_of_an_action_stands_once_and_not_in_the_answer_for_programs(
    api: FakeApi, cli: Cli
) -> None:
    api.on("POST", f"/rollouts/{a.ID}/abort", (202, a.rollout()))
    ended = cli("rollout", "abort", a.ID, "-o", "json")
    assert ended.json["id"] == a.ID
    assert ended.err.splitlines() == [f"✔ abort accepted: {FOLLOWS}{AGAIN}"]
