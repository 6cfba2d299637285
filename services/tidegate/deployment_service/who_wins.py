"""Who wins when a person moves traffic: pure decisions over the current intent, the running rollout and its wishes.

Toward stable always works. Upward by hand needs a `manual` rollout or a takeover. Promoting a rollout that waits for a
person is that person's answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from tidegate.core.errors import Problem, Remediation
from tidegate.core.intent import Intent
from tidegate.core.phases import waits_for_person
from tidegate.core.rollout import STARTING, HoldKind, Progress, Rollout, Wish, WishKind
from tidegate.core.rules import NAME_CANDIDATE
from tidegate.core.strategy import Kind
from tidegate.store.values import StoredRollout
from tidegate.web.problems import ApiError, refused

PROMOTE = 100
_HOME = frozenset({WishKind.ABORT, WishKind.REJECT, WishKind.SUPERSEDE})


@dataclass(frozen=True, slots=True)
class Running:
    """A rollout that has not ended, with the wishes that its pilot has not seen yet."""

    stored: StoredRollout
    pending: tuple[Wish, ...] = ()

    @property
    def rollout(self) -> Rollout:
        """As it was asked for."""
        return self.stored.rollout

    @property
    def progress(self) -> Progress:
        """Where it stands."""
        return self.stored.progress

    @property
    def by_hand(self) -> bool:
        """Whether a person sets its percent, also when the pilot has yet to consume the takeover."""
        if self.rollout.strategy.kind is Kind.MANUAL:
            return True
        taken = self.progress.takeover is not None
        for wish in self.pending:
            taken = wish.kind is WishKind.TAKEOVER or (taken and wish.kind is not WishKind.RESUME)
        return taken

    @property
    def leaving(self) -> str:
        """Why it goes home or has been decided, also when the pilot has yet to hear of it; "" while it is open."""
        if self.progress.ending is not None:
            return f"{self.progress.ending}: {self.progress.ending_why}"
        return next((f"{wish.kind} by {wish.author}" for wish in self.pending if wish.kind in _HOME), "")

    @property
    def paused(self) -> bool:
        """Whether a person's pause stands."""
        hold = self.progress.hold
        return hold is not None and hold.kind is HoldKind.PAUSED


@dataclass(frozen=True, slots=True)
class Change:
    """What a percent by hand means. percent: for the next intent, None: no intent. wishes: for the pilot, in this
    order. promotes: needs If-Match. toward_stable: a stale If-Match does not matter."""

    percent: int | None = None
    wishes: tuple[WishKind, ...] = ()
    promotes: bool = False
    toward_stable: bool = False


def change_percent(asked: int | None, intent: Intent, running: Running | None, *, takeover: bool) -> Change:
    """What `canary_percent` asks for; None and 100 are the promotion. Raises ApiError (409, 422)."""
    if running is None:
        if intent.candidate is None:
            raise no_candidate()
        if asked is not None and asked <= intent.posture.percent:  # its rollout ended in this moment
            return Change(asked, toward_stable=True)
        problem = Problem(
            "/canary_percent", "the rollout of this candidate has ended", Remediation("start another one")
        )
        raise refused(409, "no-rollout", problem)
    if running.progress.ending is not None:
        raise ending(running)
    if asked is None or asked == PROMOTE:
        return promote(running, takeover=takeover)
    now = intent.posture.percent if intent.candidate == running.rollout.candidate else 0
    if asked <= now:
        quiet = running.by_hand or running.paused
        lowered = asked if asked < now else None
        return Change(lowered, () if quiet or lowered is None else (WishKind.PAUSE,), toward_stable=True)
    if running.leaving:
        raise ending(running)
    if running.by_hand:
        return Change(asked)
    if takeover:
        return Change(asked, (WishKind.TAKEOVER,))
    raise needs_takeover(running, f"raise the percent from {now} to {asked}")


def promote(running: Running, *, takeover: bool) -> Change:
    """What promoting means: a person's answer where one is waited for, else a takeover first."""
    if running.leaving:
        raise ending(running)
    trying = running.rollout.strategy.kind is Kind.AB and running.progress.step > STARTING  # a person may always end it
    if running.by_hand or trying or waits_for_person(running.rollout, running.progress):
        return Change(None, (WishKind.PROMOTE,), promotes=True)
    if takeover:
        return Change(None, (WishKind.TAKEOVER, WishKind.PROMOTE), promotes=True)
    raise needs_takeover(running, "promote")


def needs_takeover(running: Running, what: str) -> ApiError:
    """409: the pilot drives."""
    kind = running.rollout.strategy.kind.value
    problem = Problem(
        "takeover",
        f"cannot {what} by hand: rollout {running.rollout.id} ({kind}) moves the traffic by its plan",
        Remediation("take it over under your name, or wait for it", "repeat with ?takeover=true", "--takeover"),
    )
    return refused(409, "pilot-drives", problem)


def ending(running: Running) -> ApiError:
    """409: the rollout has been decided."""
    problem = Problem(
        "rollout",
        f"rollout {running.rollout.id} is already ending ({running.leaving})",
        Remediation("wait until it has, then undo or start another"),
    )
    return refused(409, "rollout-ending", problem)


def no_candidate() -> ApiError:
    """422: a percent of nothing."""
    problem = Problem("/canary_percent", "there is no candidate to send traffic to", NAME_CANDIDATE)
    return refused(422, "no-candidate", problem)


def second_candidate(running: Sequence[Running]) -> ApiError:
    """409: one trial at a time."""
    first = running[0].rollout
    problem = Problem(
        "supersede",
        f"rollout {first.id} ({first.strategy.kind.value} of r{first.candidate}) is still running",
        Remediation(
            "wait for it, abort it, or replace it: it is aborted, and this one starts after it",
            "repeat with ?supersede=true",
            "--supersede",
        ),
    )
    return refused(409, "rollout-running", problem)
