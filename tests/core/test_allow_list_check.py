"""A list that is narrowed while an endpoint serves: going up is not_allowed, rolling back and
staying never are."""

from dataclasses import replace

from tests.core.values import KEY, intent, seen, split
from tidegate.core import allow_list_check
from tidegate.core.allowed import EVERYTHING, narrow
from tidegate.core.intent import (
    NO_TRAFFIC,
    Adopted,
    CandidateTraffic,
    HeaderMatch,
    Intent,
    Mode,
    Model,
    Pods,
    Revision,
    Runtime,
)
from tidegate.core.observation import Observation, Stamp
from tidegate.core.progression import decide
from tidegate.core.rollout import (
    Action,
    ActionKind,
    Decision,
    End,
    Outcome,
    Pause,
    PauseKind,
    Progress,
    Rollout,
    RolloutWait,
    StepProgress,
)
from tidegate.core.strategy import canary, undo

NO = {2: "r2 is not allowed here any more"}
BOTH = {1: "r1 is not allowed here any more", **NO}
ROLLOUT = Rollout("one", canary((10, 50)), 1, 2, "ann")
UNDO = replace(ROLLOUT, strategy=undo())
MODEL = Model("m", "1", "s3://b/m/", "sha256-1")


def stopped(old: Intent, new: Intent, not_allowed: allow_list_check.NotAllowed) -> str | None:
    """Whether the rollout's next step is."""
    return allow_list_check.stopped(ROLLOUT, old, Decision(Progress(), "", None, new), not_allowed)


def test_only_revisions_that_name_what_they_may_not_are_not_allowed() -> None:
    lent = Runtime(pods=Pods(service_account="admin"))
    revisions = (
        Revision(0, MODEL, lent, "", Adopted("uid", {})),
        Revision(1, MODEL, Runtime(), ""),
        Revision(2, MODEL, lent, ""),
    )
    assert list(allow_list_check.not_allowed("team", revisions, narrow(("s3",)))) == [2]
    assert allow_list_check.not_allowed("team", revisions, EVERYTHING) == {}


def test_what_goes_up_is_stopped() -> None:
    alone = intent(candidate=None)
    assert stopped(alone, intent(0), NO) == NO[2]  # it would get pods
    assert stopped(intent(10), intent(11), NO) == NO[2]
    assert (
        stopped(intent(10), intent(10, candidate_traffic=CandidateTraffic(10, mirror=5)), NO)
        == NO[2]
    )
    matched = intent(10, candidate_traffic=CandidateTraffic(10, (HeaderMatch("x", "y"),)))
    assert stopped(intent(10), matched, NO) == NO[2]
    promoted = intent(stable=2, candidate=None, candidate_traffic=NO_TRAFFIC, standby=(1,))
    assert stopped(intent(50), promoted, NO) == NO[2]


def test_an_abort_of_a_promotion_is_taken_also_where_both_are_not_allowed_and_nothing_is_kept() -> (
    None
):
    promoted = intent(mode=Mode.KNATIVE, stable=2, candidate=None, candidate_traffic=NO_TRAFFIC)
    promoting = Progress(
        step=StepProgress(index=2),
        at=100.0,
        end=End(toward=Outcome.PROMOTED, at=100.0),
        wait=RolloutWait(kind="promotion", seconds=5.0),
    )
    late = replace(
        promoting, wait=replace(promoting.wait, seconds=ROLLOUT.strategy.deadlines.ready)
    )
    observation = seen(split(50), r1=1, r2=0)
    abort = (Action(1, ActionKind.ABORT, "bob"),)
    for not_allowed in ({1: BOTH[1]}, BOTH):
        for progress, request in ((promoting, abort), (late, ())):
            decision = decide(ROLLOUT, progress, request, promoted, observation, 105.0)
            assert decision.intent is not None
            assert (decision.intent.stable, decision.progress.end.toward) == (1, Outcome.ABORTED)
            assert allow_list_check.stopped(ROLLOUT, promoted, decision, not_allowed) is None
    for ending in Outcome:
        decision = Decision(Progress(end=End(toward=ending)), "", None, intent(50))
        assert (allow_list_check.stopped(ROLLOUT, intent(10), decision, NO) is None) == (
            ending is not Outcome.PROMOTED
        )


def test_an_undo_is_always_allowed_also_where_its_pods_were_away_for_an_observation() -> None:
    kept = intent(candidate=None, candidate_traffic=NO_TRAFFIC, standby=(2,))
    staged = decide(UNDO, Progress(), (), kept, seen(split(0), r1=1), 100.0)
    assert staged.intent is not None
    assert (staged.intent.candidate, staged.intent.standby) == (2, ())
    assert allow_list_check.stopped(UNDO, kept, staged, NO) is None
    assert allow_list_check.bounded(UNDO, staged.intent, seen(split(0), r1=1), NO) == (
        staged.intent,
        None,
    )
    done = decide(UNDO, staged.progress, (), staged.intent, seen(split(0), r1=1, r2=1), 105.0)
    assert done.intent is not None
    assert done.intent.stable == 2
    assert allow_list_check.stopped(UNDO, staged.intent, done, NO) is None
    held = Progress(pause=Pause(PauseKind.NOT_ALLOWED, "system:rollout:one", NO[2]))
    assert allow_list_check.freed(UNDO, held, NO).pause is None


