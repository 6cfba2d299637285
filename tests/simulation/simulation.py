"""A whole Tidegate in one test: rollout controller and driver against the fake control plane, with
simulated requests.

`one_pass` is what the worker does, without Postgres: look, gather, decide, append, plan, write. The
diary tells what happened, one line per change, so that a whole rollout reads as a scenario.
"""

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from tests.simulation.lab import NAMESPACE, Lab
from tests.simulation.outside import Outside
from tests.simulation.own_counters import OwnCounters
from tidegate.core.conditions import Code, Condition
from tidegate.core.drift import Drift
from tidegate.core.drivers import driver_for
from tidegate.core.drivers.adoption import adopted, route_name
from tidegate.core.drivers.base import Memory
from tidegate.core.drivers.rendering import Gateway, Platform
from tidegate.core.evidence import Counters, Reading, Scrape
from tidegate.core.experiments import Counts, Sample
from tidegate.core.experiments import check as check_counts
from tidegate.core.failed_writes import FailedWrite
from tidegate.core.guard import Guard, Heartbeat
from tidegate.core.intent import (
    NO_TRAFFIC,
    Adopted,
    EndpointKey,
    Intent,
    Mode,
    Model,
    Revision,
    Runtime,
    Scaling,
)
from tidegate.core.known import Known, RolloutState
from tidegate.core.observation import Live, Observation
from tidegate.core.planned_writes import PlannedWrite
from tidegate.core.ports import Snapshot, Write, WriteResult
from tidegate.core.reconcile import reconcile
from tidegate.core.reporting import report
from tidegate.core.result import Kind, Result, conclude
from tidegate.core.rollout import Action, ActionKind, Progress, Rollout
from tidegate.core.rules import check
from tidegate.core.sampling import RolloutSample
from tidegate.core.strategy import Strategy
from tidegate.core.traffic import describe

TOLD = (
    Code.NOT_ALLOWED,
    Code.CANDIDATE_NOT_ALLOWED,
    Code.NOT_WARM,
    Code.CONTRACT_UNREAD,
    Code.WRITE_REFUSED,
    Code.DRIFT,
    Code.METRIC_FAILED,
    Code.WOULD_HAVE_ABORTED,
    Code.WOULD_HAVE_PAUSED,
)
STORE = "00000000-0000-0000-0000-000000000001"
MOST_CHECKS = 7  # that one pass may ask for, one after the other
BOUNDS = (10.0, 50.0, 100.0, 500.0, 30000.0)


@dataclass(frozen=True, slots=True)
class Quality:
    """How a revision answers: shares of errors, of answers above 100 ms, of rejections, of answers
    429. first_slow: so many first answers of each pod are above 100 ms. batches_from: requests per
    second of a pod below which its batches do not fill, so that every answer is."""

    bad: float = 0.0
    slow: float = 0.0
    rejected: float = 0.0
    saturated: float = 0.0
    first_slow: int = 0
    batches_from: float = 0.0


