"""No request reached an endpoint in a step: which address nobody called. Pure."""

from tidegate.core.observation import Observation
from tidegate.core.rollout import Progress
from tidegate.core.strategy import Step, Until
from tidegate.core.turn import Turn

LEAST = 60.0  # seconds that were counted before anybody says so


def nobody_called(progress: Progress) -> bool:
    """Whether neither revision got a request since the split of the step shows. Not where nothing
    was counted, or not for long."""
    split = progress.analysis.evidence.split
    return split.seconds >= LEAST and not split.candidate.n and not split.stable.n


def message(turn: Turn, step: Step) -> str | None:
    """`no request reached http://… in this step`; None where some did, or where the step waits for
    no request."""
    if step.until is Until.APPROVAL or not nobody_called(turn.progress):
        return None
    return sentence(turn.observation)


def sentence(observation: Observation) -> str:
    """One line for people."""
    address = observation.address or "the endpoint"
    return f"no request reached {address} in this step"
