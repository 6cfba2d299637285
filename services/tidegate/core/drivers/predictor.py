"""`spec.predictor` of an InferenceService: the model, its probe, its ends, its pods, and KEDA's
trigger.

Everything in it becomes part of a pod template, so it depends on the revision, the endpoint's
replica bounds and the installation alone, never on the state of a rollout.
"""

from math import ceil
from typing import Any

from tidegate.core.drivers.rendering import SHM_PATH, Platform
from tidegate.core.intent import Mode, Pods, Revision, Runtime, Scaling, Toleration
from tidegate.core.triton import container, metrics
from tidegate.core.triton.servers import runs_triton

PRE_STOP_S = 5  # a pod on its way out answers on while the gateway learns to leave it out
EXIT_S = 10  # for Triton to unload, after its last answer
STORAGE_SECRET = "serving.kserve.io/storageSecretName"  # noqa: S105  (KServe's annotation, not a secret)
SHM = "shared-memory"


def predictor(
    revision: Revision, scaling: Scaling, mode: Mode, platform: Platform
) -> dict[str, Any]:
    """`spec.predictor` of one revision. Of the scaling only the replica bounds enter."""
    pods = revision.runtime.pods
    rendered: dict[str, Any] = {
        "minReplicas": scaling.min_replicas,
        "maxReplicas": max(scaling.max_replicas, scaling.min_replicas),
        "model": _model(revision, mode, platform),
    }
    if pods.storage_secret:
        rendered["annotations"] = {STORAGE_SECRET: pods.storage_secret}
    if mode is Mode.STANDARD:  # Knative gives its own: the revision's time-out
        rendered["terminationGracePeriodSeconds"] = (
            PRE_STOP_S + ceil(platform.request_timeout) + EXIT_S
        )
    return rendered | _pod(pods)


def _model(revision: Revision, mode: Mode, platform: Platform) -> dict[str, Any]:
    runtime = revision.runtime
    model: dict[str, Any] = {
        "modelFormat": {"name": runtime.model_format},
        "protocolVersion": str(runtime.protocol),
        "runtime": runtime.name,
        # KServe's storage initializer lists S3 by plain string prefix: a trailing slash keeps
        # neighbours out.
        "storageUri": revision.model.uri.rstrip("/") + "/",
        "ports": container.ports(runtime.protocol, mode),
        "readinessProbe": container.readiness(runtime.protocol, mode),
    }
    if runs_triton(runtime):
        model |= container.command(runtime, platform.request_timeout)
    if runtime.version:
        model["runtimeVersion"] = runtime.version
    resources = _resources(runtime)
    if resources:
        model["resources"] = resources
    if runtime.pods.shared_memory != "0":
        model["volumeMounts"] = [{"name": SHM, "mountPath": SHM_PATH}]
    if mode is Mode.STANDARD:
        model["lifecycle"] = {"preStop": {"sleep": {"seconds": PRE_STOP_S}}}
    return model


def _resources(runtime: Runtime) -> dict[str, Any]:
    """Requests equal to limits, so that the pods are never the first to be evicted; {} leaves the
    runtime's own."""
    desired = {
        "cpu": runtime.pods.cpu,
        "memory": runtime.pods.memory,
        runtime.gpu_type: str(runtime.gpu or ""),
    }
    named = {name: amount for name, amount in desired.items() if amount}
    if not named:
        return {}
    return {"limits": named, "requests": named}


def _pod(pods: Pods) -> dict[str, Any]:
    rendered: dict[str, Any] = {}
    if pods.shared_memory != "0":
        memory = {"medium": "Memory", "sizeLimit": pods.shared_memory}
        rendered["volumes"] = [{"name": SHM, "emptyDir": memory}]
    if pods.service_account:
        rendered["serviceAccountName"] = pods.service_account
    if pods.node_selector:
        rendered["nodeSelector"] = dict(pods.node_selector)
    if pods.tolerations:
        rendered["tolerations"] = [_toleration(toleration) for toleration in pods.tolerations]
    return rendered


def _toleration(toleration: Toleration) -> dict[str, Any]:
    named = {
        "key": toleration.key,
        "operator": toleration.operator,
        "value": toleration.value,
        "effect": toleration.effect,
    }
    rendered: dict[str, Any] = {key: value for key, value in named.items() if value}
    if toleration.seconds is None:
        return rendered
    return rendered | {"tolerationSeconds": toleration.seconds}


def keda_metrics(name: str, namespace: str, platform: Platform) -> dict[str, Any]:
    """KEDA's trigger on this revision's Triton queue: replicas so that a request waits
    `queue_target_us` at most.

    KServe (v0.20.0, keda_reconciler.go) drops the type of an external target, so KEDA takes its
    default, AverageValue: replicas = answer / threshold. A time per request says nothing about
    replicas by itself, so the answer is that time multiplied by the replicas that there are; which
    is what the type Value would have done.
    """
    pods = f'namespace="{namespace}",pod=~"{name}-predictor-.*"'
    metric = {
        "backend": "prometheus",
        "serverAddress": platform.prometheus,
        "query": metrics.queue_query(pods),
    }
    target = {"type": "Value", "value": str(platform.queue_target_us)}
    external: dict[str, Any] = {"metric": metric, "target": target}
    if platform.trigger_authentication:
        reference = {"name": platform.trigger_authentication}
        external["authenticationRef"] = {"authModes": "bearer", "authenticationRef": reference}
    return {"metrics": [{"type": "External", "external": external}]}
