"""The book of scenarios: each is a whole rollout, told against the fake control plane in the modes
that allow it."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.simulation.simulation import Simulation
from tidegate.core import strategy
from tidegate.core.intent import Mode
from tidegate.core.strategy import Strategy

Tell = Callable[[Simulation], None]
CANARY = strategy.canary((10, 50), bake=20)


@dataclass(frozen=True, slots=True)
class Scenario:
    """A title, the modes that it happens in, what happens, and whether the cluster has a
    gateway."""

    name: str
    modes: tuple[Mode, ...]
    tell: Tell
    gateway: bool = True


SCENARIOS: list[Scenario] = []


def scenario(*modes: Mode, gateway: bool = True) -> Callable[[Tell], Tell]:
    """Put a function into the book; without modes it happens in both."""

    def add(tell: Tell) -> Tell:
        SCENARIOS.append(
            Scenario(tell.__name__.replace("_", "-"), modes or tuple(Mode), tell, gateway)
        )
        return tell

    return add


def begin(t: Simulation, plan: Strategy = CANARY, *, until: int | None = None) -> int:
    """Deploy r1, start a rollout of r2, run until its step has index `until` (None: only
    started)."""
    t.deploy()
    candidate = t.revision()
    t.start(plan, candidate)
    if until is not None:
        reach(t, until)
    return candidate


def reach(t: Simulation, step: int, limit: float = 600.0) -> None:
    """Run until the split of a step shows."""
    end = t.lab.clock() + limit
    percent = t.rollouts[-1][0].strategy.steps[step].candidate_traffic.percent
    while t.lab.clock() < end:
        t.run(t.interval)
        if t.progress().step.index == step and t.shown(t.rollouts[-1][0].candidate) == percent:
            return
    raise AssertionError(
        f"step {step + 1} was not reached within {limit:.0f} s:\n" + "\n".join(t.diary)
    )
