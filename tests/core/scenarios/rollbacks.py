"""Back to stable, twice and in a hurry; and over a stable that has no ready pod."""

from dataclasses import replace

from tests.core.scenarios.book import begin, reach, scenario
from tests.simulation.desk import Desk
from tests.simulation.simulation import Simulation
from tidegate.core import strategy
from tidegate.core.drivers.rendering import REVISION
from tidegate.core.intent import CandidateTraffic, Mode
from tidegate.core.rollout import ActionKind
from tidegate.core.strategy import Deadlines, Step, Strategy, Until
from tidegate_local.played.api import ISVC

CANARY = strategy.canary((10, 50), bake=20)
OVER_A_DEAD_STABLE = replace(CANARY, deadlines=Deadlines(data=120.0, decision=600.0))
STOPS = (
    Step(CandidateTraffic(percent=10), Until.APPROVAL, 0.0),
    Step(CandidateTraffic(percent=10), Until.APPROVAL, 0.0),
    CANARY.steps[1],
)
TWO_STOPS = replace(CANARY, steps=STOPS)


def asks(t: Simulation, desk: Desk, to: int | None = None) -> None:
    """A person asks for an undo, and the answer is noted."""
    named = ""
    if to is not None:
        named = f" --to r{to}"
    t.note(f"{desk.author} asks to undo{named}")
    t.note(f"  answer: {desk.undo(to)}")


def promoted(t: Simulation, count: int) -> None:
    """That many revisions, each promoted over the one before."""
    t.deploy()
    for _ in range(count - 1):
        t.start(strategy.blue_green(), t.revision())
        t.run(60)
        t.action(ActionKind.PROMOTE, "ann")
        t.until_over()


def dead(t: Simulation, plan: Strategy) -> None:
    """A healthy r2 over an r1 whose pods never get ready."""
    t.lab.kubelet.crash("model-1")
    t.deploy()
    t.start(plan, t.revision())


@scenario()
def undo_after_undo(t: Simulation) -> None:
    promoted(t, 2)
    desk = Desk(t, "bob")
    colleague = Desk(t, "ann")
    asks(t, desk)
    asks(t, colleague)
    t.run(t.interval)
    asks(t, colleague)
    t.until_over()
    asks(t, colleague)
    t.run(660)
    asks(t, colleague)
    asks(t, colleague, to=2)
    t.until_over()
    t.run(60)


@scenario()
def undo_of_an_undo_in_flight(t: Simulation) -> None:
    promoted(t, 3)
    t.run(1900)
    desk = Desk(t)
    asks(t, desk, to=1)
    t.run(10)
    asks(t, desk, to=3)
    t.until_over()
    t.run(60)


@scenario()
def undo_to_another_revision_while_one_runs(t: Simulation) -> None:
    promoted(t, 3)
    desk = Desk(t)
    asks(t, desk)
    t.run(t.interval)
    asks(t, desk, to=1)
    asks(t, desk, to=1)
    t.until_over()
    t.run(60)


@scenario()
def undo_right_after_an_abort(t: Simulation) -> None:
    promoted(t, 2)
    t.start(CANARY, t.revision())
    reach(t, 0)
    t.action(ActionKind.ABORT, "ann", "complaints")
    desk = Desk(t)
    asks(t, desk)
    t.until_over()
    asks(t, desk)
    asks(t, desk, to=2)
    asks(t, desk, to=1)
    t.until_over()
    t.run(60)


@scenario()
def undo_ends_a_rollout_and_its_end_is_told_twice(t: Simulation) -> None:
    begin(t, CANARY, until=0)
    desk = Desk(t)
    asks(t, desk)
    t.note(f"bob asks to abort: {desk.act('abort')}")
    t.until_over()
    t.note(f"bob asks to abort: {desk.act('abort')}")


@scenario()
def a_promotion_is_undone_before_it_shows(t: Simulation) -> None:
    begin(t, CANARY, until=1)
    while t.intent.stable != 2:
        t.run(t.interval)
    asks(t, Desk(t))
    t.until_over()
    t.run(60)


