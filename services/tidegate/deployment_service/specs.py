"""From what callers send to the core's values."""

import re

from tidegate.core import rules
from tidegate.core.access import Role
from tidegate.core.errors import Problem, Remediation
from tidegate.core.intent import (
    Batcher,
    EndpointKey,
    Intent,
    Mode,
    Model,
    Pods,
    Restriction,
    Runtime,
    Scaling,
    Toleration,
)
from tidegate.core.near import hint
from tidegate.core.ports import Capabilities
from tidegate.core.shown_address import shown_address
from tidegate.core.triton.restriction import restricted
from tidegate.deployment_service.calls import Call
from tidegate.schemas.requests.endpoints import Autoscaling, NewEndpoint, RuntimeConfig, SecurityIn
from tidegate.store import models
from tidegate.store.engine import ReadTx
from tidegate.web.problems import invalid, refuse

_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
REGISTER_MODEL = Remediation("register it", "POST /api/v1/models", "tidegate model add")
ALIASES = {"kserve-triton": "kserve-tritonserver"}


def runtime_of(name: str, config: RuntimeConfig) -> Runtime:
    """The runtime of a revision; `gpu: true` is one."""
    batcher = config.batcher
    return Runtime(
        name=ALIASES.get(name, name),
        model_format=config.modelFormat,
        protocol=config.protocolVersion,
        version=config.runtimeVersion,
        gpu=int(config.gpu),
        gpu_type=config.gpuType,
        batcher=Batcher(batcher.maxBatchSize, batcher.maxLatency) if batcher else None,
        pods=_pods_of(config),
        security=_security_of(config.security),
    )


def _security_of(security: SecurityIn | None) -> Restriction | None:
    if security is None or security.secret is None:
        return None
    return restricted(security.groups, security.secret.name, security.secret.key)


def _pods_of(config: RuntimeConfig) -> Pods:
    return Pods(
        cpu=config.resources.cpu,
        memory=config.resources.memory,
        shared_memory=config.sharedMemory,
        service_account=config.serviceAccountName,
        storage_secret=config.storageSecret,
        node_selector=tuple(sorted(config.nodeSelector.items())),
        tolerations=tuple(
            Toleration(
                toleration.key or "",
                toleration.operator,
                toleration.value,
                toleration.effect or "",
                toleration.tolerationSeconds,
            )
            for toleration in config.tolerations
        ),
    )


def scaling_of(autoscaling: Autoscaling, old: Scaling | None = None) -> Scaling:
    """Replica bounds: what is left out stays, or gets its default (maxReplicas: not below
    minReplicas)."""
    known = old or Scaling()
    if autoscaling.minReplicas is None:
        lowest = known.min_replicas
    else:
        lowest = autoscaling.minReplicas
    highest = autoscaling.maxReplicas
    if highest is None:
        if old:
            highest = known.max_replicas
        else:
            highest = max(1, lowest)
    if autoscaling.keda is None:
        keda = known.keda
    else:
        keda = autoscaling.keda
    return Scaling(lowest, highest, keda)


def key_of(call: Call, body: NewEndpoint, namespace: str | None) -> EndpointKey:
    """The endpoint that a POST names: the body's namespace, `?namespace=`, or the caller's only
    tenant."""
    tenants = call.choice()
    if body.namespace is not None and namespace is not None and body.namespace != namespace:
        raise refuse(
            "/namespace",
            f"{body.namespace!r} differs from ?namespace={namespace}",
            Remediation("leave one out"),
        )
    chosen = body.namespace or namespace or (tenants[0] if len(tenants) == 1 else None)
    if chosen is None:
        known = ""
        if tenants:
            known = f" ({', '.join(tenants)})"
        raise refuse(
            "namespace",
            f"missing, and you have not exactly one tenant{known}",
            Remediation("name one", "?namespace=", "-n NAMESPACE"),
        )
    problems = rules.check_name(body.name)
    if not _NAMESPACE.fullmatch(chosen):
        problems += (
            Problem(
                "/namespace",
                f"{chosen!r} is not a namespace",
                Remediation("send a DNS label of at most 63 characters"),
            ),
        )
    if problems:
        raise invalid(problems)
    call.demand(Role.EDITOR, chosen)
    return EndpointKey(chosen, body.name)


def model_of(tx: ReadTx, model_id: str, version_id: str) -> Model:
    """A registered version, or 422 that says which half is unknown."""
    model = models.get_version(tx, model_id, version_id)
    if model is not None:
        return model
    if models.get_model(tx, model_id) is None:
        near = hint(model_id, models.names(tx))
        raise refuse("/model_id", f"there is no model {model_id!r}{near}", REGISTER_MODEL)
    near = hint(version_id, models.version_names(tx, model_id))
    detail = f"model {model_id!r} has no version {version_id!r}{near}"
    remediation = Remediation(
        "register it, or list what exists",
        f"POST or GET /api/v1/models/{model_id}/versions",
        f"tidegate model add {model_id} VERSION --uri URI, or tidegate model list {model_id}",
    )
    raise refuse("/model_version_id", detail, remediation)


def check_first(intent: Intent, model: Model, runtime: Runtime, caps: Capabilities) -> None:
    """422 with everything wrong with a new endpoint."""
    problems = [*rules.check(intent, None, caps), *rules.check_runtime(runtime, intent.mode, caps)]
    if not (caps.standard if intent.mode is Mode.STANDARD else caps.knative):
        problems.append(
            Problem(
                "/mode",
                f"{intent.mode.value!r} is not possible on this cluster",
                Remediation("use the other mode"),
            )
        )
    problems += check_scheme(model, caps)
    if problems:
        raise invalid(problems)


def check_scheme(model: Model, caps: Capabilities) -> tuple[Problem, ...]:
    """A model must be where this cluster can read."""
    scheme = model.uri.partition("://")[0]
    if scheme in caps.schemes:
        return ()
    known = ", ".join(caps.schemes)
    detail = (
        f"{shown_address(model.uri)!r} has the scheme {scheme!r}, which this cluster cannot read"
    )
    return (Problem("/model_version_id", detail, Remediation(f"register a copy under {known}")),)
