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
from tidegate.core.open_rollout import OpenRollout
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
    with, drawn by the caller. requests_per_second: as last measured. drift: as last told.
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
    requests_per_second: float | None = None
    drift: tuple[Drift, ...] = ()

    @property
    def running(self) -> RolloutState | None:
        """The rollout that acts; those behind it wait."""
        return next((state for state in self.rollouts if state.running), None)

    @property
    def measured(self) -> bool:
        """Whether the acting rollout's candidate is the candidate, so that its requests are
        counted. Not once a person has asked to go back: then no answer of the metric source is
        waited for."""
        state = self.running
        if state is None or state.rollout.candidate != self.intent.candidate:
            return False
        return not OpenRollout(state.rollout, state.progress, state.actions).going_back
