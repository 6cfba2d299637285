"""The status that a reconcile leaves behind: what was seen, with a condition for everything that
somebody may ask."""

from collections.abc import Iterator
from dataclasses import replace

from tidegate.core import consequences, drift, pace_conditions, trial
from tidegate.core.conditions import Code, Condition, Param
from tidegate.core.intent import Intent
from tidegate.core.observation import Observation
from tidegate.core.on_fail import OnFail
from tidegate.core.phases import phase
from tidegate.core.result import Kind, Result
from tidegate.core.rollout import PauseKind, WouldHave
from tidegate.core.status import (
    EndpointPhase,
    EndpointStatus,
    message_of,
    phase_of,
    waiting_of,
)
from tidegate.core.steering import Decided
from tidegate.core.traffic import describe, desired, same

LONGEST = 200  # characters of an exception's message


def report(result: Result) -> EndpointStatus:
    """The status after a pass and its writes."""
    observation = result.observation
    conditions = _conditions(result)
    return EndpointStatus(
        phase=phase_of(conditions),
        message=message_of(conditions),
        generation=observation.stamp.generation,
        traffic=observation.traffic,
        settled=observation.settled,
        live=observation.live,
        waiting=waiting_of(conditions),
        drift=result.drift,
        urls=(observation.address,) if observation.address else (),
        requests_per_second=result.rates.requests_per_second,
        error_rate=result.rates.error_rate,
        refusals=result.failed_writes,
        conditions=conditions,
    )


def unreachable(before: EndpointStatus, detail: str) -> EndpointStatus:
    """The status while the cluster does not answer: what was known, and that."""
    return _instead(
        before,
        Condition(Code.CLUSTER_UNREACHABLE, f"the cluster does not answer: {detail}"),
    )


def fault(before: EndpointStatus, error: Exception) -> EndpointStatus:
    """The status after a fault of our own: what was known, and that."""
    detail = str(error).partition("\n")[0][:LONGEST]
    message = f"a fault of Tidegate, please report it; the worker's log has more: {type(error).__name__}: {detail}"
    return _instead(before, Condition(Code.TIDEGATE_FAULT, message))


def without_intent() -> EndpointStatus:
    """The status of an endpoint that nobody has said anything of."""
    return EndpointStatus(phase=EndpointPhase.UNKNOWN)


def _instead(before: EndpointStatus, condition: Condition) -> EndpointStatus:
    conditions = (condition,)
    return replace(
        before,
        phase=phase_of(conditions),
        message=condition.message,
        conditions=conditions,
    )


def _conditions(result: Result) -> tuple[Condition, ...]:
    """The most important first: stable, the rollout, what waits, then the summary."""
    intent = result.intent
    observation = result.observation
    if result.kind in (Kind.FENCED, Kind.BLOCKED):
        return result.conditions
    if result.kind is Kind.GONE:
        return (*result.conditions, Condition(Code.GONE, "nothing is left"))
    rollout = _rollout(intent, observation, result.acting)
    if intent.stable is None:
        return (*rollout, *result.conditions, Condition(Code.DELETING, "objects go"))
    summary = _summary(intent, observation)
    failing = _stable_failing(intent.stable, observation)
    aside = rollout
    if summary.code is not Code.SERVING:
        aside = (*failing, *rollout)
    return (*aside, *result.conditions, *drift.conditions(result.drift), summary)


def _rollout(
    intent: Intent, observation: Observation, acting: Decided | None
) -> tuple[Condition, ...]:
    """What the acting rollout does, or waits for."""
    if acting is None or not acting.message:
        return ()
    progress = acting.progress
    params: dict[str, Param] = {
        "rollout": acting.rollout.id,
        "phase": phase(acting.rollout, progress).value,
        "waits_for": progress.wait.kind.value,
    }
    return (
        Condition(Code.ROLLOUT, acting.message, params),
        *_too_small(acting),
        *pace_conditions.conditions(intent.key, acting.rollout, progress, observation),
        *_failed(acting),
        *_would(acting),
    )


def _too_small(acting: Decided) -> tuple[Condition, ...]:
    """That the acting rollout is paused because its candidate is too small."""
    pause = acting.progress.pause
    candidate = acting.rollout.candidate
    if pause is None or pause.kind is not PauseKind.TOO_SMALL:
        return ()
    message = f"r{candidate} is too small for its share"
    return (Condition(Code.CANDIDATE_TOO_SMALL, message, {"revision": candidate}),)


def _failed(acting: Decided) -> Iterator[Condition]:
    """The metrics that failed without an abort: the plan says pause, or notify."""
    if acting.progress.outcome is not None or acting.rollout.trial:
        return
    for on_fail in (OnFail.PAUSE, OnFail.NOTIFY):
        for each in consequences.failed(acting.progress, on_fail):
            metric = consequences.name(each)
            params: dict[str, Param] = {
                "metric": metric,
                "on_fail": on_fail.value,
                "revision": acting.rollout.candidate,
            }
            message = f"{metric} failed ({on_fail}): {each.message}"
            yield Condition(Code.METRIC_FAILED, message, params)


def _would(acting: Decided) -> Iterator[Condition]:
    """What would have been done, where the tenant is in trial."""
    for would in acting.progress.would:
        code = Code.WOULD_HAVE_PAUSED
        if would.action is WouldHave.ABORTED:
            code = Code.WOULD_HAVE_ABORTED
        params: dict[str, Param] = {
            "step": would.step,
            "percent": would.percent,
            "requests": would.requests,
        }
        yield Condition(code, trial.sentence(would), params)


def _stable_failing(stable: int, observation: Observation) -> tuple[Condition, ...]:
    failure = observation.failure(stable)
    if not failure or observation.ready(stable):
        return ()
    params: dict[str, Param] = {"revision": stable, "detail": failure}
    return (Condition(Code.STABLE_FAILING, f"r{stable}: {failure}", params),)


def _summary(intent: Intent, observation: Observation) -> Condition:
    """What is missing first, or that nothing is."""
    number = intent.stable
    target = desired(intent)
    stable = observation.of(number)
    if stable is None:
        return Condition(Code.STABLE_MISSING, f"r{number} is being made")
    if not (stable.ready or stable.idle):
        message = f"r{number} has {stable.ready} of {stable.desired} replicas ready"
        params: dict[str, Param] = {
            "revision": stable.revision,
            "ready": stable.ready,
            "desired": stable.desired,
        }
        return Condition(Code.STABLE_STARTING, message, params)
    if not same(observation.traffic, target):
        routed = describe(observation.traffic)
        message = f"now {routed}, desired {describe(target)}"
        params = {"routed": routed, "desired": describe(target)}
        return Condition(Code.TRAFFIC_DIFFERS, message, params)
    if not observation.settled:
        return Condition(Code.ROUTE_PENDING, "the gateway has not taken the route yet")
    return Condition(Code.SERVING, describe(observation.traffic))
