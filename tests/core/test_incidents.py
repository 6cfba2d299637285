"""Incidents: only what came on top counts, once; what stable shares is excused; each count has its
allowance."""

from dataclasses import replace

import pytest

from tests.core.values import seen, split
from tidegate.core.findings import Finding, IncidentKind, find
from tidegate.core.incidents import Incidents, Limits, count, new_step
from tidegate.core.observation import Container, Live, Observation, Trouble
from tidegate.core.verdicts import Verdict
from tidegate.store import codec

STEP = 5.0


def observe(
    *,
    r1: tuple[Container, ...] = (),
    r2: tuple[Container, ...] = (),
    pods: tuple[int, int] = (1, 1),
) -> Observation:
    """Both serve; these of their containers are in trouble."""
    live = (
        Live(1, pods[0], pods[0], trouble=Trouble(containers=r1)),
        Live(2, pods[1], pods[1], trouble=Trouble(containers=r2)),
    )
    return Observation(live, split(10), settled=True)


def after(*observations: Observation, start: Incidents | None = None) -> Incidents:
    """Counted every 5 s, and stored and read again between any two reconciles."""
    counted = start or count(Incidents(), observe(), 1, 2, 0.0)
    for observation in observations:
        counted = codec.loads(Incidents, codec.plain(count(counted, observation, 1, 2, STEP)))
    return counted


def answers(incidents: Incidents, limits: Limits | None = None) -> dict[IncidentKind, Finding]:
    """By metric."""
    return {finding.kind: finding for finding in find(incidents, limits or Limits(), 2)}


def restarted(times: int, pod: str = "pod-2") -> tuple[Container, ...]:
    return (Container(f"{pod}/main", times),)


def killed(end: str, pod: str = "pod-2", restarts: int = 1) -> tuple[Container, ...]:
    return (Container(f"{pod}/main", restarts, end),)


def test_what_the_first_observation_finds_happened_before() -> None:
    first = count(Incidents(), observe(r2=restarted(7)), 1, 2, 0.0)
    assert after(observe(r2=restarted(7)), start=first).restarts.candidate == 0
    assert after(observe(r2=restarted(8)), start=first).restarts.candidate == 1


def test_restarts_add_up_over_pods_and_are_counted_once_however_often_one_observes() -> None:
    two = (*restarted(1, "pod-2"), *restarted(2, "pod-3"))
    assert after(observe(r2=two), observe(r2=two), observe(r2=two)).restarts.candidate == 3


def test_a_pod_that_is_not_seen_for_an_observation_does_not_count_twice() -> None:
    assert (
        after(observe(r2=restarted(2)), observe(), observe(r2=restarted(2))).restarts.candidate == 2
    )
    assert (
        after(
            observe(r2=restarted(2)), observe(r2=restarted(1)), observe(r2=restarted(2))
        ).restarts.candidate
        == 2
    )


def test_each_kill_for_memory_counts_once_also_after_another_end() -> None:
    first = killed("a")
    other = restarted(2)
    second = killed("b", restarts=3)
    counted = after(
        observe(r2=first),
        observe(r2=first),
        observe(r2=other),
        observe(r2=first),
        observe(r2=second),
    )
    assert (counted.oom_kills.candidate, counted.restarts.candidate) == (2, 3)


def test_a_kill_for_memory_fails_once_stable_had_its_time_to_have_one_too() -> None:
    trouble = observe(r2=killed("a"))
    pending = answers(after(trouble))[IncidentKind.OOM_KILLS]
    assert (pending.verdict, pending.message) == (
        Verdict.UNDECIDED,
        "r2: 1 kill for memory (OOMKilled), allowed 0; compared with stable for 0 of 10 s",
    )
    assert answers(after(trouble, trouble))[IncidentKind.OOM_KILLS].verdict is Verdict.UNDECIDED
    failed = answers(after(trouble, trouble, trouble))[IncidentKind.OOM_KILLS]
    assert (failed.verdict, failed.message) == (
        Verdict.FAIL,
        "r2: 1 kill for memory (OOMKilled), allowed 0",
    )


