"""What Argo does with a task's retry, by hand: the numbers of a template as KFP's compiler writes
them into a retryStrategy, and the decisions of Argo's controller over the life of a task.

Sources: kubeflow/pipelines 2.17 argocompiler/container.go (what is left out becomes "0") and
third-party/argo workflow-controller-configmap (templateDefaults); argo-workflows 4.0
workflow/controller/operator.go (processNodeRetries, mergedTemplateDefaultsInto, inferFailedReason,
podReconciliation) and workflowpod.go (executionDeadline).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

Json = dict[str, Any]


class Policy(StrEnum):
    """Which ends of an attempt are retried."""

    ON_FAILURE = "OnFailure"  # Argo's own, where nobody sets one
    ON_ERROR = "OnError"
    ALWAYS = "Always"


class Phase(StrEnum):
    """How Argo counts the end of a pod."""

    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    ERROR = "Error"


class Cause(StrEnum):
    """Why an attempt ended before its time."""

    KILLED = "a container was killed (137)"
    DELETED = "a pod was deleted, and Argo saw it end (143)"
    EVICTED = "a node was drained, or the pod evicted"
    GONE = "a pod was gone before Argo saw it end"
    NODE_LOST = "a node was lost"


PHASES = {
    Cause.KILLED: Phase.FAILED,
    Cause.DELETED: Phase.FAILED,
    Cause.EVICTED: Phase.FAILED,
    Cause.GONE: Phase.ERROR,
    Cause.NODE_LOST: Phase.ERROR,
}


@dataclass(frozen=True)
class Strategy:
    """Argo's retryStrategy of a pod's template. Durations in seconds; maximum None: not set."""

    limit: int
    policy: Policy = Policy.ON_FAILURE
    duration: float | None = None
    factor: float = 1.0
    maximum: float | None = None


@dataclass(frozen=True)
class Interruption:
    """After seconds of an attempt that runs, for this cause."""

    after: float
    cause: Cause


@dataclass(frozen=True)
class Ended:
    """How a task ended. starts: seconds after the first start, of each attempt. why: Argo's
    words."""

    phase: Phase
    starts: tuple[float, ...]
    message: str = ""


def compiled(task: Json) -> Strategy | None:
    """The strategy that KFP makes of a task of a template; None: it has none."""
    policy = task.get("retryPolicy")
    if policy is None:
        return None
    return Strategy(
        int(policy.get("maxRetryCount", 0)),
        duration=_seconds(policy.get("backoffDuration")),
        factor=float(int(policy.get("backoffFactor", 0))),
        maximum=_seconds(policy.get("backoffMaxDuration")),
    )


def merged(strategy: Strategy | None, defaults: Strategy | None) -> Strategy | None:
    """Under a controller's templateDefaults: what a template does not say is the default's. KFP
    writes no policy, so that of the defaults holds."""
    if defaults is None:
        return strategy
    if strategy is None:
        return defaults
    return replace(strategy, policy=defaults.policy)


def life(
    strategy: Strategy | None, needs: float, timeout: float, interruptions: Sequence[Interruption]
) -> Ended:
    """A task that needs so many seconds from its first start, in pods that Kubernetes ends after
    `timeout`. Each attempt meets the next interruption, if it runs for so long. An attempt goes on
    where the one before was: what is waited for happens meanwhile."""
    waiting = list(interruptions)
    starts: list[float] = []
    now = 0.0
    while True:
        starts.append(now)
        left = min(needs - now, timeout)
        phase = Phase.SUCCEEDED
        if needs - now > timeout:
            phase = Phase.FAILED
        if waiting and waiting[0].after < left:
            interruption = waiting.pop(0)
            left = interruption.after
            phase = PHASES[interruption.cause]
        deadline = _execution_deadline(strategy, len(starts))
        if now + left > deadline:
            left = deadline - now
            phase = Phase.FAILED
        now += max(left, 0.0)
        if phase is Phase.SUCCEEDED:
            return Ended(phase, tuple(starts))
        pause, message = _decide(strategy, phase, len(starts), now)
        if pause is None:
            return Ended(phase, tuple(starts), message)
        now += pause


def _decide(
    strategy: Strategy | None, phase: Phase, attempts: int, now: float
) -> tuple[float | None, str]:
    """The pause before the next attempt, or Argo's words for the end; in its own order."""
    if strategy is None:
        return None, "no retryStrategy"
    pause = 0.0
    if strategy.duration is not None:
        if strategy.maximum is not None and now >= strategy.maximum:
            return None, "Max duration limit exceeded"
        pause = strategy.duration
        if strategy.factor > 0:
            pause *= strategy.factor ** (attempts - 1)
        if strategy.maximum is not None and now + pause > strategy.maximum:
            return None, "Backoff would exceed max duration limit"
    retried = {
        Policy.ON_FAILURE: phase is Phase.FAILED,
        Policy.ON_ERROR: phase is Phase.ERROR,
        Policy.ALWAYS: True,
    }[strategy.policy]
    if not retried:
        return None, "Node not set to be retried"
    if attempts > strategy.limit:
        return None, "No more retries left"
    return pause, ""


def _execution_deadline(strategy: Strategy | None, attempts: int) -> float:
    """When the wait container ends an attempt: never the first one."""
    if strategy is None or strategy.maximum is None or attempts == 1:
        return math.inf
    return strategy.maximum


def _seconds(duration: str | None) -> float:
    """Of a protobuf duration. Left out, KFP's parameter has the default "0"."""
    if duration is None:
        return 0.0
    return float(duration.removesuffix("s"))
