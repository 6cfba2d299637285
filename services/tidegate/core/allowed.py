"""What the specs of a tenant may name: service accounts, secrets, addresses of models, runtimes,
nodes, GPUs.

Tidegate writes objects with rights that its callers do not have, so it must not lend them: an
editor who may not use a ServiceAccount or a Secret of the namespace must not reach it through an
endpoint. One rule, asked when a spec is accepted and again by the worker before it writes.

A list holds what may be named; a trailing `*` stands for any ending, `*` alone for everything. Only
what a spec names is judged: what it leaves out is Kubernetes' or the runtime's own, which whoever
installs those decides.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tidegate.core.errors import Problem, Remediation, step
from tidegate.core.intent import NVIDIA, Model, Pods, Runtime, Scaling, Toleration
from tidegate.core.quantity import amount
from tidegate.core.uris import below, check_uri

ANY = ("*",)
_NAMED_LIMIT = 8  # of a list that are quoted in a refusal


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that one spec may ask for; None: no limit. cpu, memory: a quantity, of one pod. gpu:
    of one pod. replicas: of an endpoint's maxReplicas."""

    cpu: str | None = None
    memory: str | None = None
    gpu: int | None = None
    replicas: int | None = None


NO_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Allowed:
    """See the module. An empty list: nothing may be named.

    uri_prefixes: whole path segments, such as `s3://models/team-a/`; `s3://` is every address of
    that scheme. secrets: of the object store and of Triton's access token. image_tags: of
    `runtimeVersion`. node_selectors: `key` (any value) or `key=value`. tolerations: `key`,
    `key=value`, each perhaps with `:Effect`. gpu_types: resource names, such as `nvidia.com/gpu`.
    """

    service_accounts: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    uri_prefixes: tuple[str, ...] = ()
    runtimes: tuple[str, ...] = ()
    image_tags: tuple[str, ...] = ()
    node_selectors: tuple[str, ...] = ()
    tolerations: tuple[str, ...] = ()
    gpu_types: tuple[str, ...] = ()
    limits: Limits = NO_LIMITS


EVERYTHING = Allowed(ANY, ANY, ANY, ANY, ANY, ANY, ANY, ANY)


def narrow(schemes: Sequence[str]) -> Allowed:
    """What a tenant may name before an administrator said anything: KServe's Triton runtime at any
    tag, one kind of GPU, models under the installation's schemes; no ServiceAccount, no Secret, no
    choice of nodes."""
    prefixes = tuple(f"{scheme}://" for scheme in schemes)
    return Allowed(
        uri_prefixes=prefixes, runtimes=(Runtime().name,), image_tags=ANY, gpu_types=(NVIDIA,)
    )


def check_spec(
    namespace: str, model: Model, runtime: Runtime, allowed: Allowed
) -> tuple[Problem, ...]:
    """Everything that a revision names and its tenant may not; pointers are those of the body that
    makes one."""
    return (
        *_uri(namespace, model.uri, allowed.uri_prefixes),
        *check_one(namespace, "/runtime", "runtime", runtime.name, allowed.runtimes),
        *check_one(
            namespace,
            "/runtime_config/runtimeVersion",
            "image tag",
            runtime.version,
            allowed.image_tags,
        ),
        *_gpus(namespace, runtime, allowed),
        *check_one(
            namespace,
            "/runtime_config/security/secret/name",
            "Secret",
            _token(runtime),
            allowed.secrets,
        ),
        *_pods(namespace, runtime.pods, allowed),
        *_sizes(namespace, runtime.pods, allowed.limits),
    )


def check_account(
    namespace: str, field: str, account: str | None, patterns: Sequence[str]
) -> Iterator[Problem]:
    """A ServiceAccount that the tenant's list does not hold."""
    return check_one(namespace, field, "service account", account, patterns)


def check_size(
    namespace: str, scaling: Scaling, allowed: Allowed, old: Scaling | None = None
) -> tuple[Problem, ...]:
    """Replicas beyond the tenant's limit. old: those until now; fewer than before is never
    refused."""
    limit = allowed.limits.replicas
    requested = max(scaling.min_replicas, scaling.max_replicas)
    if (
        limit is None
        or requested <= limit
        or (old is not None and requested <= max(old.min_replicas, old.max_replicas))
    ):
        return ()
    detail = f"{requested} is above {limit}, the most for one endpoint of tenant {namespace!r}"
    return (Problem("/autoscaling/maxReplicas", detail, ask_to_allow("lower it")),)


def _uri(namespace: str, uri: str, prefixes: tuple[str, ...]) -> Iterator[Problem]:
    field = "/model_version_id"
    wrong = check_uri(uri)
    if wrong is not None:
        yield Problem(field, wrong.detail, wrong.remediation)
    elif not reaches(uri, prefixes):
        yield Problem(field, *_refusal(namespace, "storage URI prefix", uri, prefixes))


def reaches(uri: str, prefixes: Sequence[str]) -> bool:
    """Whether a plain address (`check_uri`) lies below one of these."""
    return any(prefix == "*" or below(uri, prefix) for prefix in prefixes)


