"""From a task's flags to what the API takes. Pure; the rules of a plan are the service's."""

import argparse
from collections.abc import Iterator, Sequence
from typing import Any

from tidegate.core import bounds, strategy
from tidegate.core.intent import HeaderMatch
from tidegate.core.strategy import Step, Strategy, Until
from tidegate.steps.arguments import ON_HEARTBEAT_TIMEOUT, ON_TIME_BOX, STRATEGIES
from tidegate.steps.errors import UsageError

Json = dict[str, Any]
APPROVAL = Until.APPROVAL.value
_FLAGS = {  # the service's field, where it is not the flag's name
    "steps": "percents",
    "bake_seconds": "bake-seconds",
    "match": "header",
    "mirror_percent": "mirror-percent",
    "side_effects": "side-effects",
    "model_version_id": "model-version",
    "model_id": "model-id",
    "fail_margin": "fail-margin",
    "pass_margin": "pass-margin",
    "min_requests": "min-requests",
    "latency_threshold_ms": "latency-threshold-ms",
    "noise_window_seconds": "noise-window-seconds",
    "decision_timeout_seconds": "decision-timeout-seconds",
    "ready_seconds": "ready-seconds",
    "data_seconds": "data-seconds",
    "undo_seconds": "undo-seconds",
    "max_exposed_requests": "max-exposed-requests",
    "time_box_seconds": "time-box-seconds",
    "on_time_box": "on-time-box",
    "heartbeat_timeout_seconds": "heartbeat-timeout-seconds",
    "minReplicas": "min-replicas",
    "maxReplicas": "max-replicas",
    "runtimeVersion": "runtime-version",
    "protocolVersion": "protocol",
    "canary_percent": "percent",
}


def rollout(args: argparse.Namespace) -> Json:
    """The body that starts a rollout. Raises UsageError."""
    _one_of("strategy", args.strategy, STRATEGIES)
    _one_of("on-heartbeat-timeout", args.on_heartbeat_timeout, ON_HEARTBEAT_TIMEOUT)
    if args.on_heartbeat_timeout != "continue" and not args.run_id:
        raise UsageError(
            "--on-heartbeat-timeout needs a --run-id: without one nobody can tell whether the "
            "pipeline is gone"
        )
    _one_of("on-time-box", args.on_time_box, ON_TIME_BOX)
    return {
        **_candidate(args),
        **_plan(args),
        **_pace(args),
        **({"side_effects": args.side_effects} if args.side_effects else {}),
        "analysis": {
            "alpha": args.alpha,
            "noise_window_seconds": args.noise_window_seconds,
            "metrics": _metrics(args),
        },
        "deadlines": {
            "ready_seconds": args.ready_seconds,
            "data_seconds": args.data_seconds,
            "decision_timeout_seconds": args.decision_timeout_seconds,
            "undo_seconds": args.undo_seconds,
        },
        "guard": {
            "on_heartbeat_timeout": args.on_heartbeat_timeout,
            "heartbeat_timeout_seconds": args.heartbeat_timeout_seconds,
        },
        **({"accept_breaking": True} if args.accept_breaking else {}),
        **_run(args),
        "reason": reason(args),
    }


def _plan(args: argparse.Namespace) -> Json:
    """The steps, written out with the stops between them; or the default canary, whose steps the
    service makes from the traffic."""
    if args.strategy == "canary" and not args.percents:
        if args.smoke or args.approval:
            raise UsageError(
                "--percents is empty, so the steps are made from the traffic, and no stop for a "
                "smoke test or an approval fits between them: name percents, or leave those out"
            )
        return {"strategy": args.strategy, "bake_seconds": args.bake_seconds}
    made = _strategy(args)
    return {
        "strategy": {
            "kind": args.strategy,
            "steps": list(_steps(args, made.steps)),
            "ending": made.ending.value,
        }
    }


def _pace(args: argparse.Namespace) -> Json:
    """What bounds it in requests and time, as far as it was asked for."""
    pace: Json = {}
    if args.max_exposed_requests:
        pace["max_exposed_requests"] = args.max_exposed_requests
    if args.time_box_seconds:
        pace["time_box_seconds"] = args.time_box_seconds
        pace["on_time_box"] = args.on_time_box
    return pace


def endpoint(args: argparse.Namespace, name: str) -> Json:
    """The body that makes an endpoint. Raises UsageError."""
    if not (args.model_version and args.model_id):
        missing = "model-id"
        if not args.model_version:
            missing = "model-version"
        raise UsageError(f"--{missing} is missing: an endpoint begins with a version of a model")
    return {
        "name": name,
        "model_id": args.model_id,
        "model_version_id": args.model_version,
        **({"mode": args.mode} if args.mode else {}),
        **({"runtime": args.runtime} if args.runtime else {}),
        "autoscaling": {
            "minReplicas": args.min_replicas,
            "maxReplicas": args.max_replicas,
            "keda": args.keda,
        },
        **_runtime(args),
        **_run(args),
        "reason": reason(args),
    }


