"""The rollout controller, one decision at a time: capped time, and that every wait has an end."""

from dataclasses import replace
from typing import Any

import pytest

from tests.core.values import intent, seen, split
from tidegate.core import strategy
from tidegate.core.incidents import Incidents
from tidegate.core.intent import CandidateTraffic, Intent, Mode, Scaling
from tidegate.core.observation import Container, Live, Observation, Trouble
from tidegate.core.progression import decide
from tidegate.core.rollout import (
    CandidatePods,
    Decision,
    End,
    Outcome,
    Pause,
    PauseKind,
    Progress,
    Rollout,
    RolloutWait,
    Routed,
    StepProgress,
    WaitsFor,
)
from tidegate.core.strategy import Deadlines, Kind, Strategy
from tidegate.core.turn import Turn

PLAN = replace(
    strategy.canary((10, 50), bake=30),
    deadlines=Deadlines(ready=60.0, data=90.0, decision=120.0, undo=1800.0),
)
BAKING = Progress(
    step=StepProgress(index=0),
    at=1000.0,
    routed=Routed(traffic=split(10)),
    pods=CandidatePods(alive=True),
)
HEALTHY = seen(split(10), r1=1, r2=1)


def turn(
    progress: Progress,
    observation: Observation = HEALTHY,
    *,
    desired: Intent | None = None,
    after: float = 5.0,
    **plan: object,
) -> Decision:
    """One decision, `after` seconds after the last; looks are 5 s apart."""
    rollout = Rollout("ro-1", replace(PLAN, **plan), 1, 2, "ann")  # type: ignore[arg-type]
    return decide(
        rollout, progress, (), desired or intent(10), observation, (progress.at or 1000.0) + after
    )


def wait(
    progress: Progress,
    observation: Observation,
    *,
    desired: Intent | None = None,
    reconciles: int = 40,
    **plan: object,
) -> Decision:
    """Decide every 5 s until an intent or a note comes."""
    decision = turn(progress, observation, desired=desired, **plan)
    for _ in range(reconciles):
        if decision.intent is not None or decision.notes:
            return decision
        decision = turn(decision.progress, observation, desired=desired, **plan)
    raise AssertionError(f"still {decision.message!r} after {reconciles} reconciles")


@pytest.mark.parametrize(
    ("after", "counted"),
    [(5.0, 5.0), (19.0, 19.0), (20.0, 20.0), (3600.0, 20.0), (0.0, 0.0), (-600.0, 0.0)],
)
def test_an_interval_counts_at_most_four_intervals(after: float, counted: float) -> None:
    assert turn(BAKING, after=after).progress.step.baked == counted


def test_the_first_observation_counts_nothing() -> None:
    assert turn(replace(BAKING, at=None)).progress.step.baked == 0.0


def test_nothing_bakes_while_a_side_cannot_answer() -> None:
    forward = "`tidegate rollout promote team/fraud --force` goes forward to r2"
    for observation, message in (
        (seen(split(10), r1=0, r2=1), f"stable r1 has no ready pod; {forward}"),
        (seen(split(10), r1=1, r2=0), "r2 has no ready pod"),
        (seen(split(10), r1=0, r2=0), "stable r1 has no ready pod"),
    ):
        decision = turn(BAKING, observation)
        assert (decision.progress.step.baked, decision.message) == (0.0, f"waiting: {message}")


def test_a_stable_scaled_to_zero_can_answer() -> None:
    idle = Observation((Live(1, 0, 0, idle=True), Live(2, 1, 1)), split(10), settled=True)
    staged = intent(
        10, mode=Mode.KNATIVE, candidate_traffic=CandidateTraffic(percent=10, replicas_percent=50)
    )
    assert turn(BAKING, idle, desired=staged).progress.step.baked == 5.0


