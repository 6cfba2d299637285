"""What follows from a fail: an abort, a pause or only a condition; and a tenant in trial."""

from dataclasses import replace

from tests.core.scenarios.book import CANARY, scenario
from tests.simulation.simulation import Quality, Simulation
from tidegate.core.intent import Mode
from tidegate.core.on_fail import OnFail
from tidegate.core.rollout import ActionKind
from tidegate.core.strategy import Deadlines, Strategy

BAD = Quality(bad=0.2)


def with_errors(on_fail: OnFail) -> Strategy:
    """The canary whose errors have this consequence."""
    errors, *others = CANARY.metrics
    return replace(CANARY, metrics=(replace(errors, on_fail=on_fail), *others))


@scenario(Mode.STANDARD)
def a_fail_that_pauses_until_a_person_resumes(t: Simulation) -> None:
    t.deploy()
    candidate = t.revision(BAD)
    t.start(with_errors(OnFail.PAUSE), candidate)
    t.run(60)
    t.quality[candidate] = Quality(bad=0.002)
    t.note("(the feature store of r2 is back)")
    t.action(ActionKind.RESUME, reason="the feature store was away")
    t.until_over()


@scenario(Mode.STANDARD)
def a_fail_that_is_only_told(t: Simulation) -> None:
    t.deploy()
    t.start(with_errors(OnFail.NOTIFY), t.revision(BAD))
    t.until_over()


@scenario(Mode.STANDARD)
def restarts_that_pause_until_a_person_resumes(t: Simulation) -> None:
    t.deploy()
    candidate = t.revision()
    limits = replace(CANARY.limits, restarts=0, restarts_on_fail=OnFail.PAUSE)
    t.start(replace(CANARY, limits=limits), candidate)
    t.run(30)
    t.lab.kubelet.end(f"model-{candidate}/")
    t.note("(r2's container restarts)")
    t.run(60)
    t.action(ActionKind.RESUME, reason="a known leak, mended tomorrow")
    t.until_over()


@scenario()
def in_trial_a_bad_candidate_is_told_and_promoted(t: Simulation) -> None:
    t.deploy()
    t.start(CANARY, t.revision(BAD), trial=True)
    t.until_over()


@scenario(Mode.STANDARD)
def in_trial_people_abort_what_would_have_been_aborted(t: Simulation) -> None:
    t.deploy()
    t.start(CANARY, t.revision(BAD), trial=True)
    t.run(50)
    t.action(ActionKind.ABORT, reason="customers call")
    t.until_over()


@scenario(Mode.STANDARD)
def in_trial_the_data_deadline_pauses_nothing(t: Simulation) -> None:
    t.rate = 0.02
    t.deploy()
    plan = replace(CANARY, deadlines=Deadlines(data=120.0))
    t.start(plan, t.revision(), trial=True)
    t.until_over()


@scenario(Mode.STANDARD)
def in_trial_a_crash_loop_goes_back_all_the_same(t: Simulation) -> None:
    t.deploy()
    candidate = t.revision()
    t.start(CANARY, candidate, trial=True)
    t.run(30)
    t.lab.kubelet.crash(f"model-{candidate}/", "exit code 1")
    t.note("(r2 crashes, again and again)")
    t.until_over()
