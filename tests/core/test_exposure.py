"""At most so many requests without a verdict: whatever the rate, the percent and the interval."""

from dataclasses import replace

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.simulation.simulation import Quality, Simulation
from tidegate.core import strategy
from tidegate.core.intent import Mode
from tidegate.core.ladder import following_traffic, ladder
from tidegate.core.load import Rates
from tidegate.core.rollout import ActionKind, PauseKind
from tidegate.core.strategy import Strategy, Until

# Whole rollouts: to shrink one that fails would take minutes
TRIED = (Phase.explicit, Phase.reuse, Phase.generate)


def answered_without_a_verdict(t: Simulation, plan: Strategy, limit: float) -> int:
    """Run until a step with a verdict is done, or it rests, or for so long. The candidate's requests
    by then, as the data plane counts them."""
    passes = next(n for n, step in enumerate(plan.steps) if step.until is Until.PASS)
    end = t.lab.clock() + limit
    while t.lab.clock() < end and t.progress().outcome is None:
        if t.progress().step.index > passes:
            break
        t.run(t.interval)
    return t.counts.get(2, [0])[0]


def begun(plan: Strategy, rate: float, interval: float, base: float, mode: Mode) -> Simulation:
    t = Simulation(mode, rate=rate, interval=interval)
    t.deploy()
    t.quality[1] = Quality(bad=base)
    t.start(plan, t.revision(Quality(bad=base)))
    return t


@given(
    st.floats(0.5, 400),
    st.sampled_from([2.0, 5.0, 15.0]),
    st.lists(st.sampled_from([2, 10, 25, 50, 80]), min_size=1, max_size=3, unique=True),
    st.integers(50, 20_000),
    st.sampled_from(list(Mode)),
)
@settings(max_examples=20, deadline=None, phases=TRIED)
def test_the_limit_is_never_broken(
    rate: float, interval: float, percents: list[int], most: int, mode: Mode
) -> None:
    plan = replace(strategy.canary(sorted(percents), bake=30), max_exposed=most)
    t = begun(plan, rate, interval, 0.02, mode)
    requests = answered_without_a_verdict(t, plan, 600)
    first = 3 * interval * rate * min(percents) / 100
    # Nothing was counted when the first share began: until then its size is nobody's knowledge
    assert requests <= max(most, 2 * first)


@given(st.floats(1, 1500), st.sampled_from([0.002, 0.02]))
@settings(max_examples=8, deadline=None, phases=TRIED)
def test_a_made_plan_stays_within_its_limit(rate: float, base: float) -> None:
    made = ladder(strategy.canary(), Rates(rate, base))
    plan = following_traffic(strategy.canary(), made)
    t = begun(plan, rate, 10.0, base, Mode.STANDARD)
    requests = answered_without_a_verdict(t, plan, 1800)
    assert made.max_exposed is not None
    assert requests <= made.max_exposed


def stopped() -> Simulation:
    plan = replace(strategy.canary((10, 50), bake=20), max_exposed=2000)
    t = begun(plan, 100.0, 5.0, 0.002, Mode.STANDARD)
    t.run(300)
    return t


def test_it_pauses_without_a_share_and_says_what_helps() -> None:
    t = stopped()
    pause = t.progress().pause
    assert pause is not None
    assert pause.kind is PauseKind.EXPOSED
    assert t.shown(2) == 0
    before = t.counts[2][0]
    t.run(300)
    assert t.counts[2][0] == before
    assert "tidegate rollout resume team/fraud" in pause.message


def test_a_resume_grants_as_many_again() -> None:
    t = stopped()
    first = t.counts[2][0]
    t.action(ActionKind.RESUME)
    t.run(300)
    assert t.shown(2) == 0
    assert first < t.counts[2][0] <= first + 2000


def test_a_pause_of_a_person_is_no_way_around_it() -> None:
    plan = replace(strategy.canary((50,), bake=20), max_exposed=3000)
    t = begun(plan, 100.0, 5.0, 0.002, Mode.STANDARD)
    t.run(30)
    t.action(ActionKind.PAUSE, reason="looking")
    t.run(300)
    assert t.shown(2) == 0
    assert t.counts[2][0] <= 3000


def test_after_a_verdict_there_is_no_limit() -> None:
    made = ladder(strategy.canary(), Rates(100.0, 0.005), 6000)
    plan = following_traffic(strategy.canary(), made)
    t = begun(plan, 100.0, 5.0, 0.005, Mode.STANDARD)
    t.until_over()
    assert t.progress().outcome == "promoted"
    assert t.counts[2][0] > 6000


def test_in_trial_it_is_noted_and_nothing_stops() -> None:
    plan = replace(strategy.canary((50,), bake=20), max_exposed=500)
    t = Simulation(Mode.STANDARD)
    t.deploy()
    t.start(plan, t.revision(), trial=True)
    t.until_over()
    assert t.progress().outcome == "promoted"
    (would,) = t.progress().would
    assert "max_exposed_requests is 500" in would.message
