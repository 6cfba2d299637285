"""What a tenant may name: asked before anything is accepted, read by anybody, written by
administrators."""

import re

from tidegate.core.access import Role
from tidegate.core.adopting import Found
from tidegate.core.allowed import Allowed, check_size, check_spec
from tidegate.core.errors import Problem, Remediation
from tidegate.core.intent import EndpointKey, Model, Runtime, Scaling
from tidegate.core.lending import check_lent
from tidegate.deployment_service import statuses
from tidegate.deployment_service.calls import Call, Caller, Reply
from tidegate.deployment_service.preconditions import check_match, etag
from tidegate.deployment_service.refusals import NotAllowedError
from tidegate.schemas import responses as out
from tidegate.schemas.requests.tenants import (
    PutTenant,
    PutTenantAcceptance,
    PutTenantMode,
    to_core,
)
from tidegate.settings import Settings
from tidegate.store import acceptance, tenants, trials
from tidegate.store.engine import ReadTx, Tx
from tidegate.web.problems import refuse

_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


def allowed(tx: ReadTx, settings: Settings, namespace: str) -> Allowed:
    """A tenant's list, or the installation's default."""
    tenant = tenants.get(tx, namespace)
    if tenant is None:
        return settings.allowed
    return tenant.allowed


def check_named(
    tx: ReadTx,
    call: Call,
    key: EndpointKey,
    model: Model,
    runtime: Runtime,
    scaling: Scaling | None = None,
) -> None:
    """422 with everything that the tenant may not name, or ask so much of."""
    known = allowed(tx, call.services.settings, key.namespace)
    problems = check_spec(key.namespace, model, runtime, known)
    if scaling is not None:
        problems += check_size(key.namespace, scaling, known)
    _refuse(key, problems)


def check_scaling(tx: ReadTx, call: Call, key: EndpointKey, scaling: Scaling, old: Scaling) -> None:
    """422 where more replicas are asked for than the tenant may have, and than there were."""
    _refuse(
        key,
        check_size(key.namespace, scaling, allowed(tx, call.services.settings, key.namespace), old),
    )


def check_adopted(tx: ReadTx, call: Call, key: EndpointKey, existing: Found) -> None:
    """422 with everything of its owner's that later revisions would run with and the tenant may not
    name."""
    _refuse(key, check_lent(key, existing, allowed(tx, call.services.settings, key.namespace)))


def _refuse(key: EndpointKey, problems: tuple[Problem, ...]) -> None:
    if problems:
        raise NotAllowedError(key, problems)


def check_namespace(caller: Caller, namespace: str) -> None:
    """403 or 422 for what is not a tenant of the caller."""
    if not _NAMESPACE.fullmatch(namespace):
        raise refuse(
            "namespace",
            f"{namespace[:80]!r} is not a namespace",
            Remediation("send a DNS label of at most 63 characters"),
        )
    caller.demand(Role.VIEWER, namespace)


def shown(tx: ReadTx, settings: Settings, namespace: str) -> out.TenantOut:
    """A tenant's list as answered."""
    tenant = tenants.get(tx, namespace)
    mode = trials.mode(tx, namespace)
    points = acceptance.most_points(tx, namespace)
    if tenant is None:
        return out.TenantOut(
            namespace=namespace,
            default=True,
            generation=0,
            allowed=allowed_out(settings.allowed),
            mode=mode,
            max_accepted_points=points,
        )
    return out.TenantOut(
        namespace=namespace,
        default=False,
        generation=tenant.generation,
        allowed=allowed_out(tenant.allowed),
        mode=mode,
        max_accepted_points=points,
        updated_at=statuses.when(tenant.updated_at),
        updated_by=tenant.updated_by,
    )


def allowed_out(value: Allowed) -> out.AllowedOut:
    """What a tenant's specs may name, as answered."""
    limits = value.limits
    return out.AllowedOut(
        serviceAccounts=list(value.service_accounts),
        secrets=list(value.secrets),
        uriPrefixes=list(value.uri_prefixes),
        runtimes=list(value.runtimes),
        imageTags=list(value.image_tags),
        nodeSelectors=list(value.node_selectors),
        tolerations=list(value.tolerations),
        gpuTypes=list(value.gpu_types),
        limits=out.LimitsOut(
            cpu=limits.cpu, memory=limits.memory, gpu=limits.gpu, replicas=limits.replicas
        ),
    )


def put(tx: Tx, call: Call, namespace: str, body: PutTenant) -> Reply:
    """PUT a tenant's list."""
    old = tenants.get(tx, namespace)
    check_match(call.if_match, old.generation if old else 0)
    made = tenants.put(
        tx, namespace, to_core(body.allowed), author=call.principal.name, message=body.reason
    )
    answer = out.changed(out.TenantChange, shown(tx, call.services.settings, namespace))
    return Reply(200, answer, etag(made.generation))


def put_mode(tx: Tx, call: Call, namespace: str, body: PutTenantMode) -> Reply:
    """PUT whether verdicts move a tenant's traffic."""
    author = call.principal.name
    trials.set_mode(tx, namespace, body.mode, author=author, message=body.reason)
    answer = out.changed(out.TenantChange, shown(tx, call.services.settings, namespace))
    return Reply(200, answer)


def put_acceptance(tx: Tx, call: Call, namespace: str, body: PutTenantAcceptance) -> Reply:
    """PUT which stated bounds a tenant accepts by itself."""
    author = call.principal.name
    points = body.max_accepted_points
    acceptance.set_most_points(tx, namespace, points, author=author, message=body.reason)
    answer = out.changed(out.TenantChange, shown(tx, call.services.settings, namespace))
    return Reply(200, answer)
