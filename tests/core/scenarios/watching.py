"""After a promotion somebody still watches."""

from dataclasses import replace

from tests.core.scenarios.book import CANARY, begin, reach, scenario
from tests.simulation.desk import Desk
from tests.simulation.simulation import Quality, Simulation
from tidegate.core import strategy
from tidegate.core.holdback import with_holdback
from tidegate.core.intent import Mode
from tidegate.core.rollout import ActionKind
from tidegate.core.strategy import Strategy
from tidegate.core.watch_values import OnWatchFail, WatchPlan

UNDOES = WatchPlan(on_fail=OnWatchFail.UNDO)
BAD = 0.3


def promoted(t: Simulation, plan: Strategy = CANARY) -> None:
    """r2 over r1, a minute ago."""
    begin(t, plan)
    t.until_over()
    t.run(60)


def turns_bad(t: Simulation, *revisions: int, cause: str) -> None:
    """From now on these answer `BAD` of their requests with errors."""
    for number in revisions:
        t.quality[number] = Quality(bad=BAD)
    t.note(f"({cause})")


@scenario(Mode.STANDARD)
def it_turns_bad_a_minute_after_its_promotion(t: Simulation) -> None:
    promoted(t)
    turns_bad(t, 2, cause="r2 answers three of ten with errors")
    t.until_over()
    t.run(60)


@scenario(Mode.STANDARD)
def it_turns_bad_after_blue_green(t: Simulation) -> None:
    begin(t, strategy.blue_green())
    t.run(60)
    t.action(ActionKind.PROMOTE, "ann")
    t.until_over()
    turns_bad(t, 2, cause="r2 answers three of ten with errors")
    t.run(120)


@scenario()
def it_turns_bad_and_the_plan_says_undo(t: Simulation) -> None:
    promoted(t, replace(CANARY, watch=UNDOES))
    turns_bad(t, 2, cause="r2 answers three of ten with errors")
    t.run(300)


@scenario()
def it_turns_bad_and_the_mode_decides(t: Simulation) -> None:
    promoted(t)
    turns_bad(t, 2, cause="r2 answers three of ten with errors")
    t.run(120)
    t.quality[2] = Quality(bad=0.002)
    t.note("(r2 gets well)")
    t.run(400)


@scenario()
def the_feature_store_is_away_for_both(t: Simulation) -> None:
    promoted(t, replace(CANARY, watch=UNDOES))
    turns_bad(t, 1, 2, cause="the feature store is away")
    t.run(900)
    for number in (1, 2):
        t.quality[number] = Quality(bad=0.002)
    t.note("(the feature store is back)")
    t.run(1200)


@scenario()
def it_crashes_after_its_promotion(t: Simulation) -> None:
    promoted(t, replace(CANARY, watch=UNDOES))
    t.lab.kubelet.crash("model-2", "CUDA error: out of memory")
    t.note("(r2 crashes)")
    t.run(300)


@scenario()
def it_loses_its_pods_after_its_promotion(t: Simulation) -> None:
    promoted(t)
    t.lab.kubelet.hang("model-2")
    t.note("(the pod of r2 is lost, and the next one hangs)")
    t.run(120)


@scenario(Mode.STANDARD)
def both_crash_after_a_promotion(t: Simulation) -> None:
    promoted(t)
    t.lab.kubelet.crash("model-", "no licence")
    t.note("(both crash)")
    t.run(120)
    t.lab.kubelet.heal("model-")
    t.note("(both get well)")
    t.run(60)


@scenario(Mode.STANDARD)
def a_quota_takes_the_standby(t: Simulation) -> None:
    promoted(t)
    t.lab.plane.world.pod_quota = 2
    t.lab.plane.world.load = lambda _: 2
    t.note("(r2 needs two pods, and the quota has two, with that of r1)")
    t.run(120)
    turns_bad(t, 2, cause="r2 answers three of ten with errors")
    t.run(120)


