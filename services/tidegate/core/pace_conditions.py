"""Conditions of a rollout that waits for requests, or got as many as it may have. Pure."""

from collections.abc import Iterator

from tidegate.core import accepting, exposure, no_traffic
from tidegate.core.conditions import Code, Condition, Param
from tidegate.core.intent import EndpointKey
from tidegate.core.observation import Observation
from tidegate.core.phases import current_step
from tidegate.core.rollout import PauseKind, Progress, Rollout, WaitsFor
from tidegate.core.strategy import Until

_WAITS = (PauseKind.NO_DATA, PauseKind.TIME_BOX)


def conditions(
    key: EndpointKey, rollout: Rollout, progress: Progress, observation: Observation
) -> Iterator[Condition]:
    """What holds of the acting rollout."""
    pause = progress.pause
    number = progress.step.index + 1
    if pause is not None and pause.kind is PauseKind.EXPOSED:
        params: dict[str, Param] = {
            "requests": exposure.exposed(progress),
            "most": rollout.strategy.max_exposed or 0,
            "remediation": exposure.advice(key, rollout, progress),
        }
        message = f"r{rollout.candidate} reached max_exposed_requests without a verdict"
        yield Condition(Code.MAX_EXPOSED, message, params)
    if pause is not None and pause.kind is PauseKind.TIME_BOX:
        params = {"step": number, "remediation": accepting.advice(key, rollout, progress)}
        points = accepting.worst(progress)
        if points is not None:
            params["points"] = points
        yield Condition(Code.TIME_BOX, f"the time box of step {number} is over", params)
    if _waits_for_requests(rollout, progress) and no_traffic.nobody_called(progress):
        params = {
            "address": observation.address or "",
            "remediation": "send requests there, or end the rollout",
        }
        yield Condition(Code.NO_TRAFFIC, no_traffic.sentence(observation), params)


def _waits_for_requests(rollout: Rollout, progress: Progress) -> bool:
    step = current_step(rollout, progress)
    if step is None or step.until is Until.APPROVAL or progress.end.toward is not None:
        return False
    if progress.pause is not None:
        return progress.pause.kind in _WAITS
    return progress.wait.kind is WaitsFor.DATA