def test_a_candidate_that_never_gets_ready_is_aborted() -> None:
    decision = wait(Progress(), seen(split(0), r1=1), desired=intent(0))
    assert decision.message == "back to r1: r2 was not ready within 60 s"
    assert decision.intent is not None
    assert (decision.intent.stable, decision.intent.candidate) == (1, None)


def test_a_split_that_never_shows_is_aborted_and_says_what_lacks() -> None:
    stuck = Observation(
        (Live(1, 4, 4), Live(2, 3, 1, trouble=Trouble(failure="no GPU left"))),
        split(0),
        settled=True,
    )
    decision = wait(replace(BAKING, routed=replace(BAKING.routed, traffic=split(0))), stuck)
    assert "the split did not settle within 60 s" in decision.message
    assert "r2 has 1 of 3 replicas: no GPU left" in decision.message


def test_no_data_pauses_and_the_pause_aborts() -> None:
    paused = wait(replace(BAKING, step=replace(BAKING.step, baked=30.0)), HEALTHY)
    assert paused.intent is None
    assert paused.progress.pause is not None
    assert paused.progress.pause.kind is PauseKind.NO_DATA
    assert paused.notes[0].action == "pause"
    assert (
        wait(paused.progress, HEALTHY).message == "back to r1: paused for 120 s, and nobody resumed"
    )


def test_a_stable_that_stays_dead_ends_in_a_pause_not_in_an_abort() -> None:
    for observation in (seen(split(10), r1=0, r2=1), seen(split(0), r1=0, r2=1)):
        decision = wait(BAKING, observation)
        assert decision.progress.pause is not None
        assert "stable r1 has no ready pod" in decision.message


def test_an_approval_that_nobody_gives_is_an_abort() -> None:
    asking = tuple(replace(step, until=strategy.Until.APPROVAL) for step in PLAN.steps)
    assert wait(BAKING, HEALTHY, steps=asking).message == "back to r1: nobody answered within 120 s"


def test_a_rollout_by_hand_that_nobody_touches_is_aborted() -> None:
    assert (
        wait(BAKING, HEALTHY, kind=Kind.MANUAL, steps=()).message
        == "back to r1: nobody decided within 120 s"
    )
    touched = turn(
        replace(
            BAKING,
            wait=RolloutWait(kind="approval", seconds=115.0),
            routed=replace(BAKING.routed, traffic=split(5)),
        ),
        kind=Kind.MANUAL,
        steps=(),
    )
    assert touched.progress.wait.seconds == 5.0


def test_a_promotion_that_never_shows_is_rolled_back() -> None:
    promoted = intent(stable=2, candidate=None, candidate_traffic=CandidateTraffic(), standby=(1,))
    going = replace(
        BAKING,
        step=replace(BAKING.step, index=2),
        end=replace(BAKING.end, toward=Outcome.PROMOTED, message="every step is done", at=1000.0),
    )
    decision = wait(going, HEALTHY, desired=promoted)
    assert decision.message == "back to r1: r2 could not take all traffic within 60 s"


def test_a_promotion_that_left_a_dead_stable_goes_on_trying() -> None:
    """In Knative mode the old revision is on no standby: it is dead where it fails, and only scaled
    down where it does not."""
    promoted = intent(
        mode=Mode.KNATIVE, stable=2, candidate=None, candidate_traffic=CandidateTraffic()
    )
    going = replace(
        BAKING,
        step=replace(BAKING.step, index=2),
        end=replace(BAKING.end, toward=Outcome.PROMOTED, message="promoted by ann", at=1000.0),
        wait=RolloutWait(kind=WaitsFor.PROMOTION, seconds=60.0),
    )
    failing = Live(1, 1, 0, trouble=Trouble(failure="failed to load"))
    dead = Observation((failing, Live(2, 1, 1)), split(50), settled=True)
    decision = turn(going, dead, desired=promoted)
    assert decision.intent is None
    assert decision.progress.end.toward is Outcome.PROMOTED
    assert "but stable r1 has no ready pod (failed to load)" in decision.message
    scaled_down = Observation((Live(1, 0, 0), Live(2, 1, 1)), split(50), settled=True)
    both_dead = Observation((failing, Live(2, 1, 0)), split(50), settled=True)
    for observation in (scaled_down, both_dead):
        decision = turn(going, observation, desired=promoted)
        assert decision.message == "back to r1: r2 could not take all traffic within 60 s"