def reason(args: argparse.Namespace) -> str:
    """What a person said, and which run it was, for people; the run, which `run_id` names too, is
    left out where both are too long."""
    parts = [args.reason, f"pipeline run {args.run_id}" if args.run_id else ""]
    whole = "; ".join(part for part in parts if part)
    if len(whole) > bounds.REASON_LENGTH:
        return str(args.reason)
    return whole


def _run(args: argparse.Namespace) -> Json:
    """Which run it is: a run knows by it what it has made."""
    if not args.run_id:
        return {}
    return {"run_id": args.run_id}


def flag(pointer: str) -> str:
    """The flag that the service's pointer means: `/analysis/metrics/errors/fail_margin` →
    `fail-margin`."""
    parts = [part for part in pointer.strip("/").split("/") if not part.isdecimal()]
    if parts[:2] == ["strategy", "steps"]:
        return {"percent": "percents", "match": "header"}.get(
            parts[-1], _FLAGS.get(parts[-1], parts[-1])
        )
    if parts:
        return _FLAGS.get(parts[-1], parts[-1].replace("_", "-"))
    return pointer


def _candidate(args: argparse.Namespace) -> Json:
    if args.revision:
        return {"revision": args.revision}
    if not args.model_version:
        raise UsageError(
            "--model-version is missing: name the version to try, or a --revision that exists"
        )
    result = {
        "model_version_id": args.model_version,
        "model_id": args.model_id,
        "runtime": args.runtime,
    }
    return {**{key: value for key, value in result.items() if value}, **_runtime(args)}


def _runtime(args: argparse.Namespace) -> Json:
    result = {
        "runtimeVersion": args.runtime_version,
        "gpu": args.gpu,
        "protocolVersion": args.protocol,
    }
    values = {key: value for key, value in result.items() if value}
    if not values:
        return {}
    return {"runtime_config": values}


def _steps(args: argparse.Namespace, steps: Sequence[Step]) -> Iterator[Json]:
    """A stop for the smoke test, the steps, a stop for the approval."""
    if args.smoke:
        size = steps[0].candidate_traffic.replicas_percent
        yield {
            "percent": 0,
            "until": APPROVAL,
            "bake_seconds": 0,
            **({"replicas_percent": size} if size else {}),
        }
    yield from map(_step, steps)
    if args.approval and steps[-1].until is not Until.APPROVAL:
        if args.strategy == "shadow":
            raise UsageError(
                "--approval: a shadow keeps stable, there is no promotion to approve; leave it out"
            )
        yield {**_step(steps[-1]), "until": APPROVAL, "bake_seconds": 0}


def _step(step: Step) -> Json:
    """As the service takes it; what is nothing is left out, but a percent of 0 without anything
    else."""
    candidate_traffic = step.candidate_traffic
    match = [
        {"name": header_match.name, "value": header_match.value}
        for header_match in candidate_traffic.match
    ]
    values = {
        "percent": candidate_traffic.percent,
        "match": match,
        "mirror_percent": candidate_traffic.mirror,
        "replicas_percent": candidate_traffic.replicas_percent,
    }
    parts = {name: value for name, value in values.items() if value}
    if not (match or candidate_traffic.mirror):
        parts["percent"] = candidate_traffic.percent
    return {**parts, "until": step.until.value, "bake_seconds": step.bake}


def _strategy(args: argparse.Namespace) -> Strategy:
    """The plan of `core/strategy.py` that the flags ask for."""
    match args.strategy:
        case "canary":
            return strategy.canary(args.percents, args.bake_seconds)
        case "ab":
            _one_of("ends-by", args.ends_by, (APPROVAL, "evidence"))
            until = Until.PASS
            if args.ends_by == APPROVAL:
                until = Until.APPROVAL
            headers = []
            if args.header:
                headers = [HeaderMatch(*args.header)]
            return strategy.ab(args.percent, headers, args.bake_seconds, until)
        case "blue-green":
            return strategy.blue_green()
        case _:
            return strategy.shadow(args.mirror_percent, args.bake_seconds)


def _metrics(args: argparse.Namespace) -> Json:
    request = {
        "fail_margin": args.fail_margin,
        "pass_margin": args.pass_margin,
        "min_requests": args.min_requests,
    }
    margin = {"fail_margin": args.fail_margin}
    metrics: Json = {"errors": request, "rejections": margin}
    if args.latency_threshold_ms:  # 0: every bucket is compared, which is the default
        metrics["latency"] = {**request, "latency_threshold_ms": args.latency_threshold_ms}
    # Of the user's own experiment, posted to the rollout
    if args.strategy == "ab" and args.ends_by == "evidence":
        metrics["experiment"] = {
            "pass_margin": args.experiment_margin,
            "min_requests": args.min_requests,
        }
    for metric, then in args.on_fail.items():
        metrics[metric] = {**metrics.get(metric, {}), "on_fail": then}
    return metrics


def _one_of(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise UsageError(f"--{name} {value!r} is unknown: use {', '.join(known)}")
