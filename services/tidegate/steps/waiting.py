"""Waiting for a rollout: look, say what changed, send a heartbeat, sleep until something
happens."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from tidegate.client import ApiProblem
from tidegate.schemas import responses as out
from tidegate.steps import reading
from tidegate.steps.errors import StepFailed
from tidegate.steps.service import Bell, Service

INTERVAL_S = 15.0  # at least, where events bring nothing
LONG_S = 600.0  # a wait that says nothing for longer is said again
FAST_S = 1.0  # between readings where there are no events


@dataclass(slots=True)
class Watch:
    """One rollout, until something holds. limit: seconds for the whole task, 0: none. heartbeats:
    whether the task stands for its pipeline."""

    service: Service
    say: Callable[[str], None]
    limit: float = 0.0
    clock: Callable[[], float] = time.monotonic
    began: float = 0.0
    _heartbeat_at: float = 0.0
    _said: tuple[object, ...] = ()
    _said_at: float = 0.0

    def __post_init__(self) -> None:
        self.began = self.clock()

    def until(
        self, rollout: out.RolloutOut, holds: Callable[[out.RolloutOut], bool]
    ) -> out.RolloutOut:
        """The first reading in which it holds, beginning with the one that was taken. Raises
        StepFailed when time is up, ApiProblem."""
        if holds(rollout):
            self._tell(rollout)
            return rollout
        bell = self.service.bell(rollout.namespace, rollout.endpoint)
        try:
            while not holds(rollout):
                self._tell(rollout)
                self._heartbeat(rollout)
                self._check_limit(rollout)
                self._rest(rollout, bell)
                if bell.broken:  # its token was renewed, or the service was away for long
                    bell.close()
                    bell = self.service.bell(rollout.namespace, rollout.endpoint)
                rollout = self.observe(rollout.id)
        finally:
            bell.close()
        self._tell(rollout)
        return rollout

    def observe(self, rollout_id: str) -> out.RolloutOut:
        """One reading; a service that is away is waited for as long as the task may last."""
        if self.limit:
            left = max(self.limit - (self.clock() - self.began), 0.0)
        else:
            left = float("inf")
        return self.service.ask(lambda client: client.rollout(rollout_id), left)

    def _tell(self, rollout: out.RolloutOut) -> None:
        mark = reading.mark(rollout)
        now = self.clock()
        if mark != self._said or now - self._said_at >= LONG_S:
            self._said = mark
            self._said_at = now
            self.say(reading.line(rollout))

    def _heartbeat(self, rollout: out.RolloutOut) -> None:
        """A heartbeat, four times in a gap; one that is lost is made up for by the next."""
        guard = rollout.guard
        if guard is None or reading.ended(rollout) or self.clock() < self._heartbeat_at:
            return
        self._heartbeat_at = self.clock() + min(guard.heartbeat_timeout_seconds / 4, 60.0)
        send(self.service, rollout.id, release=False)

    def _rest(self, rollout: out.RolloutOut, bell: Bell) -> None:
        seconds = INTERVAL_S
        if rollout.guard:
            seconds = min(seconds, max(self._heartbeat_at - self.clock(), 0.1))
        if self.limit:
            seconds = min(seconds, max(self.began + self.limit - self.clock(), 0.1))
        if bell.broken:
            self.service.sleep(min(seconds, FAST_S))
        else:
            bell.wait(seconds)

    def _check_limit(self, rollout: out.RolloutOut) -> None:
        if self.limit and self.clock() - self.began >= self.limit:
            raise StepFailed(
                f"timed out after {self.limit:.0f} s: {reading.line(rollout)}; {after(rollout)}"
            )


def send(service: Service, rollout_id: str, *, release: bool) -> None:
    """One heartbeat. What has ended needs none, and a service that is away will get the next."""
    try:
        service.ask(lambda client: client.heartbeat(rollout_id, release=release), 5.0)
    except ApiProblem as problem:
        if problem.status not in (404, 409, 429, 502, 503, 504):
            raise
    except StepFailed:
        pass


def after(rollout: out.RolloutOut) -> str:
    """What becomes of a rollout whose task ends before it."""
    guard = rollout.guard
    if guard is None:
        return "the rollout goes on, guarded by its own deadlines"
    what = {"continue": "goes on", "pause": "pauses", "abort": "goes back to stable"}[
        guard.on_heartbeat_timeout
    ]
    return (
        f"without a further task the rollout {what} after {guard.heartbeat_timeout_seconds:.0f} s"
    )
