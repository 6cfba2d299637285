"""Effective weights: what the route may say on the way to what the intent wants."""

from dataclasses import replace

from tests.core.values import intent, seen, split
from tidegate.core.drivers.base import Memory, Since
from tidegate.core.drivers.weights import Capacity, Moved, effective
from tidegate.core.intent import CandidateTraffic, HeaderMatch, Intent, Scaling
from tidegate.core.observation import Live, Observation
from tidegate.core.traffic import Rule, Share, Traffic, describe, desired


def move(
    request: Intent, observation: Observation, memory: Memory | None = None, now: float = 100.0
) -> Moved:
    """What may be written; steady is 10 s."""
    target = desired(request)
    assert target is not None
    return effective(request, target, observation, Capacity(memory or Memory(size=4), 10.0, now))


def test_a_ready_candidate_gets_its_share() -> None:
    traffic, reasons, _, _ = move(intent(25), seen(split(10), r1=4, r2=2))
    assert (describe(traffic), reasons) == ("r1 75 %, r2 25 %", ())


def test_a_share_waits_for_replicas_and_stays_where_it_is() -> None:
    traffic, reasons, _, _ = move(intent(50), seen(split(10), r1=4, r2=2))
    assert (describe(traffic), reasons) == ("r1 90 %, r2 10 %", ("r2 has 2 of 3 replicas",))


def test_a_share_falls_without_waiting() -> None:
    traffic, _, _, _ = move(
        intent(candidate_traffic=CandidateTraffic(percent=5, replicas_percent=100)),
        seen(split(50), r1=4, r2=1),
    )
    assert describe(traffic) == "r1 95 %, r2 5 %"


def test_a_header_rule_and_a_mirror_wait_too() -> None:
    request = intent(
        candidate_traffic=CandidateTraffic(match=(HeaderMatch("x-beta", "yes"),), mirror=50)
    )
    traffic, reasons, _, _ = move(request, seen(split(0), r1=4, r2=3))
    assert describe(traffic) == "[x-beta: yes] r1 100 %; r1 100 %"
    assert reasons == ("r2 has 3 of 4 replicas",)


def test_a_candidate_that_lost_its_pods_gets_its_share_back_after_a_while() -> None:
    request = intent(10)
    traffic, reasons, memory, _ = move(request, seen(split(10), r1=4, r2=0))
    assert (describe(traffic), reasons) == ("r1 100 %", ("r2 has no ready pod",))
    traffic, reasons, memory, wake = move(request, seen(split(0), r1=4, r2=1), memory, now=200.0)
    assert (describe(traffic), wake) == ("r1 100 %", 210.0)
    assert reasons == ("r2 is ready again, for 0 of 10 s",)
    traffic, reasons, memory, _ = move(request, seen(split(0), r1=4, r2=1), memory, now=210.0)
    assert (describe(traffic), reasons, memory.lost) == ("r1 90 %, r2 10 %", (), ())


def test_ready_again_begins_anew_after_another_loss() -> None:
    memory = Memory(size=4, lost=(Since(2, 200.0),))
    _, _, memory, _ = move(intent(10), seen(split(0), r1=4, r2=0), memory, now=205.0)
    assert memory.lost == (Since(2, None),)


def test_scaled_to_zero_is_not_lost() -> None:
    idle = Observation((Live(1, 1, 1), Live(2, 0, 0, idle=True)), split(10), settled=True)
    assert move(intent(10), idle)[2].lost == ()


def test_stable_without_a_pod_keeps_its_share() -> None:
    traffic, _, _, _ = move(intent(10), seen(split(10), r1=0, r2=1), Memory(size=1))
    assert describe(traffic) == "r1 90 %, r2 10 %"


def test_going_back_waits_for_nothing() -> None:
    back = intent(candidate=None, candidate_traffic=CandidateTraffic())
    traffic, reasons, _, _ = move(back, seen(split(50), r1=0, r2=4))
    assert (describe(traffic), reasons) == ("r1 100 %", ())


def test_a_promotion_waits_until_the_new_stable_is_large_enough() -> None:
    promoted = intent(stable=2, candidate=None, standby=(1,))
    traffic, reasons, _, _ = move(promoted, seen(split(50), r1=4, r2=3))
    assert describe(traffic) == "r1 50 %, r2 50 %"
    assert reasons == ("r2 has 3 of 4 replicas before it takes all",)
    traffic, reasons, _, _ = move(promoted, seen(split(50), r1=4, r2=4))
    assert (describe(traffic), reasons) == ("r2 100 %", ())


def test_a_promotion_does_not_wait_for_size_while_what_serves_is_dead() -> None:
    promoted = intent(stable=2, candidate=None, standby=(1,))
    assert describe(move(promoted, seen(split(50), r1=0, r2=1))[0]) == "r2 100 %"
    assert describe(move(promoted, seen(split(50), r1=0, r2=0))[0]) == "r1 50 %, r2 50 %"


def test_a_promotion_that_waits_does_not_write_what_a_stranger_did() -> None:
    promoted = intent(stable=2, candidate=None, standby=(1,))
    bent = Traffic((Rule((), (Share(1, 100), Share(2, 100))),))
    assert describe(move(promoted, seen(bent, r1=4, r2=1))[0]) == "r1 100 %"


def test_a_route_that_is_taken_away_while_a_promotion_waits_comes_back_to_what_served() -> None:
    promoted = intent(stable=2, candidate=None, standby=(1,))
    gone = seen(None, r1=4, r2=1)
    assert describe(move(promoted, gone, Memory(size=4, served=1))[0]) == "r1 100 %"
    assert describe(move(promoted, gone, Memory(size=4))[0]) == "r2 100 %", "the promotion was over"
    assert (
        describe(move(promoted, seen(None, r1=4, r2=4), Memory(size=4, served=1))[0]) == "r2 100 %"
    )
    back = intent(candidate=None, candidate_traffic=CandidateTraffic())
    assert describe(move(back, gone, Memory(size=4, served=2))[0]) == "r1 100 %", (
        "an abort waits for nothing"
    )


def test_capacity_ends_at_max_replicas() -> None:
    request = replace(intent(90), scaling=Scaling(1, 2))
    assert move(request, seen(split(0), r1=2, r2=2))[1] == ()
