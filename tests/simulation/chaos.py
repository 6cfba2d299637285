"""Tidegate under seeded chance: controllers in any order, people, crashes, hand edits, and a check
of every write.

The checks are properties of what we write given what we saw at the observation; `Tick` checks what
the data plane did.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tests.simulation.desk import Desk
from tests.simulation.kubelet import Behaviour
from tests.simulation.lab import NAMESPACE
from tests.simulation.left import Left
from tests.simulation.planned import Foretold
from tests.simulation.simulation import Quality, Simulation
from tests.simulation.watch import Watch
from tidegate.core import strategy
from tidegate.core.drivers.base import Memory
from tidegate.core.drivers.rendering import ISVC_LABEL
from tidegate.core.guard import Guard
from tidegate.core.intent import CandidateTraffic, HeaderMatch, Mode, Scaling
from tidegate.core.observation import Observation
from tidegate.core.planned_writes import PlannedWrite
from tidegate.core.ports import Write, WriteResult
from tidegate.core.result import Result
from tidegate.core.rollout import ActionKind, Rollout
from tidegate.core.strategy import Deadlines, Strategy
from tidegate.core.watch_values import OnWatchFail, WatchPlan
from tidegate_local.played.api import CONFIG_MAP, HTTP_ROUTE, ISVC, POD, SERVICE

STRANGE = 33  # a share that no plan has: only a stranger can have written it
WATCHES = (0.0, 60.0, 200.0)  # seconds
ON_FAIL = (None, OnWatchFail.UNDO, OnWatchFail.ALERT)
DEADLINES = Deadlines(ready=120.0, data=120.0, decision=300.0, undo=60.0)
STRANGER: dict[str, Any] = {
    "apiVersion": HTTP_ROUTE.api_version,
    "kind": HTTP_ROUTE.kind,
    "metadata": {"name": "fraudster", "namespace": NAMESPACE},
    "spec": {"parentRefs": [{"name": "other"}]},
}


@dataclass(frozen=True, slots=True)
class Deed:
    """Something that may happen, and how often beside the others."""

    weight: int
    do: Callable[[], None]


class Chaos(Simulation):
    """A rollout in which chance decides who acts next. foreign: whether somebody edits our objects
    by hand. gateway: as in Lab."""

    def __init__(
        self, mode: Mode, seed: int, *, foreign: bool = False, gateway: bool = True
    ) -> None:
        self.dice = random.Random(seed)
        self.watches = random.Random(seed)  # of its own, so that the walks stay what they were
        size = self.dice.choice((1, 1, 2, 4))
        scaling = Scaling(size, size + self.dice.choice((0, 3)))
        super().__init__(mode, rate=20.0, seed=seed, scaling=scaling, gateway=gateway)
        self.load: dict[str, int] = {}
        self.lab.plane.world.load = lambda deployment: self.load.get(
            deployment["metadata"]["name"], 0
        )
        self.lab.objects.write(STRANGER)
        self.watch = Watch(self)
        self.rolled_back = Left(self)
        self.foretold = Foretold(self, STRANGE)
        self.deeds = [*self._world(), *self._people(), *(self._strangers() if foreign else [])]

    def act(self, count: int) -> None:
        """That many deeds of chance."""
        weights = [deed.weight for deed in self.deeds]
        for deed in self.dice.choices(self.deeds, weights, k=count):
            deed.do()
            self.watch.tick()

    def quiet(self, seconds: float, interval: float = 30.0) -> None:
        """Nobody disturbs any more; only r<candidate> may stay broken."""
        data = self.lab.data_plane
        data.frozen = False
        data.delay = 0.0
        self.interval = interval
        end = self.lab.clock() + seconds
        while self.lab.clock() < end:
            self.lab.settle(interval)
            self.watch.tick()
            self.one_pass()
            self.lab.settle()
            self.watch.tick()

    # what the worker does

    def carry_out(
        self, planned: Sequence[PlannedWrite], observation: Observation, limit: int | None
    ) -> list[tuple[PlannedWrite, WriteResult]]:
        """A random part of the plan in random order, twice some of it, while the world moves on: it
        is an antichain."""
        count = 0
        if limit is None:
            count = self.dice.randint(0, len(planned))
        writes = self.dice.sample(planned, count)
        if self.dice.random() < 0.7:
            writes = list(planned)
            self.dice.shuffle(writes)
        made: list[tuple[PlannedWrite, WriteResult]] = []
        for write in writes + writes[: self.dice.choice((0, 0, 1))]:
            self._controllers(self.dice.choice((0, 0, 2)))
            self.watch.before(write.write, observation)
            self.foretold.write(write.write)
            result = self.lab.cluster.write(write.write)
            made.append((write, result))
            self.wrote(write.write, result, observation)
            self.watch.tick()
        return made

    def wrote(self, write: Write, result: WriteResult, observation: Observation) -> None:
        """Every write into the diary."""
        self.note(f"        write: {write.message} -> {type(result).__name__}")

    def start(
        self,
        strategy: Strategy,
        candidate: int,
        author: str = "ann",
        message: str = "",
        guard: Guard | None = None,
        base: int | None = None,
    ) -> Rollout:
        """As always, and what it may write is foretold."""
        rollout = super().start(strategy, candidate, author, message, guard, base)
        self.foretold.rollout(rollout)
        if strategy.urgent:  # it leads away from whatever is stable when it begins
            for base in self.revisions:
                self.foretold.rollout(replace(rollout, base=base))
        return rollout

    def began_by_itself(self, rollout: Rollout) -> None:
        """As always, and what it may write is foretold."""
        if rollout.id not in [known.id for known, _ in self.rollouts]:
            self.watch.undone_by_itself(rollout)
            for base in self.revisions:
                self.foretold.rollout(replace(rollout, base=base))
        super().began_by_itself(rollout)

    def store(self, result: Result) -> None:
        """As always, with an eye on stable."""
        before = [progress.end.toward for _, progress in self.rollouts]
        count = len(self.intents)
        super().store(result)
        self.watch.appended(self.intents[count - 1 :], before)
        self.rolled_back.read()

    def _controllers(self, count: int) -> None:
        for name in self.dice.choices(self.lab.plane.names, k=count):
            self.lab.plane.step(name)

    # what may happen

    def _world(self) -> list[Deed]:
        return [
            Deed(12, lambda: self._controllers(self.dice.randint(1, 12))),
            Deed(12, self._settle),
            Deed(16, self.one_pass),  # type: ignore[arg-type]
            Deed(3, lambda: self.one_pass(writes=0)),  # type: ignore[arg-type, return-value]
            Deed(2, self._forget),
            Deed(3, self._pods),
            Deed(1, lambda: setattr(self.lab.data_plane, "frozen", not self.lab.data_plane.frozen)),
            Deed(
                1, lambda: setattr(self.lab.data_plane, "delay", self.dice.choice((0.0, 3.0, 20.0)))
            ),
            Deed(1, self._quality),
            Deed(1, self._load),
        ]

    def _people(self) -> list[Deed]:
        kinds = (
            ActionKind.PAUSE,
            ActionKind.RESUME,
            ActionKind.ABORT,
            ActionKind.PROMOTE,
            ActionKind.APPROVE,
            ActionKind.REJECT,
        )
        return [
            Deed(6, self._begin),
            Deed(3, lambda: self._action(self.dice.choice(kinds))),
            Deed(4, self._twice),
            Deed(1, lambda: self._action(ActionKind.RESUME)),
            Deed(1, self._percent),
            Deed(1, self._rescale),
            Deed(1, self._replace),
        ]

    def _strangers(self) -> list[Deed]:
        return [Deed(4, self._edit)]

    def _settle(self) -> None:
        self.lab.clock.advance(self.dice.choice((0, 1, 5, 15, 40)))
        self.lab.plane.settle()

    def _forget(self) -> None:
        self.note("(the worker is replaced: its memory is lost)")
        self.memory = Memory()

    def _pods(self) -> None:
        number = self.dice.choice(list(self.revisions))
        behaviours = (
            Behaviour(),
            Behaviour(),
            Behaviour(delay=20),
            Behaviour(hangs=True),
            Behaviour(crash="boom"),
        )
        chosen = self.dice.choice(behaviours)
        self.note(f"(pods of r{number}: {chosen})")
        self.lab.kubelet.behave(f"model-{number}/", chosen)

    def _quality(self) -> None:
        number = self.dice.choice(list(self.revisions))
        self.quality[number] = Quality(bad=self.dice.choice((0.0, 0.3)))

    def _load(self) -> None:
        for number in self.revisions:
            self.load[f"fraud-r{number}-predictor"] = self.dice.randint(0, 6)

    # people

    @property
    def running(self) -> bool:
        """Whether a rollout has no outcome yet."""
        return any(progress.outcome is None for _, progress in self.rollouts)

    def _begin(self) -> None:
        if self.intent.stable is None or self.running:
            return
        older = [n for n in self.revisions if n != self.intent.stable]
        if older and self.dice.random() < 0.3:
            self.start(replace(strategy.undo(), deadlines=DEADLINES), self.dice.choice(older))
        elif older and self.dice.random() < 0.2:
            self.start(self.plan(), self.dice.choice(older))
        else:
            self.start(self.plan(), self.revision(Quality(bad=self.dice.choice((0.0, 0.0, 0.3)))))

    def plan(self) -> Strategy:
        """One of those that this endpoint may have."""
        plans = [strategy.blue_green(), strategy.manual()]
        if self.gateway:
            plans = [
                strategy.canary((10, 50), bake=10),
                strategy.canary((25, 75), bake=5),
                strategy.ab(50, bake=5),
                *plans,
            ]
        if self.gateway and self.mode is Mode.STANDARD:
            plans += [
                strategy.shadow(50, bake=10),
                strategy.ab(match=(HeaderMatch("x-beta", "yes"),), bake=5),
            ]
        watched = WatchPlan(self.watches.choice(WATCHES), self.watches.choice(ON_FAIL))
        return replace(self.dice.choice(plans), deadlines=DEADLINES, watch=watched)

    def _action(self, kind: ActionKind) -> None:
        if self.running:
            self.action(kind)

    def _twice(self) -> None:
        """Two people act one after the other, on the same page, with few passes between them."""
        pages = Desk(self, "ann", DEADLINES).page()
        for author in ("ann", "bob"):
            if self.intent.stable is None:
                return
            desk = Desk(self, author, DEADLINES)
            verb, answer = self._asked_of(desk, pages)
            self.note(f"{author} asks to {verb}: {answer}")
            for _ in range(self.dice.choice((0, 0, 1, 2))):
                self.one_pass()

    def _asked_of(self, desk: Desk, page: int | None) -> tuple[str, str]:
        """One action of chance, and how it was answered."""
        verb = self.dice.choice(
            ("pause", "resume", "abort", "reject", "approve", "promote", "undo", "undo", "lower")
        )
        if verb == "undo":
            to = self.dice.choice((None, None, *self.revisions))
            answer = desk.undo(to)
            if to is None:
                self.rolled_back.check(answer)
            return f"{verb} {to}", answer
        if verb == "lower":
            return verb, desk.set_percent(0)
        force = self.dice.random() < 0.3
        return verb, desk.act(verb, step=page, force=force)

    def _percent(self) -> None:
        if not self.gateway or not self.running or self.intent.stable is None:
            return
        rollout, progress = self.rollouts[-1]
        if progress.end.toward is not None or self.intent.candidate != rollout.candidate:
            return
        percent = self.dice.choice((0, 5, 30, 60, 99))
        now = self.intent.candidate_traffic.percent
        if percent < now:
            self.lower(percent)
        elif percent > now:
            self.lift(percent)

    def _rescale(self) -> None:
        if self.mode is Mode.STANDARD and self.intent.stable is not None:
            low = self.dice.randint(1, 3)
            self.note("ann changes the scaling")
            self.person("ann", scaling=Scaling(low, low + self.dice.randint(0, 3)))

    def _replace(self) -> None:
        """Supersede, or delete and make again."""
        if self.intent.stable is None:
            self.deploy_again()
        elif self.running and self.dice.random() < 0.7:
            base = self.rollouts[-1][0].base
            self.action(ActionKind.SUPERSEDE)
            self.start(self.plan(), self.revision())
            self.rollouts[-1] = (replace(self.rollouts[-1][0], base=base), self.rollouts[-1][1])
            self.foretold.rollout(self.rollouts[-1][0])
        elif self.dice.random() < 0.3:
            self.delete()

    def deploy_again(self) -> None:
        """A new life under the same name."""
        first = self.revision()
        self.note(f"ann deploys r{first}")
        following = replace(
            self.intent,
            generation=self.intent.generation + 1,
            stable=first,
            candidate_traffic=CandidateTraffic(),
        )
        self.intents.append(following)

    # strangers

    def _edit(self) -> None:
        if self.gateway:
            entries = [HTTP_ROUTE]
        else:
            entries = [SERVICE, CONFIG_MAP]
        kind = self.dice.choice(
            [ISVC, POD, *(entries if self.mode is Mode.STANDARD else [CONFIG_MAP])]
        )
        names = [
            n
            for n in self.lab.names(kind)
            if n != "fraudster" and (kind != SERVICE or n == "fraud")
        ]
        if not names:
            return
        name = self.dice.choice(names)
        self.note(f"(somebody meddles with {kind.kind} {name})")
        self.watch.meddled()
        if kind == ISVC and self.dice.random() < 0.6:
            percent = self.dice.choice((None, 0, 40, 80))
            self.lab.objects.edit(
                kind, NAMESPACE, name, {"spec": {"predictor": {"canaryTrafficPercent": percent}}}
            )
        elif kind == HTTP_ROUTE and self.dice.random() < 0.6:
            rules = self.lab.get(HTTP_ROUTE, name)["spec"]["rules"]
            weight = self.dice.choice((0, STRANGE, 100))
            rules = [
                {**r, "backendRefs": [{**ref, "weight": weight} for ref in r["backendRefs"]]}
                for r in rules
            ]
            self.lab.objects.edit(kind, NAMESPACE, name, {"spec": {"rules": rules}})
        elif kind == SERVICE and self.dice.random() < 0.6:
            number = self.dice.choice(list(self.revisions))
            bent = self.dice.choice(({ISVC_LABEL: f"fraud-r{number}"}, {"team": "sales"}))
            self.lab.objects.edit(kind, NAMESPACE, name, {"spec": {"selector": bent}})
        else:
            self.lab.objects.delete(kind, NAMESPACE, name)
