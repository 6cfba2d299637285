"""Revisions and replica bounds as answered, under the names by which callers ask for them. Pure."""

from tidegate.core.intent import Pods, Restriction, Revision, Runtime, Scaling, Toleration
from tidegate.core.shown_address import shown_address
from tidegate.deployment_service.statuses import when
from tidegate.schemas import responses as out
from tidegate.store.values import StoredRevision


def stored(value: StoredRevision) -> out.RevisionOut:
    """A stored revision as answered."""
    view = revision(value.revision)
    made = {"created_at": when(value.created_at), "created_by": value.created_by}
    return view.model_copy(update=made)


def revision(value: Revision) -> out.RevisionOut:
    """A revision as answered."""
    return out.RevisionOut(
        revision=value.number,
        label=value.label,
        model_id=value.model.model_id,
        model_version_id=value.model.version_id,
        uri=shown_address(value.model.uri),
        digest=value.digest,
        runtime=value.runtime.name,
        runtime_config=runtime_config(value.runtime),
        adopted=value.adopted is not None,
    )


def runtime_config(value: Runtime) -> out.RuntimeConfigOut:
    """How the runtime runs the model."""
    pods = value.pods
    batcher = value.batcher
    sent = batcher and out.BatcherOut(
        maxBatchSize=batcher.max_batch_size, maxLatency=batcher.max_latency
    )
    return out.RuntimeConfigOut(
        modelFormat=value.model_format,
        protocolVersion=value.protocol.value,
        runtimeVersion=value.version,
        gpu=value.gpu,
        gpuType=value.gpu_type,
        batcher=sent,
        resources=_resources(pods),
        sharedMemory=pods.shared_memory,
        serviceAccountName=pods.service_account,
        storageSecret=pods.storage_secret,
        nodeSelector=dict(pods.node_selector),
        tolerations=[_toleration(toleration) for toleration in pods.tolerations],
        security=_security(value.security) if value.security else None,
    )


def autoscaling(value: Scaling) -> out.AutoscalingOut:
    """Replica bounds as answered."""
    return out.AutoscalingOut(
        minReplicas=value.min_replicas, maxReplicas=value.max_replicas, keda=value.keda
    )


def _resources(pods: Pods) -> out.ResourcesOut:
    return out.ResourcesOut(cpu=pods.cpu, memory=pods.memory)


def _toleration(value: Toleration) -> out.TolerationOut:
    return out.TolerationOut(
        key=value.key or None,
        operator=value.operator,
        value=value.value,
        effect=value.effect or None,
        tolerationSeconds=value.seconds,
    )


def _security(value: Restriction) -> out.SecurityOut:
    return out.SecurityOut(
        groups=list(value.groups), secret=out.SecretOut(name=value.secret, key=value.key)
    )
