"""What the cluster shows, without the mode it shows it in."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from tidegate.core.traffic import Traffic


@dataclass(frozen=True, slots=True)
class Container:
    """What befell one container of one pod since that pod began. id: `<pod uid>/<container>`.
    restarts: cumulative. killed: names the newest of its ends that was a kill for memory, "" where
    none is known."""

    id: str
    restarts: int = 0
    killed: str = ""


@dataclass(frozen=True, slots=True)
class FailingContainer:
    """A container that keeps its pod from being ready. pod, uid: of its pod. start: which start of
    it this is, from 0. ended: whether the log that tells why is that of its last end."""

    pod: str
    uid: str
    name: str
    start: int
    ended: bool


LogLines = Mapping[FailingContainer, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong with a revision's pods, or was.

    failure: why it does not get ready, in the cluster's words. restarts: container restarts over
    its pods. containers: those of the model that were restarted or killed for memory. beside: a
    line for each other container that was restarted, for people. failing: the container that
    `failure` is about, where it has a log. log: the last lines of that, where they may be read.
    """

    failure: str | None = None
    restarts: int = 0
    containers: tuple[Container, ...] = ()
    beside: tuple[str, ...] = ()
    failing: FailingContainer | None = None
    log: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Live:
    """One of our revisions as the cluster runs it.

    desired, ready: replicas. youngest: start of the youngest ready pod, epoch seconds. idle: scaled
    to zero by its autoscaler, so it counts as ready. address: the URL at which this revision alone
    answers, None where there is none; scheme grpc where it speaks only that. not_warmed_up: the
    cluster has ready pods of it that a reconcile does not count yet, as with one that this worker
    has not warmed up.
    """

    revision: int
    desired: int
    ready: int
    youngest: float | None = None
    idle: bool = False
    address: str | None = None
    not_warmed_up: bool = False
    trouble: Trouble = Trouble()

    @property
    def up(self) -> bool:
        """Whether a request would be answered: a ready pod, or an autoscaler that starts one for
        it."""
        return self.ready > 0 or self.idle


@dataclass(frozen=True, slots=True)
class Stamp:
    """Who wrote what the cluster shows: which store, for which generation of the intent, and the
    mark of that write. None where the cluster shows none."""

    store: str | None = None
    generation: int | None = None
    mark: str | None = None


@dataclass(frozen=True, slots=True)
class Observation:
    """One observation of an endpoint.

    traffic: what the data plane is told to do, by revision; None: no route. settled: that route is
    accepted with its references resolved. stamp: the stamp on the cluster. conflict: an object that
    is not ours in the place of what carries our stamp. foreign: others that are not ours and hold a
    name of ours. address: the URL that clients call, where the cluster tells it. unmade: of the
    newest revision, what KServe could not make of it, where nothing shows yet.
    """

    live: tuple[Live, ...] = ()
    traffic: Traffic | None = None
    settled: bool = False
    stamp: Stamp = Stamp()
    conflict: str | None = None
    foreign: tuple[str, ...] = ()
    address: str | None = None
    unmade: str | None = None

    def of(self, revision: int | None) -> Live | None:
        """The live revision with this number."""
        return next((live for live in self.live if live.revision == revision), None)

    def ready(self, revision: int | None) -> int:
        """Ready replicas of a revision, 0 where there are none."""
        live = self.of(revision)
        if not live:
            return 0
        return live.ready

    def failure(self, revision: int | None) -> str | None:
        """Why a revision does not get ready; None while nothing is wrong."""
        live = self.of(revision)
        if live:
            return live.trouble.failure
        return self.unmade

    def up(self, revision: int | None) -> bool:
        """Whether a request to a revision would be answered."""
        live = self.of(revision)
        return live is not None and live.up

    def not_warmed_up(self, revision: int | None) -> bool:
        """Whether a revision has ready pods that are only not counted yet."""
        live = self.of(revision)
        return live is not None and live.not_warmed_up

    @property
    def failing(self) -> tuple[FailingContainer, ...]:
        """The containers whose logs may tell why a revision is not ready."""
        return tuple(live.trouble.failing for live in self.live if live.trouble.failing is not None)

    def with_logs(self, logs: LogLines) -> "Observation":
        """The observation with the last lines of those logs."""
        live = (_with_log(live, logs) for live in self.live)
        return replace(self, live=tuple(live))

    @property
    def gone(self) -> bool:
        """Nothing of the endpoint is left."""
        return not self.live and self.traffic is None


def _with_log(live: Live, logs: LogLines) -> Live:
    if live.trouble.failing is None:
        return live
    return replace(live, trouble=replace(live.trouble, log=logs.get(live.trouble.failing, ())))
