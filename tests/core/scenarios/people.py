"""What people ask of a rollout, and who wins."""

from dataclasses import replace

from tests.core.scenarios.book import CANARY, begin, reach, scenario
from tests.simulation.simulation import Simulation
from tidegate.core import strategy
from tidegate.core.evidence import Metric, MetricKind
from tidegate.core.intent import CandidateTraffic, HeaderMatch, Mode
from tidegate.core.rollout import ActionKind
from tidegate.core.strategy import Deadlines, Step, Until

ASKING = replace(
    CANARY, steps=(Step(CandidateTraffic(percent=10), Until.APPROVAL, 20.0), CANARY.steps[1])
)


@scenario()
def pause_and_resume(t: Simulation) -> None:
    begin(t, until=0)
    t.action(ActionKind.PAUSE, reason="lunch")
    t.run(300)
    t.action(ActionKind.RESUME)
    t.until_over()


@scenario()
def a_pause_that_nobody_ends(t: Simulation) -> None:
    begin(t, replace(CANARY, deadlines=Deadlines(decision=600.0)), until=0)
    t.action(ActionKind.PAUSE, reason="for ever")
    t.until_over()


@scenario()
def a_paused_rollout_still_fails(t: Simulation) -> None:
    begin(t, until=0)
    t.action(ActionKind.PAUSE, reason="lunch")
    t.run(30)
    t.quality[2] = replace(t.quality[2], bad=0.3)
    t.note("(r2 begins to answer with errors)")
    t.until_over()


@scenario()
def aborted_while_starting(t: Simulation) -> None:
    begin(t)
    t.run(10)
    t.action(ActionKind.ABORT, reason="wrong model")
    t.until_over()
    t.run(60)


@scenario()
def aborted_at_each_step(t: Simulation) -> None:
    t.deploy()
    for step in range(2):
        t.start(CANARY, t.revision())
        reach(t, step)
        t.action(ActionKind.ABORT, reason=f"enough of step {step + 1}")
        t.until_over()
        t.run(60)


@scenario()
def aborted_while_promoting(t: Simulation) -> None:
    begin(t, until=1)
    while t.intent.stable != 2:
        t.run(t.interval)
    t.action(ActionKind.ABORT, reason="not this one")
    t.until_over()
    t.run(60)


@scenario()
def a_person_approves(t: Simulation) -> None:
    begin(t, ASKING, until=0)
    t.run(120)
    t.action(ActionKind.APPROVE, reason="numbers look fine")
    t.until_over()


@scenario()
def a_person_rejects(t: Simulation) -> None:
    begin(t, ASKING, until=0)
    t.run(30)
    t.action(ActionKind.REJECT, reason="numbers look odd")
    t.until_over()


@scenario()
def nobody_answers(t: Simulation) -> None:
    begin(t, replace(ASKING, deadlines=Deadlines(decision=900.0)), until=0)
    t.until_over()


@scenario()
def blue_green(t: Simulation) -> None:
    begin(t, strategy.blue_green())
    t.run(120)
    t.action(ActionKind.PROMOTE, reason="cut over")
    t.until_over()
    t.run(600)
    t.start(strategy.undo(), 1, "bob", "sales fell")
    t.until_over()
    t.run(1900)


@scenario()
def undone_after_the_window(t: Simulation) -> None:
    begin(t, strategy.blue_green())
    t.run(60)
    t.action(ActionKind.PROMOTE, reason="cut over")
    t.until_over()
    t.run(2000)
    t.start(strategy.undo(), 1, "bob", "sales fell")
    t.until_over()
    t.run(60)


@scenario()
def ab_by_percent(t: Simulation) -> None:
    begin(t, strategy.ab(50, bake=60))
    t.run(300)
    t.action(ActionKind.PROMOTE, "ann", "r2 sells more")
    t.until_over()


@scenario(Mode.STANDARD)
def ab_by_header(t: Simulation) -> None:
    begin(t, strategy.ab(match=(HeaderMatch("x-beta", "yes"),), bake=60))
    t.run(300)
    t.action(ActionKind.REJECT, "ann", "r1 sells more")
    t.until_over()


@scenario(Mode.STANDARD)
def ab_by_users(t: Simulation) -> None:
    begin(t, strategy.ab_by_users(20, bake=60))
    t.run(300)
    t.action(ActionKind.ABORT, "ann", "r1 sells more")
    t.until_over()


def posting(t: Simulation, minutes: int, **successes: float) -> None:
    """An A/B in which somebody posts the counts of each minute until it is decided."""
    t.run(10)
    for _ in range(minutes):
        t.run(60)
        if t.progress().end.toward is not None:
            break
        t.experiment(**successes)
    t.until_over()


BY_EXPERIMENT = replace(
    strategy.ab(50, bake=60, until=Until.PASS),
    metrics=(Metric(MetricKind.ERRORS), Metric(MetricKind.EXPERIMENT, pass_margin=0.0)),
    deadlines=Deadlines(data=900.0),
)


