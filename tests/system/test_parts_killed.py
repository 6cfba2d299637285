"""Real processes are killed in mid-rollout: servers of either revision, Envoy, the worker."""

import time
from typing import Any

import pytest

from tests.system.load import Load
from tests.system.real import RealEndpoint, RealPlane
from tests.waiting import until

pytestmark = pytest.mark.real
ENDLESS = {"steps": [20, 60], "bake_seconds": 600}


def visible_split(endpoint: RealEndpoint) -> str:
    """The split that clients get."""
    observed = endpoint.show()["traffic"]["routed"]
    if not observed:
        return ""
    return str(observed["text"])


def ready(endpoint: RealEndpoint, revision: int) -> int:
    """Ready replicas of a revision."""
    return int(
        next(
            (
                r["ready_replicas"]
                for r in endpoint.show()["status"]["live"]
                if r["revision"] == revision
            ),
            0,
        )
    )


def server(endpoint: RealEndpoint, revision: int) -> str:
    """How the process of a revision's only replica is called."""
    return f"triton-{endpoint.name}-r{revision}-"


def test_a_candidate_killed_once_holds_and_killed_again_aborts(
    plane: RealPlane, endpoint: RealEndpoint
) -> None:
    rollout = endpoint.start("good-v2", **ENDLESS)
    rollout.at(20)
    plane.kill(server(endpoint, 2))
    until(lambda: visible_split(endpoint) == "r1 100 %", "the share goes to stable")
    assert rollout.show()["desired_percent"] == 20
    until(lambda: visible_split(endpoint) == "r1 80 %, r2 20 %", "the share comes back")
    assert rollout.show()["outcome"] is None
    assert rollout.show()["step"] == 1
    plane.kill(server(endpoint, 2))
    over = rollout.over()
    assert over["outcome"] == "aborted"
    assert "lost all its pods twice" in over["outcome_message"]
    until(lambda: visible_split(endpoint) == "r1 100 %", "everything is stable's")


def test_a_candidate_whose_servers_end_one_by_one_is_rolled_back(plane: RealPlane) -> None:
    """There is always a ready one beside it, so no request is lost and nothing is held: only the
    count tells."""
    endpoint = plane.endpoint("two-each", autoscaling={"minReplicas": 2, "maxReplicas": 2})
    rollout = endpoint.start("good-v2", steps=[60], bake_seconds=600)
    rollout.at(60)
    unlucky = min(name for name in plane.pids() if name.startswith(server(endpoint, 2)))
    for restarts in (1, 2, 3):
        until(lambda: ready(endpoint, 2) == 2, "both are ready")
        plane.kill(unlucky)
        counted = {"metric": "restarts", "candidate_bad": restarts, "stable_bad": 0, "allowed": 2.0}
        rollout.wait(
            lambda r, now=counted: any(now.items() <= v.items() for v in r["verdicts"]),
            "it is counted",
        )
    over = rollout.over()
    assert (over["outcome"], over["outcome_message"]) == ("aborted", "r2: 3 restarts, allowed 2")
    kills = next(verdict for verdict in over["verdicts"] if verdict["metric"] == "oom_kills")
    # Killed by a signal is not out of memory.
    assert (kills["verdict"], kills["candidate_bad"]) == ("pass", 0)
    endpoint.delete()


def test_while_stable_is_down_nothing_rises(plane: RealPlane, endpoint: RealEndpoint) -> None:
    """Its answers fail meanwhile; the candidate's share stays as it is, and the rollout goes on
    afterwards."""
    rollout = endpoint.start("good-v2", steps=[20, 60], bake_seconds=3)
    rollout.at(20)
    splits: list[tuple[str, int]] = []
    with Load(endpoint.address) as load:
        load.wait_for("r2")
        plane.kill(server(endpoint, 1))
        until(lambda: ready(endpoint, 1) == 0, "the cluster sees it")

        def back() -> bool:
            up = ready(endpoint, 1)
            if not up:
                splits.append((visible_split(endpoint), rollout.show()["step"]))
            return up > 0

        until(back, "stable is back")
        assert {split for split in splits if split[0]} <= {("r1 80 %, r2 20 %", 1)}
        assert rollout.over()["outcome"] == "promoted"
    assert all(cause.startswith(("http", "grpc StatusCode.UNAVAILABLE")) for cause in load.scenario)


def counted(rollout: dict[str, Any]) -> int:
    """Answers of both revisions in the rollout's evidence."""
    (errors,) = (verdict for verdict in rollout["verdicts"] if verdict["metric"] == "errors")
    return int(errors["candidate_requests"] + errors["stable_requests"])


def test_envoy_killed_comes_back_with_its_routes_and_counts_nothing_twice(
    plane: RealPlane, endpoint: RealEndpoint
) -> None:
    rollout = endpoint.start("good-v2", steps=[20], bake_seconds=8)
    address = endpoint.address
    rollout.at(20)
    with Load(address, ("http",)) as load:
        rollout.wait(lambda r: r["verdicts"] and counted(r) > 50, "evidence comes in")
        plane.kill("envoy")
        load.wait_for("r1", 100)
        load.wait_for("r2", 20)
        assert endpoint.address == address
        assert rollout.over()["outcome"] == "promoted"
        answers = sum(load.by_revision().values()) + sum(load.failed.values())
    evidence = rollout.show()
    assert counted(evidence) <= answers, "an answer was counted twice"
    assert counted(evidence) > 50


def test_a_worker_killed_on_the_real_plane(plane: RealPlane, endpoint: RealEndpoint) -> None:
    """Whichever worker acts is killed at each step of a rollout; it goes on, and no client
    notices."""
    with Load(endpoint.address) as load:
        rollout = endpoint.start("good-v2", steps=[10, 30, 50])
        for percent in (10, 30):
            rollout.at(percent)
            for worker in ("worker-1", "worker-2"):
                plane.kill(worker)
        assert rollout.over(120)["outcome"] == "promoted"
        endpoint.wait_ready()
    assert load.scenario == []
    generations = [entry["generation"] for entry in endpoint.history()]
    assert generations == sorted(set(generations), reverse=True)


def test_a_candidate_that_gives_no_answers_never_advances(endpoint: RealEndpoint) -> None:
    """No requests, no evidence: the data deadline pauses it where it is."""
    started = time.monotonic()
    deadlines = {"data_seconds": 2}
    rollout = endpoint.start("good-v2", steps=[10, 50], bake_seconds=0.5, deadlines=deadlines)
    paused = rollout.wait(lambda r: r["phase"] == "paused" or r["outcome"], "it pauses")
    assert paused["step"] == 1
    assert paused["pause"]["kind"] == "no-data"
    assert time.monotonic() - started > 2
    rollout.action("abort")
    assert rollout.over()["outcome"] == "aborted"
