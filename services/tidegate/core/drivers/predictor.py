"""`spec.predictor` of an InferenceService: the model, its probe, its ends, its pods, and KEDA's
trigger.

Everything in it becomes part of a pod template, so it depends on the revision, the endpoint's
replica bounds and the installation alone, never on the state of a rollout.
"""

from math import ceil
from typing import Any

from tidegate.core import restriction
from tidegate.core.drivers.rendering import GRPC_PORT, HTTP_PORT, METRICS_PORT, SHM_PATH, Platform
from tidegate.core.intent import Mode, Pods, Protocol, Revision, Runtime, Scaling, Toleration
from tidegate.core.triton_servers import runs_triton

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
        "ports": _ports(runtime.protocol, mode),
        "readinessProbe": _readiness(runtime.protocol, mode),
    }
    if runs_triton(runtime):  # its own limit is 30 s, and then it ends with requests under way
        model["args"] = [f"--exit-timeout-secs={ceil(platform.request_timeout)}"]
        if runtime.security:
            model["args"] += restriction.arguments(runtime.security)
            model["env"] = restriction.environment(runtime.security)
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


def _ports(protocol: Protocol, mode: Mode) -> list[dict[str, Any]]:
    http = {"name": "http", "containerPort": HTTP_PORT, "protocol": "TCP"}
    grpc = {"name": "h2c", "containerPort": GRPC_PORT, "protocol": "TCP"}
    if mode is Mode.KNATIVE:  # one container port, so one protocol
        if protocol is Protocol.GRPC_V2:
            return [grpc]
        return [http | {"name": "http1"}]
    return [http, grpc, {"name": "metrics", "containerPort": METRICS_PORT, "protocol": "TCP"}]


def _readiness(protocol: Protocol, mode: Mode) -> dict[str, Any]:
    """Every model is loaded: Triton's readiness is strict by default. Knative's queue-proxy probes
    the one container port whatever port the probe names, so there a gRPC endpoint is asked by
    gRPC."""
    manifest: dict[str, Any] = {"httpGet": {"path": "/v2/health/ready", "port": HTTP_PORT}}
    if mode is Mode.KNATIVE and protocol is Protocol.GRPC_V2:
        manifest = {"grpc": {"port": GRPC_PORT}}
    # A busy Triton answers late: one second, the default, would take a working pod out.
    return manifest | {"periodSeconds": 2, "timeoutSeconds": 5, "failureThreshold": 3}


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
    success = f"nv_inference_request_success{{{pods}}}"
    query = (
        f"sum(rate(nv_inference_queue_duration_us{{{pods}}}[1m])) / "
        f"clamp_min(sum(rate({success}[1m])), 0.1) "
        f"* count(count by (pod) ({success}))"
    )
    metric = {"backend": "prometheus", "serverAddress": platform.prometheus, "query": query}
    target = {"type": "Value", "value": str(platform.queue_target_us)}
    external: dict[str, Any] = {"metric": metric, "target": target}
    if platform.trigger_authentication:
        reference = {"name": platform.trigger_authentication}
        external["authenticationRef"] = {"authModes": "bearer", "authenticationRef": reference}
    return {"metrics": [{"type": "External", "external": external}]}