@scenario(Mode.STANDARD)
def a_new_rollout_ends_the_watch(t: Simulation) -> None:
    promoted(t)
    t.start(CANARY, t.revision())
    t.run(30)
    turns_bad(t, 2, cause="r2 answers three of ten with errors")
    t.run(120)


@scenario(Mode.STANDARD)
def a_new_rollout_ends_a_comparison(t: Simulation) -> None:
    promoted(t)
    t.rate = 2.0
    turns_bad(t, 2, cause="two requests a second, and r2 answers three of ten with errors")
    while t.intent.candidate is None:
        t.run(t.interval)
    t.run(10)
    t.start(CANARY, t.revision())
    t.run(60)


@scenario(Mode.STANDARD)
def a_person_undoes_during_a_comparison(t: Simulation) -> None:
    promoted(t)
    t.rate = 2.0
    turns_bad(t, 2, cause="two requests a second, and r2 answers three of ten with errors")
    while t.intent.candidate is None:
        t.run(t.interval)
    t.run(10)
    desk = Desk(t, "ann")
    t.note(f"ann asks to undo: {desk.undo()}")
    t.until_over()
    t.run(60)


@scenario(Mode.STANDARD)
def a_second_undo_is_never_automatic(t: Simulation) -> None:
    promoted(t)
    turns_bad(t, 2, cause="r2 answers three of ten with errors")
    t.run(60)
    turns_bad(t, 1, cause="and now r1 does")
    t.run(300)
    desk = Desk(t, "ann")
    t.note(f"ann asks to undo: {desk.undo()}")
    t.run(400)
    t.note(f"ann asks to undo: {desk.undo()}")


@scenario()
def a_holdback_is_the_last_step(t: Simulation) -> None:
    begin(t, with_holdback(CANARY, 10), until=2)
    t.until_over()
    t.run(60)


@scenario(Mode.STANDARD)
def a_holdback_catches_what_half_of_the_traffic_did_not(t: Simulation) -> None:
    begin(t, with_holdback(CANARY, 10))
    reach(t, 2)
    turns_bad(t, 2, cause="at nine of ten requests r2 is too slow for its cache")
    t.until_over()


@scenario(Mode.STANDARD)
def a_quota_gives_the_standby_to_the_next_rollout(t: Simulation) -> None:
    promoted(t, replace(CANARY, watch=WatchPlan(0.0)))
    t.lab.plane.world.pod_quota = 2
    t.note("(the quota has two pods: those of r2 and of r1, which is on standby)")
    t.start(CANARY, t.revision())
    t.run(90)


@scenario(Mode.STANDARD)
def a_person_takes_the_share_of_a_comparison_away(t: Simulation) -> None:
    promoted(t)
    t.rate = 2.0
    turns_bad(t, 2, cause="two requests a second, and r2 answers three of ten with errors")
    while t.intent.candidate is None:
        t.run(t.interval)
    t.run(10)
    desk = Desk(t, "ann")
    t.note(f"ann sets 50 %: {desk.set_percent(50)}")
    t.note(f"ann sets 0 %: {desk.set_percent(0)}")
    t.run(120)


@scenario(Mode.STANDARD)
def in_trial_the_watch_only_tells(t: Simulation) -> None:
    t.deploy()
    t.start(CANARY, t.revision(), trial=True)
    t.until_over()
    turns_bad(t, 2, cause="r2 answers three of ten with errors")
    t.run(60)


@scenario(Mode.STANDARD, gateway=False)
def without_a_gateway_nothing_can_be_compared(t: Simulation) -> None:
    begin(t, strategy.blue_green())
    t.run(60)
    t.action(ActionKind.PROMOTE, "ann")
    t.until_over()
    turns_bad(t, 2, cause="r2 answers three of ten with errors")
    t.run(60)
    t.lab.kubelet.crash("model-2")
    t.note("(r2 crashes)")
    t.run(60)
