"""A kubelet without processes: a test says which models start, crash, hang or are slow."""

from collections.abc import Callable
from dataclasses import dataclass

from tidegate_local.played.kserve_shape import SOURCE
from tidegate_local.played.objects import Object
from tidegate_local.played.world import PodState, Waiting


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What pods of a model do. delay: seconds until ready. hangs: never ready, never fails. crash:
    the message of a crash loop. init: an init container that keeps them from starting."""

    delay: float = 0.0
    hangs: bool = False
    crash: str = ""
    init: Waiting | None = None


GOOD = Behaviour()


class SimKubelet:
    """Pods by their model: the longest rule whose text is part of the model's URI (or of the pod's
    name) counts."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._rules: dict[str, Behaviour] = {}
        self.started: dict[str, float] = {}
        self.stopped: list[str] = []
        self._room: dict[str, set[str]] = {}
        self._known: dict[str, str] = {}
        self._ends: dict[str, tuple[int, str]] = {}
        self._beside: dict[tuple[str, str], int] = {}

    def behave(self, text: str, behaviour: Behaviour) -> None:
        """From now on, pods whose model URI or name holds `text` do this; also pods that run
        already."""
        self._rules[text] = behaviour

    def crash(self, text: str, message: str = "failed to load") -> None:
        """Crash loop."""
        self.behave(text, Behaviour(crash=message))

    def hang(self, text: str) -> None:
        """Never ready."""
        self.behave(text, Behaviour(hangs=True))

    def heal(self, text: str) -> None:
        """Ready at once."""
        self.behave(text, GOOD)

    def end(self, text: str, reason: str = "Error") -> None:
        """The container of every pod that runs now and whose model URI or name holds `text` ends,
        and is started again at once. reason: `OOMKilled` for a kill for memory."""
        for uid in [
            uid for uid, about in self._known.items() if text in about and uid in self.started
        ]:
            self._ends[uid] = (self._ends.get(uid, (0, ""))[0] + 1, reason)

    def hold_up(self, text: str, container: str, reason: str, message: str) -> None:
        """An init container of this name waits, so that the model's does not start."""
        self.behave(text, Behaviour(init=Waiting(container, reason, message)))

    def restart_beside(self, text: str, name: str) -> None:
        """The container of this name beside the model is killed for memory and started again."""
        self._beside[text, name] = self._beside.get((text, name), 0) + 1

    def full(self, text: str) -> None:
        """No capacity for more pods whose model URI or name holds `text`: those that run go on, new
        ones wait."""
        self._room[text] = set(self.started)

    def make_room(self, text: str) -> None:
        """Room again for those that wait."""
        self._room.pop(text, None)

    def start(self, pod: Object) -> None:
        """Remember when."""
        self._known[pod["metadata"]["uid"]] = _about(pod)
        self.started.setdefault(pod["metadata"]["uid"], self._clock())

    def stop(self, pod: Object) -> None:
        """Forget it."""
        if self.started.pop(pod["metadata"]["uid"], None) is not None:
            self.stopped.append(pod["metadata"]["name"])

    def status(self, pod: Object) -> PodState:
        """As the rule says."""
        started = self.started[pod["metadata"]["uid"]]
        rule = self._rule(pod)
        if rule.crash:
            restarts = 1 + int((self._clock() - started) // 10)
            return PodState(False, min(restarts, 20), "CrashLoopBackOff", rule.crash)
        if rule.init is not None:
            return PodState(False, reason="PodInitializing", init=rule.init)
        if self._waits(pod) or rule.hangs or self._clock() < started + rule.delay:
            return PodState(False, started_at=started)
        ports = [
            port["containerPort"] for port in pod["spec"]["containers"][0].get("ports", ())
        ] or [8080]
        hosts = tuple((port, f"{pod['metadata']['name']}:{port}") for port in ports)
        restarts, reason = self._ends.get(pod["metadata"]["uid"], (0, "Error"))
        return PodState(
            True,
            restarts,
            started_at=started,
            exit_reason=reason,
            hosts=hosts,
            sidecars=self._sidecars(pod),
        )

    def _sidecars(self, pod: Object) -> tuple[tuple[str, int], ...]:
        about = _about(pod)
        beside = self._beside.items()
        return tuple((name, restarts) for (text, name), restarts in beside if text in about)

    def _waits(self, pod: Object) -> bool:
        about = _about(pod)
        return any(
            text in about and pod["metadata"]["uid"] not in old for text, old in self._room.items()
        )

    def _rule(self, pod: Object) -> Behaviour:
        about = _about(pod)
        results = sorted((text for text in self._rules if text in about), key=len)
        if results:
            return self._rules[results[-1]]
        return GOOD


def _about(pod: Object) -> str:
    return f"{pod['metadata'].get('annotations', {}).get(SOURCE, '')} {pod['metadata']['name']}"
