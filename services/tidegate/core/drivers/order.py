"""The order of writes in Knative mode: a rule without memory that converges from every state.

KServe gives "the rest" to its own pointer (latestRolledoutRevision) and the percent to whatever is
latest ready. So a naive abort sends everything to the bad model, and a percent written while
created == ready == stable can move the pointer back to an older model (measured on the real
controllers, KServe v0.20.0):

    silence the old head; every head enters at percent 0; wait until created == ready; only then set or drop
    the percent; and if the pointer wandered, go back to stable first.
"""

from dataclasses import dataclass

from tidegate.core.intent import Intent


@dataclass(frozen=True, slots=True)
class Pointers:
    """KServe's state in our numbers: the head (the revision in the spec) with its percent, the
    latest created, latest ready and rolled-out (pinned) revision, and the head's observed share.
    `caught_up`: the latest created Knative revision was made for this entry of the head, and is
    ready. `steady`: and it is also the pinned one. `stuck`: the latest ready or the pinned one is
    not ready any more; Knative then moves no traffic, whatever the spec says (also to 0 %), until
    the route names others."""

    head: int
    percent: int | None
    pinned: int | None
    caught_up: bool
    steady: bool
    latest_share: int
    stuck: bool = False


@dataclass(frozen=True, slots=True)
class Next:
    """What the spec should say next, or why it stays."""

    head: int
    percent: int | None
    waiting: str = ""


def next_write(intent: Intent, at: Pointers) -> Next:
    """The one next state of (head, percent) on the way to the intent; the same state when
    waiting."""
    assert intent.stable is not None
    if intent.candidate is None:
        return _settle(intent.stable, at)
    if at.head == intent.candidate and at.pinned != intent.stable:
        return _settle(intent.stable, at)  # the pointer wandered: back to stable first
    if at.head != intent.candidate:
        # A candidate enters only from rest: stable at the head, everything pinned to it.
        at_stable = at.head == intent.stable and at.steady and at.percent is None
        if at_stable:
            return _enter(intent.candidate, at)
        return _settle(intent.stable, at)
    if not at.caught_up:
        silent = Next(at.head, 0, f"r{at.head} starts")
        if at.percent:
            return silent
        return Next(at.head, at.percent, silent.waiting)
    return Next(at.head, intent.candidate_traffic.percent)


def _settle(stable: int, at: Pointers) -> Next:
    """Bring `stable` to the head and to all of the traffic."""
    if at.head != stable:
        return _enter(stable, at)
    if at.percent is None:
        waiting = ""
        if not at.steady:
            waiting = f"r{stable} starts"
        return Next(stable, None, waiting)
    if not at.caught_up:
        return Next(stable, at.percent, f"r{stable} starts")
    return Next(stable, None)


def _enter(newcomer: int, at: Pointers) -> Next:
    """Bring `newcomer` to the head at percent 0, once the old head is silent."""
    # Nothing was ever rolled out: a percent would be ignored, and there is no traffic
    if at.pinned is None:
        return Next(newcomer, None)
    if at.percent is None:
        if not at.caught_up or at.steady:
            return Next(newcomer, 0)
        # A promotion in flight: the pointer follows when the head has everything. One that still is
        # at stable stays there at 0 %, or is moved back by KServe; any other would be moved to
        # where nobody wants it.
        if at.pinned == newcomer:
            return Next(at.head, 0, f"r{at.head} loses its share")
        return Next(at.head, None, f"r{at.head} settles")
    if at.percent > 0:
        return Next(at.head, 0, f"r{at.head} loses its share")
    # One that is stuck never loses it while it is the head
    if at.latest_share > 0 and not at.stuck:
        return Next(at.head, 0, f"r{at.head} loses its share")
    return Next(newcomer, 0)
