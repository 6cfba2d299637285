"""No request reached an endpoint in a step: which address nobody called. Pure."""

from tidegate.core.observation import Observation
from tidegate.core.rollout import Progress
from tidegate.core.strategy import Step, Until
from tidegate.core.turn import Turn


def nobody_called(progress: Progress) -> bool:
    """Whether neither revision answered in the present step, as far as that was counted."""
    blocks = [each.step for each in progress.analysis.verdicts if each.metric.can_pass]
    return bool(blocks) and not any(block.candidate.n or block.stable.n for block in blocks)


def message(turn: Turn, step: Step) -> str | None:
    """`no request reached http://… in this step`; None where some did, or where the step waits for
    no request."""
    if step.until is Until.APPROVAL or not nobody_called(turn.progress):
        return None
    if not turn.progress.step.baked:
        return None  # nothing has been counted yet
    return sentence(turn.observation)


def sentence(observation: Observation) -> str:
    """One line for people."""
    address = observation.address or "the endpoint"
    return f"no request reached {address} in this step"
