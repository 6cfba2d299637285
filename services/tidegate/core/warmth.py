"""Whether the latencies of an interval can be compared at all: warm pods on both sides, and about
the same load on each.

A pod's first answers are slow (caches, lazy loading, the first batch), and a candidate at 1 % gives
its pod so little that no batch ever fills. Neither says anything about the model.
"""

from collections.abc import Sequence
from dataclasses import dataclass

FIRST_ANSWERS = 20  # of each pod stay out of latency
ALIKE = 2.0  # loads of a pod that differ by no more can be compared
_RESTLESS = 3  # new pods during a rollout that are named


@dataclass(frozen=True, slots=True)
class Pods:
    """A revision's ready pods now. youngest: when the newest became ready, epoch seconds; None
    where nobody tells. share: percent of the requests that the revision gets."""

    revision: int
    ready: int
    youngest: float | None = None
    share: float = 0.0


@dataclass(frozen=True, slots=True)
class Warmth:
    """What a revision has answered since its youngest pod became ready. renewed: how often it got a
    new pod since the evidence began."""

    revision: int
    youngest: float | None = None
    answers: int = 0
    renewed: int = 0


def warmed(
    known: Sequence[Warmth], pods: Sequence[Pods], answers: dict[int, int]
) -> tuple[Warmth, ...]:
    """The warmth after one interval. answers: how many each revision gave in it. A pod that became
    ready within the interval may have given any of them."""
    before = {warmth.revision: warmth for warmth in known}
    return tuple(
        _after(before.get(each.revision), each, answers.get(each.revision, 0)) for each in pods
    )


def _after(before: Warmth | None, pods: Pods, answers: int) -> Warmth:
    if before is None:
        return Warmth(pods.revision, pods.youngest)
    if _is_new(before, pods):
        return Warmth(pods.revision, pods.youngest, 0, before.renewed + 1)
    youngest = before.youngest
    if youngest is None:
        youngest = pods.youngest
    return Warmth(pods.revision, youngest, before.answers + answers, before.renewed)


def _is_new(before: Warmth, pods: Pods) -> bool:
    if pods.youngest is None or before.youngest is None:
        return False
    return pods.youngest > before.youngest


def cold(known: Sequence[Warmth], pods: Sequence[Pods]) -> str:
    """Why the interval that now ends has answers of cold pods, in a line for people; '' where it
    has none. known: the warmth when it began."""
    before = {warmth.revision: warmth for warmth in known}
    for each in pods:
        warmth = before.get(each.revision, Warmth(each.revision))
        need = FIRST_ANSWERS * each.ready
        if _is_new(warmth, each) or warmth.answers < need:
            return _cold(warmth, need)
    return ""


def _cold(warmth: Warmth, need: int) -> str:
    answers = min(warmth.answers, need)
    text = f"the pods of r{warmth.revision} have given {answers} of their first {need} answers"
    if warmth.renewed >= _RESTLESS:
        return f"{text}; it got a new pod {warmth.renewed} times"
    return text


def unlike(pods: Sequence[Pods]) -> str:
    """Why the load of a pod differs too much between the revisions, in a line for people; '' where
    it does not."""
    loads = {each.revision: each.share / each.ready for each in pods if each.ready}
    if len(loads) < len(pods) or not loads or min(loads.values()) <= 0:
        return "nobody knows how much each pod gets"
    if max(loads.values()) <= ALIKE * min(loads.values()):
        return ""
    shares = ", ".join(f"one of r{revision} {load:.2g} %" for revision, load in loads.items())
    return f"pods get unlike shares: {shares} of the requests"
