"""What verdicts would have done with rollouts in trial, beside what people did. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from tidegate.core.rollout import Outcome, Would


class TenantMode(StrEnum):
    """Whether verdicts move the traffic of a tenant."""

    ENFORCE = "enforce"
    TRIAL = "trial"  # everything is judged and stored, traffic moves as planned


class Agreement(StrEnum):
    """How both went together."""

    BOTH_PROMOTED = "both-promoted"
    BOTH_STOPPED = "both-stopped"
    FALSE_ALARM = "false-alarm"  # the judge would have stopped what people kept
    MISSED = "missed"  # people stopped what the judge would have let go on
    OPEN = "open"  # it runs, or it ended by neither


# by whether the judge objected
_STOPPED = {True: Agreement.BOTH_STOPPED, False: Agreement.MISSED}
_KEPT = {True: Agreement.FALSE_ALARM, False: Agreement.BOTH_PROMOTED}


@dataclass(frozen=True, slots=True)
class TrialRollout:
    """One rollout in trial. would: in the order in which they would have been done. outcome: None
    while it runs. stopped_by: the person who aborted or rejected it, or undid its promotion; None:
    nobody did. requests: that the candidate answered altogether."""

    id: str
    namespace: str
    endpoint: str
    candidate: int
    created_at: float
    would: tuple[Would, ...]
    outcome: Outcome | None
    stopped_by: str | None
    requests: int

    @property
    def agreement(self) -> Agreement:
        """How the judge and the people went together."""
        objected = bool(self.would)
        if self.stopped_by is not None:
            return _STOPPED[objected]
        if self.outcome is Outcome.PROMOTED:
            return _KEPT[objected]
        return Agreement.OPEN

    @property
    def requests_spared(self) -> int:
        """Requests that the candidate would not have answered: those after the judge's first
        objection, where people stopped it, too."""
        if self.agreement is not Agreement.BOTH_STOPPED:
            return 0
        return max(self.requests - self.would[0].requests, 0)


def counts(rollouts: Sequence[TrialRollout]) -> dict[Agreement, int]:
    """How many of each, all of them named."""
    every = [rollout.agreement for rollout in rollouts]
    return {each: every.count(each) for each in Agreement}