class Simulation:
    """One endpoint, `team/fraud`. rate: requests per second. interval: seconds between reconciles.
    gateway: as in Lab."""

    def __init__(
        self,
        mode: Mode,
        *,
        rate: float = 100.0,
        interval: float = 5.0,
        seed: int = 1,
        scaling: Scaling | None = None,
        gateway: bool = True,
    ) -> None:
        self.lab = Lab(gateway=gateway)
        self.gateway = gateway
        self.key = EndpointKey(NAMESPACE, "fraud")
        self.mode = mode
        self.rate = rate
        self.interval = interval
        self.platform = Platform(
            STORE, Gateway("main", "gateways") if gateway else None, drain=30.0
        )
        self.driver = driver_for(mode, self.platform)
        self.random = random.Random(seed)
        self.quality: dict[int, Quality] = {}
        self.counts: dict[int, list[int]] = {}
        self.copies: dict[int, list[int]] = {}
        self.ready: dict[int, int] = {}
        self.first: dict[int, int] = {}
        self.last_traffic_at = self.lab.clock()
        self.revisions: dict[int, Revision] = {}
        self.intents: list[Intent] = []
        self.rollouts: list[tuple[Rollout, Progress]] = []
        self.actions: list[tuple[str, Action]] = []
        self.heartbeats: dict[str, Heartbeat] = {}
        self.samples: list[Sample] = []
        self.series: list[RolloutSample] = []
        self.headers: tuple[tuple[str, str], ...] = ()
        self.memory = Memory()
        self.failed_writes: tuple[FailedWrite, ...] = ()
        self.drift: tuple[Drift, ...] = ()
        self.observation = Observation()
        self.outside = Outside()
        self.own = OwnCounters()
        self.diary: list[str] = []
        self.scaling = scaling or Scaling(1, 4)
        self.began = self.lab.clock()
        self._said: dict[str, str] = {}

    @property
    def intent(self) -> Intent:
        """The current one."""
        return self.intents[-1]

    def note(self, line: str) -> None:
        """PlannedWrite one line into the diary, with the time since the beginning."""
        minutes, seconds = divmod(int(self.lab.clock() - self.began), 60)
        self.diary.append(f"{minutes:3d}:{seconds:02d}  {line}")

    def revision(self, quality: Quality | None = None, *, mutable: bool = False) -> int:
        """A new revision; its model URI holds `model-<n>`, by which the kubelet knows its pods.
        mutable: the bytes there may change."""
        number = max(self.revisions, default=0) + 1
        model = Model(
            "fraud", str(number), f"s3://models/model-{number}", f"sha256-{number}", mutable
        )
        self.revisions[number] = Revision(number, model, Runtime(), f"digest-{number}")
        self.quality[number] = quality or Quality(bad=0.002)
        return number

    def deploy(self) -> None:
        """A first revision, serving; also after a delete, where generations and numbers go on."""
        first = self.revision()
        generation = len(self.intents) + 1
        self.intents.append(
            Intent(
                self.key,
                generation,
                self.mode,
                first,
                scaling=self.scaling,
                author="ann",
                message="first deployment",
            )
        )
        self.note(f"ann deploys r{first}")
        self.run(60)

    def adopt(self) -> None:
        """An InferenceService that somebody else made, ready, comes under Tidegate as r0."""
        theirs = self.lab.apply(foreign(self.mode))
        self.lab.settle(30)
        self.note("somebody's own InferenceService fraud serves; ann adopts it")
        model = Model("fraud", "0", "s3://models/model-0", "sha256-0", mutable=True)
        taken = Adopted(theirs["metadata"]["uid"], theirs["spec"]["predictor"])
        self.revisions[0] = Revision(0, model, Runtime(), "digest-0", taken)
        self.quality[0] = Quality(bad=0.002)
        self.intents.append(
            Intent(self.key, 1, self.mode, 0, scaling=self.scaling, author="ann", message="adopted")
        )
        self.run(60)

    def start(
        self,
        strategy: Strategy,
        candidate: int,
        author: str = "ann",
        message: str = "",
        guard: Guard | None = None,
        base: int | None = None,
        trial: bool = False,
    ) -> Rollout:
        """Ask for a rollout. base: what will be stable when it begins, None: what is stable."""
        if base is None:
            base = self.intent.stable
        assert base is not None
        rollout = Rollout(
            f"ro-{len(self.rollouts) + 1}",
            strategy,
            base,
            candidate,
            author,
            message,
            guard=guard,
            trial=trial,
        )
        self.rollouts.append((rollout, Progress()))
        self.note(
            f"{author} starts {strategy.kind} of r{candidate}" + (f": {message}" if message else "")
        )
        return rollout

    def action(self, kind: ActionKind, author: str = "bob", reason: str = "") -> None:
        """A person's action for the newest rollout."""
        action = Action(len(self.actions) + 1, kind, author, reason)
        self.actions.append((self.rollouts[-1][0].id, action))
        self.note(f"{author} asks to {kind}" + (f": {reason}" if reason else ""))

    def heartbeat(self, *, release: bool = False) -> None:
        """A heartbeat of the newest rollout's pipeline."""
        self.heartbeats[self.rollouts[-1][0].id] = Heartbeat(self.lab.clock(), release)

    def beating_pipeline(self, seconds: float, every: float = 60.0) -> None:
        """Let time pass while the pipeline sends heartbeats."""
        end = self.lab.clock() + seconds
        while self.lab.clock() < end and self.progress().outcome is None:
            self.heartbeat()
            self.run(every)

    def person(self, author: str = "bob", **changes: object) -> None:
        """A person's own intent."""
        following = replace(
            self.intent, generation=self.intent.generation + 1, author=author, **changes
        )  # type: ignore[arg-type]
        problems = check(following, self.intent, self.lab.cluster.capabilities())
        assert not problems, problems
        self.intents.append(following)

    def lower(self, percent: int, author: str = "bob") -> None:
        """PATCH to a smaller percent: it works at once, and stops the rollout controller."""
        self.note(f"{author} lowers to {percent} %")
        self.person(
            author, candidate_traffic=replace(self.intent.candidate_traffic, percent=percent)
        )
        self.action(ActionKind.PAUSE, author, "lowered by hand")

    def lift(self, percent: int, author: str = "bob") -> None:
        """PATCH to a larger percent with force."""
        self.note(f"{author} raises to {percent} %")
        candidate = self.rollouts[-1][0].candidate
        self.person(
            author,
            candidate=candidate,
            candidate_traffic=replace(self.intent.candidate_traffic, percent=percent),
        )
        self.action(ActionKind.OVERRIDE, author)

    def delete(self, author: str = "ann") -> None:
        """DELETE: the rollout aborts, nothing is wanted."""
        self.note(f"{author} deletes the endpoint")
        if self.rollouts and self.progress().outcome is None:
            self.action(ActionKind.ABORT, author, "the endpoint is deleted")
        self.person(author, stable=None, candidate=None, candidate_traffic=NO_TRAFFIC, standby=())

    def experiment(self, **successes: float) -> None:
        """Somebody posts what an experiment counted in the last minute: r1=0.05 is one success in
        twenty units."""
        rollout = self.rollouts[-1][0]
        end = self.lab.clock()

        def counts(revision: int) -> Counts:
            units = round(60 * self.rate * self.shown(revision) / 100)
            good = sum(self.random.random() < successes[f"r{revision}"] for _ in range(units))
            return Counts(revision, good, units, end - 60, end)

        sample = Sample(len(self.samples) + 1, counts(rollout.candidate), counts(rollout.base))
        assert not check_counts(sample.candidate, (), rollout, self.progress(), end)
        self.samples.append(sample)

    def progress(self, index: int = -1) -> Progress:
        """Where a rollout stands."""
        return self.rollouts[index][1]

    def shown(self, revision: int) -> int:
        """Percent of unmatched requests that the cluster shows for a revision, with the last
        observation."""
        snapshot = self.lab.cluster.observe(self.key)
        traffic = self.driver.read(self.key, self.revisions, snapshot).traffic
        if not traffic:
            return 0
        return traffic.percent(revision)

    def _live(self, revision: int) -> Live:
        live = self.observation.of(revision)
        assert live is not None, f"r{revision} does not run"
        return live

    def beside(self, revision: int) -> tuple[str, ...]:
        """What is told of the containers beside a revision's model."""
        return self._live(revision).trouble.beside

    def log(self, revision: int) -> tuple[str, ...]:
        """The last lines of a revision's failing container."""
        return self._live(revision).trouble.log

    def left(self) -> str:
        """What is still there of the endpoint."""
        results = (
            f"{o['kind']} {o['metadata']['name']}"
            for o in self.lab.cluster.observe(self.key).objects
        )
        return ", ".join(results) or "nothing"

    def requests(self) -> None:
        """Requests since the last call, by the split that the data plane has."""
        elapsed = self.lab.clock() - self.last_traffic_at
        self.last_traffic_at = self.lab.clock()
        if self.mode is Mode.STANDARD:
            route = route_name(self.key, adopted(self.revisions))
        else:
            route = self.key.name
        if self.gateway:
            shares = self.lab.data_plane.shares(NAMESPACE, route)
        else:
            shares = self.lab.led_to(self.key.name)
        self._answer(shares, elapsed, self.counts)
        if self.headers:  # as many requests carry them as do not
            self._answer(
                self.lab.data_plane.shares(NAMESPACE, route, self.headers), elapsed, self.counts
            )
        self._answer(self.lab.data_plane.mirrors(NAMESPACE, route), elapsed, self.copies)

    def _answer(self, shares: dict[str, float], elapsed: float, into: dict[int, list[int]]) -> None:
        for label, percent in shares.items():
            number = 0
            if label.startswith("r") and label[1:].isdecimal():
                number = int(label.removeprefix("r"))
            if number not in self.quality:
                continue
            quality = self.quality[number]
            counts = into.setdefault(number, [0, 0, 0, 0, 0])
            requests = round(elapsed * self.rate * percent / 100)
            draws = [self.random.random() for _ in range(2 * requests)]
            counts[0] += requests
            counts[1] += sum(map(quality.bad.__gt__, draws[::2]))
            counts[2] += self._slow(number, requests, draws[1::2], requests / max(elapsed, 1e-9))
            refused = quality.bad + quality.rejected
            counts[3] += sum(quality.bad <= draw < refused for draw in draws[::2])
            counts[4] += sum(refused <= draw < refused + quality.saturated for draw in draws[::2])

    def _slow(self, number: int, requests: int, draws: Sequence[float], per_second: float) -> int:
        """How many of a revision's answers are above 100 ms."""
        quality = self.quality[number]
        ready = self.observation.ready(number)
        new = max(0, ready - self.ready.get(number, 0))
        self.ready[number] = ready
        left = self.first.get(number, 0) + new * quality.first_slow
        first = min(left, requests)
        self.first[number] = left - first
        if per_second < quality.batches_from * max(ready, 1):
            return requests
        return max(first, sum(map(quality.slow.__gt__, draws)))

    def scrape(self) -> Scrape:
        """The meter."""

        def readings(source: str, counts: dict[int, list[int]]) -> tuple[Reading, ...]:
            return tuple(
                Reading(
                    source,
                    number,
                    Counters(
                        n,
                        bad,
                        tuple((b, n if b > 100 else n - slow) for b in BOUNDS),
                        rejections=rejected,
                        saturated=saturated,
                    ),
                )
                for number, (n, bad, slow, rejected, saturated) in counts.items()
            )

        copies = readings("envoy-1/http--mirror", self.copies)
        return Scrape(self.lab.clock(), readings("envoy-1/http", self.counts), copies)

    def one_pass(self, writes: int | None = None) -> int:
        """One pass of the worker; `writes`: stop (crash) after that many. How many it planned."""
        self.requests()
        now = self.lab.clock()
        result = self.reconcile(self.lab.cluster.observe(self.key), now)
        self.observation = result.observation
        self._tell(result.observation)
        if result.kind is Kind.FENCED:
            (stop,) = result.conditions
            self.tell("worker", f"  ! {stop.message}")
            return 0
        self.store(result)
        self.memory = result.memory
        waits = [c.message for c in result.conditions if c.code is Code.WRITES_WAIT]
        waits = [message for message in waits if "generation" not in message]
        self.tell("worker", "".join(f"      waits: {message}" for message in waits[:1]))
        written = self.carry_out(result.writes, result.observation, writes)
        if writes is None:
            result = conclude(result, written)
            self.failed_writes = result.failed_writes
        self.drift = result.drift
        self._tell_conditions(report(result).conditions)
        return len(result.writes)

    def reconcile(self, snapshot: Snapshot, now: float) -> Result:
        """Passes over one snapshot, until every check that they name is answered."""
        states = tuple(map(self._state, self.rollouts))
        known = Known(
            self.intent,
            self.revisions,
            self.platform,
            tuple(state for state in states if not state.progress.end.tidy),
            self.lab.cluster.capabilities(),
            self.memory,
            self.failed_writes,
            self.interval,
            drift=self.drift,
        )
        checks = self.outside.checks()
        for _ in range(MOST_CHECKS):
            scrape = None
            if known.measures(now):
                scrape = replace(self.scrape(), own=self.own.read(known.own_due(now), self.counts))
            result = reconcile(known, snapshot, scrape, checks, now)
            if isinstance(result, Result):
                return result
            checks = self.outside.answered(result, checks)
        raise AssertionError(f"still asked for: {result}")

    def _state(self, known: tuple[Rollout, Progress]) -> RolloutState:
        rollout, progress = known
        actions = tuple(action for owner, action in self.actions if owner == rollout.id)
        return RolloutState(
            rollout, progress, actions, self.heartbeats.get(rollout.id), tuple(self.samples)
        )

    def carry_out(
        self, planned: Sequence[PlannedWrite], observation: Observation, limit: int | None
    ) -> list[tuple[PlannedWrite, WriteResult]]:
        """Make the writes, or the first `limit` of them; each with its result."""
        made: list[tuple[PlannedWrite, WriteResult]] = []
        for write in planned[:limit]:
            result = self.outside.refused(write.write) or self.lab.cluster.write(write.write)
            self.wrote(write.write, result, observation)
            made.append((write, result))
        return made

    def wrote(self, action: Write, result: WriteResult, observation: Observation) -> None:
        """For subclasses that check each write; `observed` is what it was planned on."""

    def store(self, result: Result) -> None:
        """What the worker stores before it writes anything."""
        refused = [c.message for c in result.conditions if c.code is Code.STEP_REFUSED]
        assert not refused, refused
        by_id = {rollout.id: index for index, (rollout, _) in enumerate(self.rollouts)}
        for decided in result.decisions:
            self.rollouts[by_id[decided.rollout.id]] = (decided.rollout, decided.progress)
            if decided.sample is not None:
                self.series.append(decided.sample)
            if decided.intent is not None:
                self.intents.append(decided.intent)
            lines = [entry for entry in decided.notes if entry.author.startswith("system:rollout:")]
            for entry in lines:
                self.note(f"  {entry.action}: {entry.message}")
            self.tell(
                f"rollout controller of {decided.rollout.id}",
                "" if lines else f"    {decided.message}",
            )

    def _tell_conditions(self, conditions: Sequence[Condition]) -> None:
        """What checks and admission hold back, and what others change."""
        for code in TOLD:
            lines = [c.message for c in conditions if c.code is code]
            self.tell(code, "".join(f"      {code}: {line}" for line in lines[:1]))

    def _tell(self, observation: Observation) -> None:
        self.tell("traffic", f"      traffic: {describe(observation.traffic)}", exact=True)
        pods = (
            ", ".join(
                f"r{live.revision} {live.ready} of {live.desired}" for live in observation.live
            )
            or "none"
        )
        self.tell("pods", f"      pods: {pods}", exact=True)

    def tell(self, who: str, line: str, *, exact: bool = False) -> None:
        """PlannedWrite a line when it differs from the last one of this speaker; numbers alone are
        no difference unless `exact`."""
        message = line
        if not exact:
            message = re.sub(r"\d+[\d.]*", "#", line)
        if message != self._said.get(who, "") and line:
            self.note(line)
        self._said[who] = message

    def run(self, seconds: float) -> None:
        """Let time pass in looks: controllers, then a reconcile."""
        end = self.lab.clock() + seconds
        while self.lab.clock() < end:
            self.lab.settle(self.interval)
            if self.one_pass():
                self.lab.settle()

    def until_over(self, limit: float = 7200.0) -> Progress:
        """Run until the newest rollout has an outcome."""
        end = self.lab.clock() + limit
        while self.progress().outcome is None and self.lab.clock() < end:
            self.run(self.interval)
        return self.progress()

    def outage(self, seconds: float) -> None:
        """The worker is away: the cluster and the clients go on."""
        self.note(f"the worker is away for {seconds:.0f} s")
        self.lab.settle(seconds)


def foreign(mode: Mode) -> dict[str, Any]:
    """Somebody's own InferenceService `fraud`, without any mark of ours."""
    named = {Mode.STANDARD: "Standard", Mode.KNATIVE: "Knative"}[mode]
    model = {
        "modelFormat": {"name": "triton"},
        "protocolVersion": "v2",
        "storageUri": "s3://models/model-0/",
    }
    return {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {
            "name": "fraud",
            "namespace": NAMESPACE,
            "annotations": {"serving.kserve.io/deploymentMode": named},
        },
        "spec": {"predictor": {"minReplicas": 1, "maxReplicas": 1, "model": model}},
    }