def test_allowed_incidents_pass_at_once() -> None:
    trouble = observe(r2=killed("a"))
    assert {f.verdict for f in find(after(trouble), Limits(oom_kills=1), 2)} == {Verdict.PASS}


@pytest.mark.parametrize("order", ["together", "stable first", "candidate first"])
def test_a_node_that_dies_under_both_does_not_fail_the_candidate(order: str) -> None:
    both = observe(r1=killed("x", "pod-1"), r2=killed("a"))
    first = {
        "together": both,
        "stable first": observe(r1=killed("x", "pod-1")),
        "candidate first": observe(r2=killed("a")),
    }
    finding = answers(after(first[order], both, both, both, both))[IncidentKind.OOM_KILLS]
    assert (finding.verdict, finding.candidate, finding.stable) == (Verdict.PASS, 1, 1)
    assert (
        finding.message
        == "r2: 1 kill for memory (OOMKilled), allowed 0; 1 at the same time as stable"
    )


def test_what_stable_had_long_before_excuses_nothing() -> None:
    then = observe(r1=killed("x", "pod-1"))
    now = observe(r1=killed("x", "pod-1"), r2=killed("a"))
    assert (
        answers(after(then, then, then, now, now, now))[IncidentKind.OOM_KILLS].verdict
        is Verdict.FAIL
    )


def test_what_stable_had_excuses_once() -> None:
    first = observe(r1=restarted(1, "pod-1"), r2=restarted(1))
    again = observe(r1=restarted(1, "pod-1"), r2=restarted(2))
    counted = after(first, again, again, again)
    assert (counted.restarts.against, counted.restarts.shared) == (1, 1)


def test_stable_excuses_in_proportion_to_its_pods() -> None:
    ten = (10, 1)
    quiet = observe(pods=ten)
    five = tuple(Container(f"pod-1{n}/main", 1) for n in range(5))
    # Half of stable's pods: excuses one restart of one pod
    trouble = observe(r1=five, r2=restarted(3), pods=ten)
    assert after(quiet, trouble, trouble, trouble).restarts.against == 2


def not_ready(percent: int, *, r1: int = 1, settled: bool = True) -> Observation:
    return replace(seen(split(percent), r1=r1, r2=0), settled=settled)


def test_seconds_with_a_share_and_no_pod_count_while_both_ends_of_the_interval_show_it() -> None:
    down = not_ready(10)
    assert after(down).not_ready.seconds == 0.0
    counted = after(down, down, down, down, down)
    assert counted.not_ready.seconds == 20.0
    assert answers(counted)[IncidentKind.NO_READY_PODS].verdict is Verdict.PASS
    failed = answers(after(down, start=counted))[IncidentKind.NO_READY_PODS]
    assert failed.verdict is Verdict.FAIL
    assert failed.message == "r2: 25 s of this step with a share and no ready pod, allowed 20 s"
    assert new_step(counted).not_ready.seconds == 0.0


def test_a_share_that_was_taken_away_counts_until_the_gateway_took_the_route() -> None:
    down = not_ready(10)
    moving = not_ready(0, settled=False)
    back = not_ready(0)
    assert after(down, moving, moving).not_ready.seconds == 10.0
    assert after(down, back, back).not_ready.seconds == 0.0
    never = count(Incidents(), moving, 1, 2, 0.0)
    assert after(moving, moving, start=never).not_ready.seconds == 0.0


def test_without_stable_as_well_it_is_no_incident_of_the_candidate() -> None:
    dead = not_ready(10, r1=0)
    counted = after(dead, dead, dead)
    assert (counted.not_ready.seconds, counted.stable_not_ready.seconds) == (0.0, 10.0)
