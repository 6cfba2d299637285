"""KServe's InferenceService controller, both modes (v0.20.0 as read and measured).

One pass per InferenceService: choose the runtime, write the children of its mode, copy what they
say into the status. A refused child (Knative's or KEDA's webhook) ends the pass with an event, and
the status stays old.
"""

from collections.abc import Sequence
from typing import Any

from tidegate_local.played import kserve_knative, kserve_standard
from tidegate_local.played.admission import mode_of
from tidegate_local.played.api import ISVC, POD
from tidegate_local.played.conditions import Condition, condition, ready_from, stamped
from tidegate_local.played.kserve_shape import ISVC_LABEL, runtime_name, runtime_problem
from tidegate_local.played.objects import Object, timestamp
from tidegate_local.played.pods import failure
from tidegate_local.played.workloads import is_ready
from tidegate_local.played.world import World

NOT_RUN = frozenset({"transformer", "explainer", "canary"})


def reconcile(world: World) -> None:
    """One pass over every InferenceService."""
    for isvc in world.objects.list(ISVC):
        for field in sorted(NOT_RUN & set(isvc["spec"])):
            world.event(isvc, f"spec.{field} is not run by the local plane; only the predictor is")
        problem = runtime_problem(isvc, world.settings)
        if problem:
            _invalid(world, isvc, *problem)
            continue
        mode = mode_of(isvc, world.settings.default_mode)
        if mode == "Standard":
            result = kserve_standard.reconcile(world, isvc)
        elif mode == "Knative":
            result = kserve_knative.reconcile(world, isvc)
        else:
            world.event(isvc, f"deployment mode {mode} is not run here; use Standard or Knative")
            continue
        if result is not None:
            status, conditions = result
            _report(world, isvc, {**status, "deploymentMode": mode}, conditions)


def _invalid(world: World, isvc: Object, reason: str, message: str) -> None:
    old = isvc.get("status", {})
    info = {"reason": reason, "message": message}
    model = {"transitionStatus": "InvalidSpec", "lastFailureInfo": info}
    mode = mode_of(isvc, world.settings.default_mode)
    status = {**old, "deploymentMode": mode, "modelStatus": {**old.get("modelStatus", {}), **model}}
    conditions = old.get("conditions") or stamped(
        (), [condition("PredictorReady", None), condition("Ready", None)], world.now
    )
    world.objects.set_status(isvc, {**status, "conditions": conditions})
    world.event(isvc, f"{reason}: {message}")


def _report(world: World, isvc: Object, status: dict[str, Any], parts: Sequence[Condition]) -> None:
    """Ready depends on PredictorReady and IngressReady only (STAT)."""
    living = [part for part in parts if part["type"] in ("PredictorReady", "IngressReady")]
    ready = ready_from(living)
    conditions = stamped(isvc.get("status", {}).get("conditions", ()), [*parts, ready], world.now)
    runtime = ""
    if "model" in isvc["spec"]["predictor"]:
        runtime = runtime_name(isvc, world.settings)
    model = _model_status(world, isvc, status, ready["status"] == "True")
    whole = {
        **status,
        "clusterServingRuntimeName": runtime,
        "conditions": conditions,
        "modelStatus": model,
    }
    world.objects.set_status(isvc, whole)


def _model_status(
    world: World, isvc: Object, status: dict[str, Any], ready: bool
) -> dict[str, Any]:
    """modelStatus looks at the first pod only."""
    metadata = isvc["metadata"]
    pods = world.objects.list(POD, metadata["namespace"], {ISVC_LABEL: metadata["name"]})
    latest = status.get("components", {}).get("predictor", {}).get("latestCreatedRevision")
    if latest:
        pods = [
            pod
            for pod in pods
            if pod["metadata"]["labels"].get("serving.knative.dev/revision") == latest
        ]
    copies = {"failedCopies": 0, "totalCopies": sum(map(is_ready, pods))}
    if ready:
        states = {"activeModelState": "Loaded", "targetModelState": "Loaded"}
        return {"transitionStatus": "UpToDate", "states": states, "copies": copies}
    before = isvc.get("status", {}).get("modelStatus", {})
    active = before.get("states", {}).get("activeModelState", "")
    failed = None
    if pods:
        failed = failure(pods[0])
    if failed is None:
        states = {"activeModelState": active, "targetModelState": "Loading" if pods else "Pending"}
        return {"transitionStatus": "InProgress", "states": states, "copies": copies}
    states = {"activeModelState": active, "targetModelState": "FailedToLoad"}
    info = {
        "reason": "ModelLoadFailed",
        "message": failed["message"] or failed["reason"],
        "exitCode": failed.get("exitCode", 1),
        "modelRevisionName": latest or "",
        "time": before.get("lastFailureInfo", {}).get("time", timestamp(world.now)),
    }
    copies["failedCopies"] = 1
    return {
        "transitionStatus": "BlockedByFailedLoad",
        "states": states,
        "copies": copies,
        "lastFailureInfo": info,
    }
