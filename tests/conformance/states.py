"""What is recorded of a run: the mode-free state at every observed tick, by the steps of the
script."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tidegate.core.intent import Intent, Mode
from tidegate.core.observation import Live, Observation
from tidegate.core.ports import Manifest
from tidegate.core.traffic import Traffic

NOBODY = "nobody"
POINTERS = {
    "created": "latestCreatedRevision",
    "ready": "latestReadyRevision",
    "rolled out": "latestRolledoutRevision",
    "before": "previousRolledoutRevision",
}


@dataclass(frozen=True, slots=True)
class State:
    """One tick. shown: the traffic as the driver reads it, settled or not. routed: the split that
    the data plane is told: the HTTPRoute's weights, or Knative's ingress. lives: what each revision
    is: `up` where a request would be answered, `zero` where a pod is started for it first; one that
    is not named does not exist. pointers: in Knative mode, the Knative revisions that KServe calls
    latest created, latest ready, rolled out and rolled out before; "" otherwise."""

    shown: str
    settled: bool
    routed: str
    lives: tuple[tuple[int, str], ...]
    pointers: str = ""

    def life(self, revision: int) -> str:
        """What a revision is in this tick."""
        return dict(self.lives).get(revision, "absent")

    def lives_as(self, awaited: Mapping[int, str]) -> bool:
        """Whether these revisions are what is awaited of them."""
        return all(self.life(number) == word for number, word in awaited.items())

    def __str__(self) -> str:
        lives = ", ".join(f"r{number} {word}" for number, word in self.lives) or "no revision"
        text = f"{self.shown}{'' if self.settled else ', not settled'}"
        return f"[{text}; routed {self.routed}; {lives}{self.pointers and f'; {self.pointers}'}]"


@dataclass(slots=True)
class Step:
    """The distinct states of one step, in order; the last one is its fixpoint. writes: what the
    worker wrote."""

    name: str
    states: list[State] = field(default_factory=list)
    writes: list[str] = field(default_factory=list)

    def saw(self, state: State) -> None:
        """Remember a state unless it is still the last one."""
        if not self.states or self.states[-1] != state:
            self.states.append(state)


Trace = list[Step]
Split = dict[int, float]


def in_words(split: Split) -> str:
    """`r1 75, r2 25`; who gets nothing is not named."""
    return (
        ", ".join(f"r{n} {percent:g}" for n, percent in sorted(split.items()) if percent) or NOBODY
    )


def state_of(
    observation: Observation, split: Split, intent: Intent, isvc: Manifest | None
) -> State:
    """The state of one reconcile. isvc: the one of the Knative mode, None in the other."""
    lives = tuple(_lives(observation, intent))
    return State(
        _describe(observation.traffic),
        observation.settled,
        in_words(split),
        lives,
        _pointers(isvc) if isvc else "",
    )


def _pointers(isvc: Manifest) -> str:
    predictor = ((isvc.get("status") or {}).get("components") or {}).get("predictor") or {}
    results = ((word, predictor.get(field)) for word, field in POINTERS.items())
    return ", ".join(f"{word} {name.rpartition('-')[2]}" for word, name in results if name)


def _describe(traffic: Traffic | None) -> str:
    if traffic is None or not traffic.rules:
        return NOBODY
    return in_words({number: traffic.percent(number) for number in traffic.revisions})


def _lives(observation: Observation, intent: Intent) -> list[tuple[int, str]]:
    """In Knative mode only of revisions that are wanted or have a share: the others are Knative's
    to scale down and to collect, whenever it likes."""
    served = ()
    if observation.traffic:
        served = observation.traffic.revisions
    lives = observation.live
    if intent.mode is Mode.KNATIVE:
        lives = tuple(
            live for live in observation.live if live.revision in (*intent.desired, *served)
        )
    return [(live.revision, _word(live)) for live in lives]


def _word(live: Live) -> str:
    if live.idle and not live.ready:
        return "zero"
    if live.up:
        return "up"
    return "starting"
