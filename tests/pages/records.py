"""Records of simulated rollouts, as the API answers them."""

from datetime import UTC, datetime, timedelta

from tests.simulation.own_counters import OwnCounters
from tests.simulation.simulation import Quality, Simulation
from tidegate.core import strategy
from tidegate.core.intent import Mode
from tidegate.core.strategy import Strategy
from tidegate.deployment_service import series, views
from tidegate.pages.report import Record
from tidegate.schemas import responses as out
from tidegate.store.values import StoredRollout

REASON = "new weights <script>alert(1)</script>"
BEGAN = 60.0  # seconds of the simulation before the rollout


def simulated(
    quality: Quality,
    rate: float = 100.0,
    plan: Strategy | None = None,
    own: OwnCounters | None = None,
) -> tuple[Simulation, int]:
    """A canary that was judged until its end. own: what its plan's own metrics are read from."""
    simulation = Simulation(Mode.STANDARD, rate=rate)
    simulation.own = own or simulation.own
    simulation.deploy()
    simulation.run(BEGAN)
    candidate = simulation.revision(quality)
    simulation.start(plan or strategy.canary(bake=20.0), candidate)
    simulation.until_over()
    return simulation, candidate


def record(
    quality: Quality,
    points: int = 400,
    rate: float = 100.0,
    plan: Strategy | None = None,
    own: OwnCounters | None = None,
) -> Record:
    """Its report's record."""
    simulation, _ = simulated(quality, rate, plan, own)
    rollout, progress = simulation.rollouts[-1]
    began = simulation.began + BEGAN
    ended = max(sample.at for sample in simulation.series)
    stored = StoredRollout(rollout, "e1", simulation.key, progress, progress.outcome, began, ended)
    answer = views.rollout(stored, simulation.intent, {})
    answer = answer.model_copy(update={"reason": REASON})
    until = datetime.fromtimestamp(ended, UTC)
    entries = [_entry(number, at, text) for number, (at, text) in enumerate(_lines(simulation), 1)]
    kept = series.of_rollout(stored, simulation.series, points)
    return Record(
        answer, kept, [], entries, entries[-1], until, until + timedelta(hours=1), "https://api"
    )


def _lines(simulation: Simulation) -> list[tuple[datetime, str]]:
    began = datetime.fromtimestamp(simulation.began, UTC)
    lines = []
    for line in simulation.diary:
        minutes, seconds = line[:6].strip().split(":")
        text = line[8:].strip()
        if text.startswith(("step", "start:", "abort", "promote", "ann")):
            lines.append((began + timedelta(minutes=int(minutes), seconds=int(seconds)), text))
    return lines


def _entry(number: int, at: datetime, text: str) -> out.EntryOut:
    return out.EntryOut(
        seq=number,
        at=at,
        actor="system:rollout:ro-1",
        action=text.split(":")[0],
        message=text,
        body={},
        hash=f"{number:064x}",
    )