@scenario()
def ab_ends_by_evidence_the_candidate_succeeds_more_often(t: Simulation) -> None:
    begin(t, BY_EXPERIMENT, until=0)
    posting(t, 20, r1=0.05, r2=0.08)


@scenario()
def ab_ends_by_evidence_the_candidate_succeeds_less_often(t: Simulation) -> None:
    begin(t, BY_EXPERIMENT, until=0)
    posting(t, 20, r1=0.08, r2=0.05)


@scenario()
def ab_ends_by_its_deadline_nobody_is_better(t: Simulation) -> None:
    begin(t, BY_EXPERIMENT, until=0)
    posting(t, 20, r1=0.05, r2=0.05)


@scenario()
def ab_ends_by_a_person_before_the_evidence_does(t: Simulation) -> None:
    begin(t, BY_EXPERIMENT, until=0)
    t.run(70)
    t.experiment(r1=0.05, r2=0.05)
    t.run(30)
    t.action(ActionKind.PROMOTE, "ann", "r2 is cheaper, and as good")
    t.until_over()


@scenario()
def ab_asks_a_person_and_tells_the_evidence(t: Simulation) -> None:
    asks = replace(BY_EXPERIMENT.steps[0], until=Until.APPROVAL)
    begin(t, replace(BY_EXPERIMENT, steps=(asks,)), until=0)
    t.run(10)
    for _ in range(4):
        t.run(60)
        t.experiment(r1=0.05, r2=0.12)
    t.run(30)
    t.action(ActionKind.APPROVE, "ann", "convincing")
    t.until_over()


@scenario()
def ab_whose_candidate_answers_with_errors(t: Simulation) -> None:
    begin(t, BY_EXPERIMENT, until=0)
    t.run(70)
    t.experiment(r1=0.05, r2=0.06)
    t.quality[2] = replace(t.quality[2], bad=0.2)
    t.note("(r2 begins to answer with errors)")
    t.until_over()


@scenario(Mode.STANDARD)
def ab_by_header_whose_candidate_answers_with_errors(t: Simulation) -> None:
    t.headers = (("x-beta", "yes"),)
    begin(t, strategy.ab(match=(HeaderMatch("x-beta", "yes"),), bake=60))
    t.run(90)
    t.quality[2] = replace(t.quality[2], bad=0.2)
    t.note("(r2 begins to answer with errors)")
    t.until_over()


@scenario()
def taken_over_and_resumed(t: Simulation) -> None:
    begin(t, until=0)
    t.lift(30)
    t.run(60)
    t.lift(40)
    t.run(30)
    t.action(ActionKind.RESUME, reason="over to you")
    t.until_over()


@scenario()
def lowered_by_hand(t: Simulation) -> None:
    begin(t, until=1)
    t.lower(5)
    t.run(60)
    t.action(ActionKind.RESUME)
    t.until_over()


@scenario()
def by_hand_from_the_first_patch(t: Simulation) -> None:
    t.deploy()
    candidate = t.revision()
    t.start(strategy.manual(), candidate, message="PATCH")
    t.note("ann sets 20 %")
    t.person("ann", candidate=candidate, candidate_traffic=CandidateTraffic(percent=20))
    t.run(60)
    t.note("ann sets 60 %")
    t.person("ann", candidate_traffic=CandidateTraffic(percent=60))
    t.run(60)
    t.action(ActionKind.PROMOTE, "ann")
    t.until_over()


@scenario()
def by_hand_and_forgotten(t: Simulation) -> None:
    t.deploy()
    candidate = t.revision()
    t.start(replace(strategy.manual(), deadlines=Deadlines(decision=900.0)), candidate)
    for percent in (20, 40):
        t.note(f"ann sets {percent} %")
        t.person("ann", candidate=candidate, candidate_traffic=CandidateTraffic(percent=percent))
        t.run(600)
    t.until_over()


@scenario()
def superseded(t: Simulation) -> None:
    begin(t, until=0)
    t.action(ActionKind.SUPERSEDE, "ann", "a newer model waits")
    t.start(CANARY, t.revision())
    t.until_over()
    t.run(60)


@scenario()
def undone_although_never_run(t: Simulation) -> None:
    t.deploy()
    t.start(strategy.undo(), t.revision(), "bob", "straight to r2")
    t.until_over()


@scenario()
def deleted_in_the_middle(t: Simulation) -> None:
    begin(t, until=0)
    t.delete()
    t.run(120)
    t.note(f"left: {t.left()}")


@scenario()
def a_name_is_used_again(t: Simulation) -> None:
    t.deploy()
    t.delete()
    t.run(120)
    t.deploy()
    t.start(CANARY, t.revision())
    t.until_over()


@scenario()
def a_name_is_used_again_at_once(t: Simulation) -> None:
    t.deploy()
    t.delete()
    t.deploy()
    t.run(120)
