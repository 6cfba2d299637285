"""What KEDA's admission webhook says of a ScaledObject: its rules for what KServe makes of an
InferenceService (KEDA v2.21.0, apis/keda/v1alpha1/scaledobject_webhook.go and
scaletriggers_types.go; fallbacks and scaling modifiers, which KServe never writes, are left out).
The real webhook is asked the same questions in tests/cluster.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from tidegate_local.played.objects import Object

_LABEL = 63  # KEDA labels its HPA with these names
_RESOURCES = ("cpu", "memory")
_MOST = 100  # maxReplicaCount where none is given


def problem(
    scaled: Object, others: Iterable[Object] = (), autoscalers: Iterable[Object] = ()
) -> str | None:
    """The sentence of a refusal. others, autoscalers: the ScaledObjects and
    HorizontalPodAutoscalers of its namespace."""
    return (
        _triggers(scaled["spec"].get("triggers") or ())
        or _name(scaled)
        or _bounds(scaled["spec"])
        or _taken(scaled, others)
        or _scaled_already(scaled, autoscalers)
    )


def _triggers(triggers: Iterable[Mapping[str, Any]]) -> str | None:
    manifests = list(triggers)
    if not manifests:
        return "no triggers defined in the ScaledObject/ScaledJob"
    names = [trigger["name"] for trigger in manifests if trigger.get("name")]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        return f'triggerName "{twice}" is defined multiple times in the ScaledObject/ScaledJob, but it must be unique'
    cached = next(
        (
            t["type"]
            for t in manifests
            if t.get("useCachedMetrics") and t["type"] in (*_RESOURCES, "cron")
        ),
        None,
    )
    if not cached:
        return None
    return f'property "useCachedMetrics" is not supported for "{cached}" scaler'


def _name(scaled: Object) -> str | None:
    name = scaled["metadata"]["name"]
    made = _hpa(scaled)
    if len(name) > _LABEL:
        return f'scaledobject name "{name}" is {len(name)} characters long; must be no more than {_LABEL} characters'
    if len(made) > _LABEL:
        return (
            f'HPA name "{made}" derived from scaledobject is {len(made)} characters long; must be no more than '
            f"{_LABEL} characters"
        )
    return None


def _hpa(scaled: Object) -> str:
    """The name of the HPA that KEDA makes."""
    config = (scaled["spec"].get("advanced") or {}).get("horizontalPodAutoscalerConfig") or {}
    return str(config.get("name") or f"keda-hpa-{scaled['metadata']['name']}")


def _bounds(spec: Mapping[str, Any]) -> str | None:
    least = spec.get("minReplicaCount", 0)
    most = spec.get("maxReplicaCount") or _MOST
    if least > most:
        return f"MinReplicaCount={least} must be less than MaxReplicaCount={most}"
    if spec.get("idleReplicaCount", -1) >= least:
        return (
            f"IdleReplicaCount={spec['idleReplicaCount']} must be less than MinReplicaCount={least}"
        )
    if least == 0 and all(trigger["type"] in _RESOURCES for trigger in spec["triggers"]):
        return "scaledobject has only cpu/memory triggers AND minReplica is 0"
    return None


def _taken(scaled: Object, others: Iterable[Object]) -> str | None:
    for other in others:
        name = other["metadata"]["name"]
        if name == scaled["metadata"]["name"]:
            continue
        if _target(other) == _target(scaled):
            workload, kind = _target(scaled)
            return f"the workload '{workload}' of type '{kind}' is already managed by the ScaledObject '{name}'"
        if _hpa(other) == _hpa(scaled):
            return f"the HPA '{_hpa(scaled)}' is already managed by the ScaledObject '{name}'"
    return None


def _scaled_already(scaled: Object, autoscalers: Iterable[Object]) -> str | None:
    workload, kind = _target(scaled)
    for autoscaler in autoscalers:
        owners = autoscaler["metadata"].get("ownerReferences") or ()
        ours = any(
            (o["kind"], o["name"]) == ("ScaledObject", scaled["metadata"]["name"]) for o in owners
        )
        if _target(autoscaler) == (workload, kind) and not ours:
            name = autoscaler["metadata"]["name"]
            return (
                f"the workload '{workload}' of type '{kind}' is already managed by the hpa '{name}'"
            )
    return None


def _target(scaler: Object) -> tuple[str, str]:
    """What a ScaledObject or an HPA scales: its name and its kind as KEDA writes it."""
    ref = scaler["spec"]["scaleTargetRef"]
    return ref["name"], f"{ref.get('apiVersion') or 'apps/v1'}.{ref.get('kind') or 'Deployment'}"