def test_an_undo_that_finds_no_capacity_goes_with_the_replicas_that_there_are() -> None:
    """r1 is bad and grew to 8 after it was promoted; r2 is kept, and there is capacity for 2 of its
    8."""
    observation = Observation((Live(1, 8, 8), Live(2, 8, 2)), split(0), settled=True)
    bad = intent(stable=1, candidate=None, candidate_traffic=CandidateTraffic(), standby=(2,))
    as_undo: dict[str, Any] = {"kind": Kind.UNDO, "steps": (), "proven": True, "urgent": True}
    back = turn(Progress(at=1000.0), observation, desired=bad, **as_undo).progress
    undone = replace(bad, stable=2, standby=(1,))
    decision = wait(back, observation, desired=undone, **as_undo)
    assert decision.intent is not None
    assert (decision.intent.stable, decision.intent.standby) == (2, ())
    assert (
        decision.message
        == "r2 takes all with the 2 replicas that it has: r1 frees capacity for more"
    )
    there = replace(observation, traffic=split(100))
    over = turn(decision.progress, there, desired=decision.intent, **as_undo).progress
    assert (over.outcome, over.pods.losses) == (Outcome.PROMOTED, 0)


def test_an_undo_that_is_superseded_before_it_began_takes_nothing_off_standby() -> None:
    """r2 is on standby for its undo window, which is open."""
    on_standby = intent(candidate=None, candidate_traffic=CandidateTraffic(), standby=(2,))
    as_undo: dict[str, Any] = {"kind": Kind.UNDO, "steps": (), "proven": True, "urgent": True}
    superseded = Progress(
        at=1000.0, end=End(toward=Outcome.SUPERSEDED, message="superseded by ann")
    )
    decision = turn(superseded, seen(split(0), r1=1, r2=1), desired=on_standby, **as_undo)
    assert (decision.intent, decision.progress.outcome) == (None, Outcome.SUPERSEDED)


def test_an_undo_to_what_has_no_pods_goes_with_those_that_came_in_time() -> None:
    observation = Observation((Live(1, 8, 8), Live(2, 8, 3)), split(0), settled=True)
    as_undo: dict[str, Any] = {"kind": Kind.UNDO, "steps": (), "proven": True, "urgent": True}
    staged = intent(
        0, candidate_traffic=CandidateTraffic(replicas_percent=100), scaling=Scaling(1, 8)
    )
    decision = wait(Progress(), observation, desired=staged, **as_undo)
    assert decision.intent is not None
    assert decision.intent.stable == 2
    assert "r2 has 3 of 8 replicas ready after 60 s" in decision.message


def test_restarts_of_the_past_do_not_end_an_undo() -> None:
    observation = Observation(
        (Live(1, 3, 3), Live(2, 3, 0, trouble=Trouble(restarts=3))), split(0), settled=True
    )
    bad = intent(stable=1, candidate=None, candidate_traffic=CandidateTraffic(), standby=(2,))
    decision = turn(Progress(), observation, desired=bad, kind=Kind.UNDO, steps=(), proven=True)
    assert decision.progress.end.toward is None
    assert decision.intent is not None
    assert decision.intent.candidate == 2


