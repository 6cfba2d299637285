"""What the store hands out: frozen records and the closed results of its operations. Times are
epoch seconds by the database's clock."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tidegate.core.allowed import Allowed
from tidegate.core.intent import EndpointKey, Intent, Mode, Model, Revision
from tidegate.core.known import RolloutState
from tidegate.core.load import Load
from tidegate.core.rollout import Outcome, Progress, Rollout
from tidegate.core.status import EndpointStatus

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One endpoint's row; it lives for ever, so that numbers never repeat. `spec`: the payload as
    accepted. `generation`: of its newest intent, also its ETag. `status`: the worker's last word,
    {} before the first reconcile; `status_version` rises when it changes."""

    id: str
    key: EndpointKey
    mode: Mode
    spec: Json
    generation: int
    status: Json
    status_version: int
    created_at: float
    created_by: str
    deleted_at: float | None


@dataclass(frozen=True, slots=True)
class StoredRevision:
    """A revision with who made it."""

    revision: Revision
    created_at: float
    created_by: str


@dataclass(frozen=True, slots=True)
class StoredIntent:
    """An intent with when it was appended and for which rollout."""

    intent: Intent
    rollout_id: str | None
    at: float


@dataclass(frozen=True, slots=True)
class StoredRollout:
    """A rollout with where it stands. `progress` is Progress() before the first reconcile."""

    rollout: Rollout
    endpoint_id: str
    key: EndpointKey
    progress: Progress
    outcome: Outcome | None
    created_at: float
    updated_at: float


@dataclass(frozen=True, slots=True)
class Created:
    """A new endpoint, its first revision and its first intent."""

    endpoint: Endpoint
    revision: Revision
    intent: Intent


@dataclass(frozen=True, slots=True)
class Exists:
    """The name is in use."""

    endpoint: Endpoint


@dataclass(frozen=True, slots=True)
class Appended:
    """The intent as it was stored, with its generation."""

    intent: Intent


@dataclass(frozen=True, slots=True)
class Held:
    """A lease that is ours. overtaken: somebody has asked for something else since the reconcile
    began. short: it may end before the write does."""

    overtaken: bool
    short: bool


@dataclass(frozen=True, slots=True)
class Stale:
    """Somebody appended since: look again and decide anew. Nothing was written."""

    current_generation: int


@dataclass(frozen=True, slots=True)
class Started:
    """The rollout was stored; `queued` behind those that it supersedes."""

    queued: bool


@dataclass(frozen=True, slots=True)
class Busy:
    """A rollout is unfinished; nothing was written."""

    current: StoredRollout


@dataclass(frozen=True, slots=True)
class Finished:
    """The rollout has ended: it takes no more actions."""

    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to act on one endpoint until `until` (epoch seconds by the database's clock)."""

    endpoint_id: str
    key: EndpointKey
    owner: str
    token: str
    until: float


@dataclass(frozen=True, slots=True)
class LostLease:
    """The lease ran out or somebody else has it: write nothing more. Nothing was written."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """The reconcile is stored. `intent`: the one appended with it."""

    intent: Intent | None = None


@dataclass(frozen=True, slots=True)
class Context:
    """Everything a reconcile knows from the store, read at one moment. `rollouts`: oldest first,
    the unfinished ones and those whose undo window is open. `memory`: what the driver asked to
    keep. `allowed`: what the tenant may name, None where nobody said. `load`: as last measured."""

    endpoint: Endpoint
    store_id: str
    intent: Intent | None
    revisions: tuple[Revision, ...]
    rollouts: tuple[RolloutState, ...]
    memory: Json
    status: EndpointStatus
    now: float
    allowed: Allowed | None = None
    load: Load = Load()  # noqa: RUF009  (frozen)

    @property
    def action(self) -> int:
        """The newest action that this reconcile knows of: its id, 0 where nobody acted."""
        read = (action.id for state in self.rollouts for action in state.actions)
        return max((*read, *(state.progress.action for state in self.rollouts)), default=0)


@dataclass(frozen=True, slots=True)
class ModelRow:
    """A model people registered."""

    model_id: str
    description: str
    created_at: float
    created_by: str


@dataclass(frozen=True, slots=True)
class VersionRow:
    """A version of a model with who registered it."""

    model: Model
    created_at: float
    created_by: str


@dataclass(frozen=True, slots=True)
class Principal:
    """Who a token stands for: these roles in this namespace, `*`: in every one."""

    name: str
    roles: tuple[str, ...]
    namespace: str = "*"
