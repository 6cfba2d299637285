"""How long a step may wait for enough requests, what happens then, and what was accepted. Values
only; `accepting` decides by them."""

from dataclasses import dataclass
from enum import StrEnum


class OnTimeBox(StrEnum):
    """What the end of a time box does, where the step still lacks requests."""

    PAUSE = "pause"
    ABORT = "abort"
    ACCEPT = "accept"  # the stated bound, if the tenant's policy allows so much; else pause


@dataclass(frozen=True, slots=True)
class TimeBox:
    """seconds: observed, of waiting for enough requests in one step. most_points: the largest bound
    that the tenant's policy accepted when the rollout started, in percent points; None: none."""

    seconds: float
    then: OnTimeBox = OnTimeBox.PAUSE
    most_points: float | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """A step that ended by a stated bound instead of a verdict.

    step: its number, from 1. by: the approver, or the tenant's policy. at: epoch seconds. points:
    by how much the candidate may be worse, in percent points; None: no bound could be stated.
    requests: of the candidate in the step. statement: all of it in a line for people.
    """

    step: int
    by: str
    at: float
    points: float | None
    requests: int
    statement: str


@dataclass(frozen=True, slots=True)
class Allowance:
    """What the candidate has used of its plan, and what was granted beyond it. exposed: its
    requests in this rollout, where the plan limits them. exposed_from: the same when a person last
    granted as many again (`exposure`). accepted: bounds, oldest first."""

    exposed: int = 0
    exposed_from: int = 0
    accepted: tuple[Accepted, ...] = ()

    def has(self, step: int) -> bool:
        """Whether the bound of a step was accepted. step: its number, from 1."""
        return any(each.step == step for each in self.accepted)