def test_pods_that_a_new_worker_holds_back_are_not_lost() -> None:
    """Every worker asks each pod without a share once, and holds it until it answers."""
    held = Observation(
        (Live(1, 2, 2), Live(2, 2, 0, trouble=Trouble(restarts=3), not_warmed_up=True)),
        split(0),
        settled=True,
    )
    waiting = replace(BAKING, routed=replace(BAKING.routed, traffic=split(0)))
    for observation in (held, seen(split(0), r1=2, r2=2), held):
        decision = turn(waiting, observation, desired=intent(0), kind=Kind.MANUAL, steps=())
        waiting = decision.progress
        assert (waiting.pods.losses, waiting.end.toward) == (0, None)
    gone = Observation((Live(1, 2, 2), Live(2, 2, 0)), split(0), settled=True)
    assert (
        turn(waiting, gone, desired=intent(0), kind=Kind.MANUAL, steps=()).progress.pods.losses == 1
    )


def test_a_rollout_that_was_overtaken_by_a_promotion_ends_and_changes_nothing() -> None:
    promoted = intent(stable=3, candidate=None, candidate_traffic=CandidateTraffic(), standby=(1,))
    decision = turn(Progress(), seen(split(0), r3=1), desired=promoted)
    assert (decision.progress.outcome, decision.intent) == (Outcome.ABORTED, None)
    assert (
        decision.message
        == "r3 is stable now, not r1 as when this rollout was asked for: start it again"
    )


def test_a_paused_rollout_starts_no_step() -> None:
    held = replace(
        BAKING, pause=Pause(PauseKind.PAUSED, "bob", "lunch"), step=replace(BAKING.step, index=1)
    )
    assert turn(held, desired=intent(10)).intent is None


@pytest.mark.parametrize(
    ("mode", "plan", "size"),
    [
        (Mode.STANDARD, strategy.canary((10, 50)), 0),  # grown before each rise
        (
            Mode.KNATIVE,
            strategy.canary((10, 50)),
            50,
        ),  # fixed when the revision is made: the largest step
        (Mode.STANDARD, strategy.blue_green(), 100),
        (Mode.KNATIVE, strategy.undo(), 100),
    ],
)
def test_the_size_a_candidate_gets_ready_in(mode: Mode, plan: Strategy, size: int) -> None:
    now = Turn(
        Rollout("ro-1", plan, 1, 2, "ann"), Progress(), intent(0, mode=mode), HEALTHY, 0.0, 0.0, 5.0
    )
    assert now.staging == CandidateTraffic(replicas_percent=size)


def test_a_promotion_waits_until_a_kill_for_memory_was_compared_with_stable() -> None:
    trouble = Container("pod-2/main", 1, "a")
    observation = Observation(
        (Live(1, 1, 1), Live(2, 1, 1, trouble=Trouble(containers=(trouble,)))),
        split(50),
        settled=True,
    )
    last = replace(
        BAKING,
        step=replace(BAKING.step, index=1, baked=30.0),
        routed=replace(BAKING.routed, traffic=split(50)),
        pods=replace(BAKING.pods, incidents=Incidents(known=())),
    )
    asking = (*PLAN.steps[:1], replace(PLAN.steps[1], until=strategy.Until.APPROVAL))
    approved = turn(
        replace(last, step=replace(last.step, approved_by="bob")),
        observation,
        desired=intent(50),
        steps=asking,
    )
    assert approved.message.startswith(
        "waiting: r2: 1 kill for memory (OOMKilled), allowed 0; compared with stable"
    )
    decision = wait(approved.progress, observation, desired=intent(50), steps=asking)
    assert decision.message == "back to r1: r2: 1 kill for memory (OOMKilled), allowed 0"


def test_an_undo_is_not_stopped_by_what_befalls_the_pods_of_what_served_before() -> None:
    observation = Observation(
        (
            Live(1, 1, 1),
            Live(2, 1, 0, trouble=Trouble(containers=(Container("pod-2/main", 2, "a"),))),
        ),
        split(0),
        settled=True,
    )
    undoing = Progress(at=1000.0, pods=CandidatePods(incidents=Incidents(known=())))
    assert (
        turn(
            undoing, observation, desired=intent(0), kind=Kind.UNDO, steps=(), proven=True
        ).progress.pods.findings
        == ()
    )