def check_one(
    namespace: str, field: str, what: str, value: str | None, patterns: Sequence[str]
) -> Iterator[Problem]:
    """One name against its list; none where nothing is named."""
    if value and not _matches(value, patterns):
        yield Problem(field, *_refusal(namespace, what, value, patterns))


def _token(runtime: Runtime) -> str | None:
    if not runtime.security:
        return None
    return runtime.security.secret


def _gpus(namespace: str, runtime: Runtime, allowed: Allowed) -> Iterator[Problem]:
    if not runtime.gpu:
        return
    yield from check_one(
        namespace, "/runtime_config/gpuType", "GPU type", runtime.gpu_type, allowed.gpu_types
    )
    most = allowed.limits.gpu
    if most is not None and runtime.gpu > most:
        detail = f"{runtime.gpu} is above {most}, the most GPUs of one pod in tenant {namespace!r}"
        yield Problem("/runtime_config/gpu", detail, ask_to_allow("lower it"))


def _pods(namespace: str, pods: Pods, allowed: Allowed) -> Iterator[Problem]:
    at = "/runtime_config"
    yield from check_account(
        namespace, f"{at}/serviceAccountName", pods.service_account, allowed.service_accounts
    )
    yield from check_one(
        namespace, f"{at}/storageSecret", "Secret", pods.storage_secret, allowed.secrets
    )
    yield from check_nodes(namespace, at, pods, allowed)


def check_nodes(namespace: str, at: str, pods: Pods, allowed: Allowed) -> Iterator[Problem]:
    """Where pods may run. at: the pointer below which nodeSelector and tolerations stand."""
    for key, value in pods.node_selector:
        if not any(_selects(pattern, key, value) for pattern in allowed.node_selectors):
            field = f"{at}/nodeSelector/{step(key)}"
            yield Problem(
                field,
                *_refusal(namespace, "node selector", f"{key}={value}", allowed.node_selectors),
            )
    for index, toleration in enumerate(pods.tolerations):
        if not any(_tolerates(pattern, toleration) for pattern in allowed.tolerations):
            field = f"{at}/tolerations/{index}"
            yield Problem(
                field,
                *_refusal(namespace, "toleration", _describe(toleration), allowed.tolerations),
            )


def _sizes(namespace: str, pods: Pods, limits: Limits) -> Iterator[Problem]:
    for name, requested, most in (
        ("cpu", pods.cpu, limits.cpu),
        ("memory", pods.memory, limits.memory),
    ):
        if requested and most and amount(requested) > amount(most):
            detail = (
                f"{requested} is above {most}, the most {name} of one pod in tenant {namespace!r}"
            )
            yield Problem(f"/runtime_config/resources/{name}", detail, ask_to_allow("lower it"))


def _matches(value: str, patterns: Sequence[str]) -> bool:
    return any(
        value.startswith(pattern[:-1]) if pattern.endswith("*") else value == pattern
        for pattern in patterns
    )


def _selects(pattern: str, key: str, value: str) -> bool:
    name, equals, desired = pattern.partition("=")
    return _matches(key, (name,)) and (not equals or _matches(value, (desired,)))


def _tolerates(pattern: str, toleration: Toleration) -> bool:
    """Whether a pattern covers a toleration with everything that it stands: one without key stands
    every taint, one with operator Exists every value of its key, one without effect every
    effect."""
    if pattern == "*":
        return True
    if ":" in pattern:
        rest, colon, effect = pattern.rpartition(":")
    else:
        rest = pattern
        colon = ""
        effect = ""
    name, equals, desired = rest.partition("=")
    if (
        not toleration.key
        or not _matches(toleration.key, (name,))
        or (colon and toleration.effect != effect)
    ):
        return False
    return (
        not equals
        or desired == "*"
        or (toleration.operator == "Equal" and _matches(toleration.value, (desired,)))
    )


def _describe(toleration: Toleration) -> str:
    value = ""
    if toleration.operator == "Equal" and toleration.value:
        value = f"={toleration.value}"
    return f"{toleration.key or 'every key'}{value}" + (
        f":{toleration.effect}" if toleration.effect else ""
    )


def _refusal(
    namespace: str, what: str, value: str, patterns: Sequence[str]
) -> tuple[str, Remediation]:
    may = "it may name none"
    if patterns:
        may = f"it may name {quoted(patterns)}"
    return f"{value!r} is no {what} that tenant {namespace!r} may name ({may})", ask_to_allow(
        "choose another"
    )


def quoted(patterns: Sequence[str]) -> str:
    """The first few of a list, for a refusal."""
    return ", ".join(patterns[:_NAMED_LIMIT]) + (", …" if len(patterns) > _NAMED_LIMIT else "")


def ask_to_allow(instead: str) -> Remediation:
    """Do something else, or have the tenant's list changed."""
    return Remediation(
        f"{instead}, or ask an administrator to allow it",
        "PUT /api/v1/tenants/{namespace}",
        "tidegate tenant set",
    )
