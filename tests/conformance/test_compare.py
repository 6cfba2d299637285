"""What the comparison lets pass, and what it does not."""

import pytest

from tests.conformance.compare import agree, differences
from tests.conformance.guard import Guard
from tests.conformance.states import State, Step
from tidegate.core.intent import CandidateTraffic, EndpointKey, Intent, Mode

KEY = EndpointKey("team", "fraud")


@pytest.mark.parametrize(
    ("first", "other", "same"),
    [
        ("abc", "abc", True),
        ("abc", "ac", True),  # one goes unobserved
        ("ac", "abc", True),
        ("abcd", "ad", False),  # not two
        ("abcde", "ace", True),  # but one at a time
        ("abcd", "acbd", False),  # none is reordered
        ("abc", "ab", False),  # the fixpoint counts
        ("abc", "bc", False),  # and so does the beginning
        ("abac", "abc", True),
        ("aba", "a", True),  # b was unobserved, so there was one a
        ("abca", "a", False),
        ("abab", "ab", True),
        ("ababa", "a", True),
    ],
)
def test_one_may_go_unobserved_and_none_may_be_reordered(
    first: str, other: str, *, same: bool
) -> None:
    assert agree(first, other) is same
    assert agree(other, first) is same


def step(*states: State, name: str = "promote r2") -> Step:
    return Step(name, list(states))


def state(text: str, **more: object) -> State:
    return State(text, True, str(more.get("routed", text)), ((1, str(more.get("r1", "up"))),))


def test_runs_that_end_in_other_states_differ() -> None:
    (difference,) = differences([step(state("r1 100"))], [step(state("r1 100", r1="starting"))])[:1]
    assert difference.startswith("promote r2: ends in [r1 100; routed r1 100; r1 up] in the fake, ")


def test_each_column_is_compared_by_itself() -> None:
    """Who is first, the pod or the route, is chance."""
    begin = state("r1 0", r1="starting")
    end = state("r1 100")
    pod_first = state("r1 0", r1="up")
    route_first = state("r1 100", r1="starting")
    assert differences([step(begin, pod_first, end)], [step(begin, route_first, end)]) == []


def test_splits_in_another_order_differ() -> None:
    begin, first, other, end = (state(f"r1 {percent}") for percent in (100, 75, 50, 0))
    results = differences([step(begin, first, other, end)], [step(begin, other, first, end)])
    words = (
        "r1 100 > r1 75 > r1 50 > r1 0 in the fake, r1 100 > r1 50 > r1 75 > r1 0 in the real one"
    )
    assert results == [f"promote r2: shown goes {words}", f"promote r2: routed goes {words}"]


def test_a_step_that_only_one_of_them_has_is_a_difference() -> None:
    assert differences([step(state("r1 100"))], []) == ["other steps: 'promote r2' against None"]
    other = step(state("r1 100"), name="abort r2")
    assert differences([step(state("r1 100"))], [other]) == [
        "other steps: 'promote r2' against 'abort r2'"
    ]


def guarded(
    candidate: int | None, percent: int, split: dict[int, float], guard: Guard | None = None
) -> Guard:
    made = guard or Guard()
    made.intended(Intent(KEY, 1, Mode.KNATIVE, 1, candidate, CandidateTraffic(percent)), split)
    return made


def test_a_share_above_what_was_meant_is_seen() -> None:
    guard = guarded(2, 10, {1: 100})
    guard.tick({1: 90, 2: 10}, frozenset({1, 2}))
    with pytest.raises(AssertionError, match="never meant to have more than 10 %"):
        guard.tick({1: 0, 2: 100}, frozenset({1, 2}))


def test_a_bad_revision_that_gets_more_than_it_had_while_aborting_is_seen() -> None:
    guard = guarded(2, 50, {1: 100})
    guard.tick({1: 50, 2: 50}, frozenset({1, 2}))
    guarded(None, 0, {1: 50, 2: 50}, guard)
    guard.tick({1: 80, 2: 20}, frozenset({1, 2}))
    with pytest.raises(AssertionError, match="on its way out and rises from 20 to 30 %"):
        guard.tick({1: 70, 2: 30}, frozenset({1, 2}))


def test_a_share_for_a_revision_that_is_not_ready_is_seen() -> None:
    guard = guarded(2, 50, {1: 100})
    guard.tick({1: 90, 2: 10}, frozenset({1, 2}))
    guard.tick({1: 90, 2: 10}, frozenset({1}))  # it keeps what it was given
    with pytest.raises(AssertionError, match="r2 is not ready and rises from 10 to 50 %"):
        guard.tick({1: 50, 2: 50}, frozenset({1}))


def test_shares_that_do_not_sum_to_100_are_seen_whoever_made_them() -> None:
    guard = guarded(2, 50, {1: 100})
    guard.excused = True
    guard.tick({1: 20, 2: 80}, frozenset())
    with pytest.raises(AssertionError, match="shares sum to 70"):
        guard.tick({1: 20, 2: 50}, frozenset())
