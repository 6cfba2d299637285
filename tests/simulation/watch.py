"""The invariants of section 4, checked at every write, every appended intent and every tick of the
data plane."""

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from tests.simulation.dataplane import shares
from tests.simulation.lab import NAMESPACE
from tidegate.core.capacity import needed
from tidegate.core.drivers import route
from tidegate.core.drivers.adoption import adopted
from tidegate.core.drivers.rendering import ISVC_LABEL, number_of, ours
from tidegate.core.intent import Intent, Mode
from tidegate.core.observation import Observation
from tidegate.core.ports import Apply, Remove, Write
from tidegate.core.rollout import Outcome, Rollout, with_base
from tidegate.core.traffic import Rule, Share, Traffic
from tidegate_local.played.api import HTTP_ROUTE, ISVC, SERVICE, kind_of
from tidegate_local.played.objects import Object

if TYPE_CHECKING:
    from tests.simulation.chaos import Chaos


class Watch:
    """Raises AssertionError at the first thing that must never happen. cap: the most that each
    revision was ever meant to get since things were last quiet; a tick above it is our own doing,
    unless KServe's pointer wandered or somebody meddled."""

    def __init__(self, simulation: "Chaos") -> None:
        self._simulation = simulation
        self.cap: dict[int, int] = {}
        self._excused = False
        self._pinned: Any = None
        self._ticks = 0
        self._intents = 0
        self._undone: set[str] = set()

    # writes

    def before(self, write: Write, seen: Observation) -> None:
        """A write that is about to happen, planned on this reconcile."""
        match write:
            case Apply(manifest, _, _, adopts):
                self._check_owner(manifest, adopts=adopts)
                if kind_of(manifest) == HTTP_ROUTE:
                    written, drift = route.parse(self._simulation.key, manifest)
                    assert not drift, drift
                    self._check_traffic(written, seen)
                elif kind_of(manifest) == SERVICE:
                    self._check_traffic(_of_service(manifest), seen)
                elif kind_of(manifest) == ISVC and self._simulation.mode is Mode.KNATIVE:
                    self._check_percent(manifest, seen)
            case Remove():
                self._check_removal(write)

    def _check_owner(self, manifest: Any, *, adopts: bool) -> None:
        """What is not ours is written only where it was adopted."""
        metadata = manifest["metadata"]
        live = self._simulation.lab.objects.get(
            kind_of(manifest), metadata["namespace"], metadata["name"]
        )
        taken = adopted(self._simulation.revisions)
        if adopts and live and taken and live["metadata"]["uid"] == taken.uid:
            return
        assert live is None or ours(live, self._simulation.key), f"{metadata['name']} is not ours"

    def _check_traffic(self, written: Traffic, seen: Observation) -> None:
        for rule in written.rules:
            assert sum(share.percent for share in rule.shares) == 100, rule
            for share in rule.shares:
                if share.percent > _before(seen.traffic, rule).percent(share.revision):
                    self._check_rise(share.revision, share.percent, seen)

    def _check_rise(self, revision: int, percent: int, seen: Observation) -> None:
        """No share rises toward a revision that was not ready at the needed size. Exempt: the first
        deployment and every move away from a revision that is wanted no more (that is toward stable
        and always works); and to stable from a candidate. A promotion is not exempt while what
        serves now is alive."""
        intent = self._simulation.intent
        holders = [r for r in (seen.traffic.revisions if seen.traffic else ()) if r != revision]
        if revision == intent.candidate:
            stable = seen.of(intent.stable)
            need = needed(percent, max(stable.desired if stable else 0, 1), intent.scaling)
        elif revision == intent.stable:
            if (
                intent.candidate is not None
                or not holders
                or not set(holders) <= set(intent.standby)
            ):
                return
            kept = [live for live in seen.live if live.revision in holders]
            alive = any(live.ready for live in kept)
            need = 1
            if alive:
                need = needed(100, max(live.desired for live in kept), intent.scaling)
        else:
            assert revision in intent.standby, f"r{revision} is not wanted and rises to {percent} %"
            need = 1
        ready = seen.ready(revision)
        assert ready >= need, f"r{revision} rises to {percent} % with {ready} of {need} replicas"

    def _check_percent(self, manifest: Any, seen: Observation) -> None:
        """Knative: a percent above 0 goes only to a candidate that is up; 100 % (no percent) only
        to stable."""
        intent = self._simulation.intent
        predictor = manifest["spec"]["predictor"]
        head = int(predictor["labels"]["tidegate.dev/revision"][1:])
        percent = predictor.get("canaryTrafficPercent")
        assert head in (intent.stable, intent.candidate) or percent == 0, (
            f"head r{head} at {percent}"
        )
        if percent in (None, 100):
            assert head == intent.stable, f"r{head} gets everything, stable is r{intent.stable}"
        elif percent > 0:
            assert head == intent.candidate or percent <= _percent(self._live(ISVC)), (
                f"r{head} rises to {percent} %"
            )
            assert seen.up(head) or percent <= _percent(self._live(ISVC)), (
                f"r{head} rises to {percent} % and is down"
            )

    def _check_removal(self, write: Remove) -> None:
        live = self._simulation.lab.objects.get(
            kind_of({"apiVersion": write.api_version, "kind": write.kind}),
            write.namespace,
            write.name,
        )
        assert (
            live is None or ours(live, self._simulation.key) or live["metadata"]["uid"] != write.uid
        )
        if (
            write.kind != "InferenceService"
            or self._simulation.mode is Mode.KNATIVE
            or live is None
        ):
            return
        entry = self._live(HTTP_ROUTE)
        number = number_of(live)
        assert number not in self._simulation.intent.desired, f"r{number} is wanted and removed"
        if entry is not None and not self._excused:
            written, _ = route.parse(self._simulation.key, entry)
            assert number not in route.slots_of(written), (
                f"r{number} is removed while the route refers to it"
            )
        service = self._live(SERVICE)
        if service is not None and not self._simulation.gateway and not self._excused:
            assert _of_service(service).percent(number) == 0, (
                f"r{number} is removed while the Service leads to it"
            )

    def _live(self, kind: Any) -> Object | None:
        return self._simulation.lab.objects.get(kind, NAMESPACE, "fraud")

    # intents

    def appended(self, intents: Sequence[Intent], endings: Sequence[Outcome | None]) -> None:
        """Intents of the rollout controller, the one before them first."""
        rollouts = self._simulation.rollouts
        for old, new in pairwise(intents):
            if new.stable == old.stable:
                continue
            (rollout, progress) = next(
                (r, p) for r, p in rollouts if new.author == f"system:rollout:{r.id}"
            )
            rollout = with_base(rollout, progress)
            promoted = progress.end.toward is Outcome.PROMOTED and new.stable == rollout.candidate
            back = new.stable == rollout.base and old.stable == rollout.candidate
            assert promoted or back, f"stable r{old.stable} -> r{new.stable} by {rollout}"

    def undone_by_itself(self, undo: Rollout) -> None:
        """An undo that the watch of a promotion starts: once, back to what was stable before, where
        nobody else has acted since, and in standard mode only to what is ready."""
        simulation = self._simulation
        (promoted, progress) = next(
            (r, p) for r, p in simulation.rollouts if undo.author == f"system:rollout:{r.id}"
        )
        promoted = with_base(promoted, progress)
        assert progress.outcome is Outcome.PROMOTED, "nothing was promoted"
        assert not promoted.strategy.proven, "an undo is never undone by itself"
        assert promoted.strategy.watch.undoes(simulation.mode), "the plan says alert"
        assert (undo.base, undo.candidate) == (promoted.candidate, promoted.base)
        assert promoted.id not in self._undone, "a second time"
        self._undone.add(promoted.id)
        assert not simulation.running, "another rollout runs"
        assert simulation.intent.stable == promoted.candidate
        if simulation.mode is Mode.STANDARD:
            assert simulation.observation.up(undo.candidate), f"r{undo.candidate} is not ready"

    # ticks

    def meddled(self) -> None:
        """Somebody else moved something: shares are not our doing until things are quiet again."""
        self._excused = True

    def at_rest(self) -> None:
        """Things are quiet: from here on only what is wanted now may have a share."""
        self.cap = {}
        self._excused = False
        self._intents = len(self._simulation.intents) - 1

    def tick(self) -> None:
        """No revision has more than it was ever meant to have."""
        for intent in self._simulation.intents[self._intents :]:
            self._allow(intent)
        self._intents = len(self._simulation.intents)
        self._pointer()
        data = self._simulation.lab.data_plane
        for tick in data.ticks[self._ticks :]:
            for headers in ((), (("x-beta", "yes"),)):
                for label, percent in shares(tick.table.route(NAMESPACE, "fraud"), headers).items():
                    self._check_share(label, percent)
        self._ticks = len(data.ticks)
        if not self._simulation.gateway:
            for label, percent in self._simulation.lab.led_to("fraud").items():
                self._check_share(label, percent)

    def _allow(self, intent: Intent) -> None:
        if intent.stable is not None:
            self.cap[intent.stable] = 100
        if intent.candidate is not None:
            requested = 100
            if not intent.candidate_traffic.match:
                requested = intent.candidate_traffic.percent
            self.cap[intent.candidate] = max(self.cap.get(intent.candidate, 0), requested)

    def _pointer(self) -> None:
        """KServe's pointer moved to a revision that is not to serve: its own doing, and we go back
        to stable."""
        if self._simulation.mode is Mode.STANDARD or (live := self._live(ISVC)) is None:
            return
        status = ((live.get("status") or {}).get("components") or {}).get("predictor") or {}
        pinned = status.get("latestRolledoutRevision")
        if pinned != self._pinned and pinned == status.get("previousRolledoutRevision"):
            self._excused = True
        self._pinned = pinned

    def _check_share(self, label: str, percent: float) -> None:
        if self._excused or not label.startswith("r"):
            return
        cap = self.cap.get(int(label[1:]), 0)
        assert percent <= cap, (
            f"{label} has {percent:.0f} % at the data plane, never meant to have more than {cap} %"
        )


def _of_service(manifest: Any) -> Traffic:
    """Where a Service of ours leads, read without the driver's help; to nobody when its selector is
    not ours."""
    named = re.fullmatch(r"fraud-r(\d+)", manifest["spec"]["selector"].get(ISVC_LABEL, ""))
    return Traffic((Rule((), (Share(int(named[1]), 100),) if named else ()),))


def _before(traffic: Traffic | None, rule: Rule) -> Rule:
    rules = ()
    if traffic:
        rules = traffic.rules
    same = next((item for item in rules if item.match == rule.match), None)
    return same or next((item for item in rules if not item.match), Rule((), ()))


def _percent(isvc: Object | None) -> int:
    if not isvc:
        return 0
    return int(isvc["spec"]["predictor"].get("canaryTrafficPercent") or 0)