def test_what_rolls_back_or_stays_is_not() -> None:
    gone = intent(stable=None, candidate=None, candidate_traffic=NO_TRAFFIC)
    for before, after in (
        (intent(50), intent(10)),
        (intent(50), intent(50)),
        (intent(50), intent(candidate=None, candidate_traffic=NO_TRAFFIC)),
        (intent(50), gone),
        (intent(0, candidate=None), gone),
    ):
        assert stopped(before, after, BOTH) is None, after
    kept = intent(stable=2, candidate=None, candidate_traffic=NO_TRAFFIC, standby=(1,))
    undone = intent(stable=1, candidate=None, candidate_traffic=NO_TRAFFIC, standby=(2,))
    assert stopped(kept, undone, BOTH) is None  # its pods run: the instant undo stays open


def test_nothing_is_begun_that_is_not_allowed_and_nothing_that_is_there_is_left() -> None:
    first = intent(candidate=None)
    assert allow_list_check.begins(first, Observation(), BOTH) == BOTH[1]
    assert allow_list_check.begins(first, Observation(), NO) is None
    # Its objects were there: it rolls back
    assert allow_list_check.begins(first, Observation(stamp=Stamp(generation=3)), BOTH) is None
    assert allow_list_check.begins(first, seen(None, r1=1), BOTH) is None
    assert allow_list_check.begins(replace(first, stable=None), Observation(), BOTH) is None


def test_an_intent_is_carried_out_as_far_as_the_candidate_already_is() -> None:
    assert allow_list_check.bounded(ROLLOUT, intent(50), seen(split(10), r1=1, r2=1), {}) == (
        intent(50),
        None,
    )
    bounded, message = allow_list_check.bounded(
        ROLLOUT, intent(50), seen(split(10), r1=1, r2=1), NO
    )
    assert (bounded.candidate_traffic.percent, message) == (10, NO[2])
    assert allow_list_check.bounded(ROLLOUT, intent(5), seen(split(10), r1=1, r2=1), NO) == (
        intent(5),
        None,
    )
    bounded, message = allow_list_check.bounded(ROLLOUT, intent(50), seen(split(0), r1=1), NO)
    assert (bounded.candidate, bounded.candidate_traffic, bounded.stable, message) == (
        None,
        NO_TRAFFIC,
        1,
        NO[2],
    )
    matched = intent(0, candidate_traffic=CandidateTraffic(0, (HeaderMatch("x", "y"),), mirror=5))
    bounded, message = allow_list_check.bounded(ROLLOUT, matched, seen(split(0), r1=1, r2=1), NO)
    assert (bounded.candidate_traffic, message) == (NO_TRAFFIC, NO[2])
    assert bounded.key == KEY


def test_a_rollout_is_paused_until_it_is_allowed_again_or_its_pause_ends() -> None:
    before = Progress(step=StepProgress(index=0), at=100.0, action=3)
    tried = Decision(
        replace(before, at=105.0, action=4, end=replace(before.end, toward=Outcome.PROMOTED)),
        "step",
        110.0,
        intent(50),
    )
    held = allow_list_check.pause(ROLLOUT, before, tried, NO[2], interval=5.0)
    assert held.intent is None
    assert [(note.action, note.message) for note in held.notes] == [("pause", NO[2])]
    assert held.progress.pause is not None
    assert held.progress.pause.kind is PauseKind.NOT_ALLOWED
    assert (held.progress.action, held.progress.end.toward, held.progress.step.index) == (
        4,
        None,
        0,
    )
    again = allow_list_check.pause(
        ROLLOUT, held.progress, replace(tried, progress=held.progress), NO[2], interval=5.0
    )
    assert again.notes == ()  # said once

    now = 105.0
    progress = held.progress
    while not allow_list_check.overdue(ROLLOUT, progress):
        now += 20.0
        step = replace(tried, progress=replace(progress, at=now))
        progress = allow_list_check.pause(ROLLOUT, progress, step, NO[2], interval=5.0).progress
    assert now - 105.0 == ROLLOUT.strategy.deadlines.decision
    step = replace(tried, progress=replace(progress, at=now))
    otherwise = allow_list_check.pause(ROLLOUT, progress, step, "r2: said otherwise", interval=5.0)
    assert allow_list_check.overdue(ROLLOUT, otherwise.progress)
    assert allow_list_check.refuses(ROLLOUT, otherwise.progress, NO) == NO[2]
    assert allow_list_check.refuses(ROLLOUT, before, NO) == ""
    assert allow_list_check.refuses(ROLLOUT, otherwise.progress, {}) == ""
    assert allow_list_check.freed(ROLLOUT, progress, NO) == progress
    freed = allow_list_check.freed(ROLLOUT, progress, {})
    assert (freed.pause, freed.wait.seconds) == (None, 0.0)
