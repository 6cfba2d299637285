"""The body that says what a tenant's specs may name."""

import re
from typing import Annotated, Any

from pydantic import AfterValidator, ConfigDict, Field, StrictInt, StrictStr

from tidegate.core import bounds
from tidegate.core.agreement import TenantMode
from tidegate.core.allowed import Allowed, Limits
from tidegate.core.errors import Unfit, shown
from tidegate.core.uris import check_uri
from tidegate.schemas.requests.fields import Body, Quantity, Reason

_PART = r"[!-)+-9;<>-~]+\*?|\*"  # visible, without blank, ':', '='; '*' at the end only
_NAME = re.compile(r"[!-)+-~]+\*?|\*")
_SELECTOR = re.compile(rf"({_PART})(=({_PART}))?")
_TOLERATION = re.compile(rf"({_PART})(=({_PART}))?(:(NoSchedule|PreferNoSchedule|NoExecute))?")
_EFFECTS = "NoSchedule, PreferNoSchedule or NoExecute"


def _form(pattern: re.Pattern[str], message: str) -> AfterValidator:
    def check(value: str) -> str:
        if not pattern.fullmatch(value):
            raise Unfit(
                f"{shown(value)} is not {message}", f"send {message}; '*' may stand at the end"
            )
        return value

    return AfterValidator(check)


def _prefix(value: str) -> str:
    if value == "*":
        return value
    if "*" in value:
        raise Unfit(
            f"{shown(value)} holds a '*'", "leave it out, a prefix holds everything below it"
        )
    wrong = check_uri(value)
    if wrong is not None:
        raise Unfit(wrong.detail, wrong.remediation.text)
    return value


_Text = Annotated[StrictStr, Field(min_length=1, max_length=253)]
Name = Annotated[_Text, _form(_NAME, "a name without blanks")]
Selector = Annotated[_Text, _form(_SELECTOR, "key or key=value")]
Tolerated = Annotated[
    _Text, _form(_TOLERATION, f"key, key=value, key:Effect or key=value:Effect ({_EFFECTS})")
]
Prefix = Annotated[StrictStr, Field(min_length=1, max_length=2000), AfterValidator(_prefix)]
_MOST = 200
Names = Annotated[tuple[Name, ...], Field(max_length=_MOST)]


class LimitsBody(Body):
    """The most that one spec may ask for: cpu, memory and gpu of one pod, replicas of an
    endpoint."""

    cpu: Annotated[
        Quantity | None,
        Field(
            description="CPUs of a pod, as Kubernetes writes them; left out: no limit",
            examples=["8"],
        ),
    ] = None
    memory: Annotated[
        Quantity | None,
        Field(
            description="Memory of a pod, as Kubernetes writes it; left out: no limit",
            examples=["32Gi"],
        ),
    ] = None
    gpu: Annotated[
        Annotated[StrictInt, Field(ge=0, le=64)] | None,
        Field(description="GPUs of a pod; left out: no limit", examples=[1]),
    ] = None
    replicas: Annotated[
        Annotated[StrictInt, Field(ge=1, le=1000)] | None,
        Field(description="Replicas of an endpoint; left out: no limit", examples=[8]),
    ] = None


class AllowedBody(Body):
    """What a tenant's specs may name. Every list is given: an empty one allows nothing, `*`
    everything, `team-*` all that begin so."""

    serviceAccounts: Annotated[
        Names, Field(description="ServiceAccounts", examples=[["models-reader"]])
    ]
    secrets: Annotated[Names, Field(description="Secrets", examples=[["team-a-s3"]])]
    uriPrefixes: Annotated[
        Annotated[tuple[Prefix, ...], Field(max_length=_MOST)],
        Field(
            description="Prefixes of model URIs, by whole path segments",
            examples=[["s3://models/team-a/"]],
        ),
    ]
    runtimes: Annotated[
        Names, Field(description="ServingRuntimes", examples=[["kserve-tritonserver"]])
    ]
    imageTags: Annotated[
        Names, Field(description="Tags of the runtime's image", examples=[["25.08-py3"]])
    ]
    nodeSelectors: Annotated[
        Annotated[tuple[Selector, ...], Field(max_length=_MOST)],
        Field(description="Node labels, key or key=value", examples=[["zone=a"]]),
    ]
    tolerations: Annotated[
        Annotated[tuple[Tolerated, ...], Field(max_length=_MOST)],
        Field(description="Taints, key[=value][:Effect]", examples=[["nvidia.com/gpu:NoSchedule"]]),
    ]
    gpuTypes: Annotated[
        Names,
        Field(
            description="Resources that a GPU may be requested as", examples=[["nvidia.com/gpu"]]
        ),
    ]
    limits: Annotated[
        LimitsBody, Field(description="The most that one spec may ask for; left out: no limit")
    ] = LimitsBody()


EXAMPLE: dict[str, Any] = {
    "allowed": {
        "serviceAccounts": ["models-reader"],
        "secrets": ["team-a-s3"],
        "uriPrefixes": ["s3://models/team-a/"],
        "runtimes": ["kserve-tritonserver"],
        "imageTags": ["24.*", "25.08-py3"],
        "nodeSelectors": ["nvidia.com/gpu.product=NVIDIA-L4"],
        "tolerations": ["nvidia.com/gpu:NoSchedule"],
        "gpuTypes": ["nvidia.com/gpu"],
        "limits": {"cpu": "8", "memory": "32Gi", "gpu": 1, "replicas": 8},
    },
    "reason": "team-a begins",
}


class PutTenant(Body):
    """A tenant's list, whole."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    allowed: Annotated[AllowedBody, Field(description="What the tenant's specs may name")]
    reason: Reason = ""


class PutTenantMode(Body):
    """Whether verdicts move a tenant's traffic."""

    mode: Annotated[
        TenantMode,
        Field(
            description="`enforce`: verdicts abort and pause. `trial`: everything is judged and "
            "stored, traffic moves as planned. It holds for rollouts that start from now on",
            examples=["trial"],
        ),
    ]
    reason: Reason = ""


class PutTenantAcceptance(Body):
    """Which stated bounds a tenant accepts by itself, at the end of a time box."""

    max_accepted_points: Annotated[
        Annotated[float, Field(gt=bounds.ACCEPTED_POINTS.gt, le=bounds.ACCEPTED_POINTS.le)] | None,
        Field(
            description="By how many percent points a candidate may be worse than stable and still "
            "be accepted without a person, where its plan says on_time_box 'accept'; null: none. "
            "It holds for rollouts that start from now on",
            examples=[4.0],
        ),
    ]
    reason: Reason = ""


def to_core(body: AllowedBody) -> Allowed:
    """As the rule reads it."""
    limits = body.limits
    return Allowed(
        body.serviceAccounts,
        body.secrets,
        body.uriPrefixes,
        body.runtimes,
        body.imageTags,
        body.nodeSelectors,
        body.tolerations,
        body.gpuTypes,
        Limits(limits.cpu, limits.memory, limits.gpu, limits.replicas),
    )
