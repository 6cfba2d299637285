"""The worker without its store: intents in, driver and cluster between, and every tick recorded and
checked."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from tests.conformance.guard import Guard
from tests.conformance.states import NOBODY, Split, State, Step, Trace, state_of
from tests.conformance.worlds import World, content, strangers
from tidegate.core.drivers import driver_for
from tidegate.core.drivers.base import Memory, Writes, fence
from tidegate.core.intent import (
    NO_TRAFFIC,
    CandidateTraffic,
    Intent,
    Mode,
    Model,
    Revision,
    Runtime,
    Scaling,
)
from tidegate.core.observation import Observation
from tidegate.core.ports import Conflict, Done, Snapshot, Unavailable

ONE = Scaling(1, 1)
EMPTY = State(NOBODY, False, NOBODY, ())


class Play:
    """One run of a script in one mode. expected: the trace of another run, whose fixpoints this one
    has to reach."""

    def __init__(
        self, mode: Mode, world: World, expected: Trace | None = None, scaling: Scaling = ONE
    ) -> None:
        self.mode = mode
        self.world = world
        self.trace = [Step("nothing", [EMPTY])]
        self._expected = expected
        self._guard = Guard()
        self._driver = driver_for(mode, world.platform)
        self._memory = Memory()
        self._up = frozenset[int]()
        self._split: Split = {}
        self.revisions: dict[int, Revision] = {}
        self.intent = Intent(world.key, 0, mode, None, scaling=scaling)
        self._strangers = [self._strange(manifest) for manifest in strangers(world.key)]

    # what people want

    def want(self, step: str, **changes: object) -> None:
        """The next generation of the intent; returns at its fixpoint."""
        self.intent = replace(self.intent, generation=self.intent.generation + 1, **changes)  # type: ignore[arg-type]
        for number in self.intent.desired:
            self.revisions.setdefault(number, _revision(number))
        self._guard.intended(self.intent, self._split)
        self.begin(step)
        self.rest()

    def deploy(self, number: int = 1) -> None:
        """r<number> serves."""
        self.want(
            f"deploy r{number}",
            stable=number,
            candidate=None,
            candidate_traffic=NO_TRAFFIC,
            standby=(),
        )

    def rollout(self, number: int, percent: int = 0, size: int = 0) -> None:
        """r<number> gets ready beside stable."""
        self.want(
            f"try r{number}",
            candidate=number,
            candidate_traffic=CandidateTraffic(percent, replicas_percent=size),
            standby=(),
        )

    def share(self, percent: int) -> None:
        """The candidate's share."""
        self.want(
            f"r{self.intent.candidate} at {percent} %",
            candidate_traffic=replace(self.intent.candidate_traffic, percent=percent),
        )

    def promote(self) -> None:
        """The candidate becomes stable, old stable is on standby where that is possible."""
        stable = self.intent.stable
        candidate = self.intent.candidate
        standby = ()
        if self.mode is Mode.STANDARD and stable is not None:
            standby = (stable,)
        self.want(
            f"promote r{candidate}",
            stable=candidate,
            candidate=None,
            candidate_traffic=NO_TRAFFIC,
            standby=standby,
        )

    def window_ends(self) -> None:
        """The undo window is over."""
        self.want("the undo window ends", standby=())

    def abort(self) -> None:
        """Back to stable."""
        self.want(f"abort r{self.intent.candidate}", candidate=None, candidate_traffic=NO_TRAFFIC)

    def undo(self, number: int) -> None:
        """An older revision gets ready at full size, then it is promoted."""
        self.rollout(number, size=100)
        self.promote()

    def remove(self) -> None:
        """DELETE."""
        self.want("delete", stable=None, candidate=None, candidate_traffic=NO_TRAFFIC, standby=())

    # what happens to it

    def begin(self, step: str) -> None:
        """A new step of the trace; it begins where the one before ended."""
        self.trace.append(Step(step, self.trace[-1].states[-1:]))

    def meddle(self, step: str, deed: Callable[[], None]) -> None:
        """Somebody moves our objects while the worker is away, then it comes back. Shares are not
        our doing until it has put things right."""
        self.begin(step)
        self._guard.excused = True
        deed()
        self.rest(at_work=False)
        self.begin("the worker comes back")
        self.rest()
        self._guard.excused = False

    def befall(self, step: str, deed: Callable[[], None], **lives: str) -> None:
        """Something happens to the pods; lives: what revisions are at the end, as `r1="zero"`."""
        self.begin(step)
        deed()
        self.rest(lives={int(label[1:]): word for label, word in lives.items()})

    def rest(
        self,
        longer: float = 1.0,
        *,
        at_work: bool = True,
        lives: Mapping[int, str] = MappingProxyType({}),
    ) -> State:
        """Reconciles (unless the worker is not `at_work`) and ticks until nothing has moved for a
        while (`longer`: that many times the usual), the revisions live as awaited and, where
        another run is followed, its fixpoint is reached."""
        world = self.world
        desired = self._desired()
        last = None
        began = since = world.now()
        while world.now() < began + world.patience:
            world.advance(self._tick)
            moved = at_work and self._reconcile()
            state = self._tick()
            if moved or state != last:
                since = world.now()
                last = state
            elif (
                world.now() >= since + world.quiet * longer
                and desired in (None, state)
                and state.lives_as(lives)
            ):
                return state
        raise AssertionError(
            f"{self.trace[-1].name}: no rest; now {last}, expected {desired}\n{self.said()}"
        )

    def ends(self) -> None:
        """The end of the script: nothing is written any more, and nobody else's object was
        touched."""
        self.begin("the end")
        self.rest(longer=3.0)
        assert not self.trace[-1].writes, f"still writes: {self.trace[-1].writes}"
        for manifest, before in self._strangers:
            after = content(self.world.get(manifest["kind"], manifest["metadata"]["name"]))
            assert after == before, f"a stranger's {manifest['kind']} was touched"

    def said(self) -> str:
        """The present step, for a failure's message."""
        step = self.trace[-1]
        return "\n".join(
            [
                *(f"  wrote {message}" for message in step.writes),
                *(f"  {state}" for state in step.states[-12:]),
            ]
        )

    # the worker

    def _reconcile(self) -> bool:
        """One reconcile; whether it wrote, or time alone would change what it does."""
        snapshot = self.world.cluster.observe(self.intent.key)
        if isinstance(snapshot, Unavailable) or self.intent.generation == 0:
            return False
        observation = self._saw(snapshot)
        stop = fence(self.intent, observation, self.world.platform.store)
        assert stop is None, stop.message
        now = self.world.now()
        next_writes = self._driver.writes(
            self.intent, self.revisions, snapshot, observation, self._memory, now
        )
        self._memory = next_writes.memory
        self._write(next_writes)
        return bool(next_writes.writes) or next_writes.wake_at is not None

    def _write(self, next_writes: Writes) -> None:
        for write in next_writes.writes:
            result = self.world.cluster.write(write)
            assert isinstance(result, Done | Conflict), f"{write.message}: {result}"
            self.trace[-1].writes.append(write.message)

    def _tick(self) -> State:
        """Look, check, remember."""
        snapshot = self.world.cluster.observe(self.intent.key)
        if isinstance(snapshot, Unavailable):
            return self.trace[-1].states[-1]
        return self._record(self._saw(snapshot), snapshot)

    def _record(self, observation: Observation, snapshot: Snapshot) -> State:
        state = None
        key = self.intent.key
        isvc = None
        if self.mode is Mode.KNATIVE:
            isvc = snapshot.get("InferenceService", key.name)
        for split in self.world.splits() or [self._split]:
            self._split = split
            self._guard.tick(split, self._up)
            state = state_of(observation, split, self.intent, isvc)
            self.trace[-1].saw(state)
        assert state is not None
        return state

    def _saw(self, snapshot: Snapshot) -> Observation:
        observation = self._driver.read(self.intent.key, self.revisions, snapshot)
        self._up = frozenset(live.revision for live in observation.live if live.up)
        return observation

    def _desired(self) -> State | None:
        if self._expected is None:
            return None
        index = len(self.trace) - 1
        assert index < len(self._expected), f"the other run has no step {self.trace[-1].name!r}"
        assert self._expected[index].name == self.trace[-1].name
        return self._expected[index].states[-1]

    def _strange(self, manifest: Mapping[str, Any]) -> tuple[Mapping[str, Any], object]:
        self.world.put(manifest)
        return manifest, content(self.world.get(manifest["kind"], manifest["metadata"]["name"]))


def _revision(number: int) -> Revision:
    model = Model("fraud", str(number), f"s3://models/model-{number}", f"sha256-{number}")
    return Revision(number, model, Runtime(), f"digest-{number}")