@scenario()
def an_undo_behind_a_rollout_that_is_promoted_meanwhile(t: Simulation) -> None:
    promoted(t, 2)
    t.start(CANARY, t.revision())
    t.start(strategy.undo(), 1, "bob", "it waits behind the canary, which nobody superseded")
    t.until_over()
    t.run(60)


@scenario()
def two_approvers_at_two_stops_of_the_same_percent(t: Simulation) -> None:
    begin(t, TWO_STOPS, until=0)
    t.run(30)
    ann = Desk(t, "ann")
    bob = Desk(t, "bob")
    page = ann.page()
    t.note(f"  answer: {ann.act('approve', step=page)}")
    t.note(f"  answer: {bob.act('approve', step=page)}")
    t.run(30)
    t.note(f"  answer: {bob.act('approve', step=page)}")
    t.note(f"  answer: {bob.act('promote', step=page)}")
    t.note(f"  answer: {bob.act('approve', step=bob.page())}")
    t.until_over()


@scenario()
def a_dead_stable_under_a_canary(t: Simulation) -> None:
    dead(t, OVER_A_DEAD_STABLE)
    t.until_over(1200)
    t.note(f"  answer: {Desk(t).act('promote', force=True)}")
    t.until_over()
    t.run(60)


@scenario()
def a_dead_stable_under_a_blue_green(t: Simulation) -> None:
    dead(t, replace(strategy.blue_green(), deadlines=Deadlines(decision=600.0)))
    t.until_over(1500)
    desk = Desk(t)
    t.note(f"  answer: {desk.act('promote', step=desk.page(), force=desk.page() is None)}")
    t.until_over()


@scenario(Mode.STANDARD)
def a_dead_stable_is_left_by_an_approval(t: Simulation) -> None:
    dead(t, strategy.blue_green())
    t.run(60)
    desk = Desk(t)
    t.note(f"  answer: {desk.act('approve', step=desk.page())}")
    t.until_over()


@scenario()
def a_person_aborts_toward_a_dead_stable(t: Simulation) -> None:
    begin(t, OVER_A_DEAD_STABLE, until=0)
    t.lab.kubelet.crash("model-1")
    t.run(60)
    t.note(f"  answer: {Desk(t).act('abort')}")
    t.until_over()


@scenario()
def a_bad_candidate_over_a_dead_stable_that_comes_back(t: Simulation) -> None:
    begin(t, OVER_A_DEAD_STABLE, until=0)
    t.quality[2] = replace(t.quality[2], bad=0.5)
    t.lab.kubelet.crash("model-1")
    t.note("(r1 dies, and r2 begins to answer with errors)")
    t.run(900)
    t.lab.kubelet.heal("model-1")
    t.note("(r1 gets well)")
    t.until_over()


@scenario(Mode.KNATIVE)
def a_candidate_in_the_making_is_left_for_a_dead_stable(t: Simulation) -> None:
    """Superseded, then aborted, while KServe's status still shows stable's first revision as the
    newest and ready: the candidate's is made already, and gets ready before stable's second one."""
    t.deploy()
    t.lab.kubelet.hang("model-1")
    t.note("(r1 dies)")
    t.start(CANARY, t.revision())
    while head(t) != "r2 at 0 %":
        t.one_pass()
    t.lab.step("kserve", "knative-service", "knative-configuration")
    t.action(ActionKind.SUPERSEDE)
    t.start(CANARY, t.revision())
    t.action(ActionKind.ABORT, "ann")
    for _ in range(4):
        t.one_pass()
        t.tell("head", f"      head: {head(t)}", exact=True)
    t.run(60)
    t.lab.kubelet.heal("model-1")
    t.note("(r1 gets well)")
    t.run(60)
    t.note(f"head: {head(t)}")
    t.note(f"splits of the data plane: {t.lab.history('fraud')}")


def head(t: Simulation) -> str:
    """The revision in the spec of the InferenceService, and its percent."""
    predictor = t.lab.get(ISVC, "fraud")["spec"]["predictor"]
    percent = predictor.get("canaryTrafficPercent", 100)
    return f"{predictor['labels'][REVISION]} at {percent} %"
