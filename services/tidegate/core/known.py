"""Known: what the store and the installation say of one endpoint, all of it of one moment."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tidegate.core.drift import Drift
from tidegate.core.drivers.base import Memory
from tidegate.core.drivers.rendering import Platform
from tidegate.core.experiments import Sample
from tidegate.core.failed_writes import FailedWrite
from tidegate.core.guard import Heartbeat
from tidegate.core.intent import Intent, Revision
from tidegate.core.load import Load, Rates, due
from tidegate.core.open_rollout import OpenRollout
from tidegate.core.own.due import OwnRequest
from tidegate.core.own.due import due as due_own
from tidegate.core.ports import Capabilities
from tidegate.core.rollout import Action, Progress, Rollout


@dataclass(frozen=True, slots=True)
class RolloutState:
    """A rollout that still asks for reconciles, with the actions and the samples of the user's own
    experiment that its progress has not consumed, and the last heartbeat of its pipeline."""

    rollout: Rollout
    progress: Progress
    actions: tuple[Action, ...]
    heartbeat: Heartbeat | None = None
    samples: tuple[Sample, ...] = ()

    @property
    def running(self) -> bool:
        """Whether it has no outcome yet."""
        return self.progress.outcome is None


@dataclass(frozen=True, slots=True)
class Known:
    """See the module.

    rollouts: oldest first, the unfinished ones and those whose undo window is open. memory: what
    the driver asked to keep. failed_writes: those that came to nothing so far. interval: seconds
    between two reconciles of a running rollout. mark: what the intents of this reconcile are marked
    with, drawn by the caller. drift, rates: as last told. load: as last
    measured. load_interval: seconds between two measurements outside of rollouts, 0: none.
    """

    intent: Intent
    revisions: Mapping[int, Revision]
    platform: Platform
    rollouts: tuple[RolloutState, ...] = ()
    capabilities: Capabilities = field(default_factory=Capabilities)
    memory: Memory = Memory()  # noqa: RUF009  (frozen)
    failed_writes: tuple[FailedWrite, ...] = ()
    interval: float = 5.0
    mark: str = ""
    drift: tuple[Drift, ...] = ()
    load: Load = Load()  # noqa: RUF009  (frozen)
    load_interval: float = 0.0
    rates: Rates = Rates()  # noqa: RUF009  (frozen)

    @property
    def running(self) -> RolloutState | None:
        """The rollout that acts; those behind it wait."""
        return next((state for state in self.rollouts if state.running), None)

    def measures(self, now: float) -> bool:
        """Whether requests are counted in this pass: while the acting rollout's candidate is the
        candidate, and beside that now and then. Not once a person has asked to go back: then no
        answer of the metric source is waited for."""
        state = self.running
        if state is not None:
            if OpenRollout(state.rollout, state.progress, state.actions).going_back:
                return False
            if state.rollout.candidate == self.intent.candidate:
                return True
        return self.measures_load(now)

    def own_due(self, now: float) -> tuple[OwnRequest, ...]:
        """The metrics of people's own that are to be read in this pass."""
        state = self.running
        if state is None or not self.measures(now):
            return ()
        return due_own(state.rollout, state.progress, self.intent, now)

    def measures_load(self, now: float) -> bool:
        """Whether it is time to measure how many requests the endpoint gets."""
        if not self.load_interval or self.intent.stable is None:
            return False
        return due(self.load, now, self.load_interval)
