"""The types of single fields: bounds and forms that every body shares."""

from typing import Annotated

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    StrictStr,
    StringConstraints,
)

from tidegate.core import bounds
from tidegate.core.errors import Unfit, shown
from tidegate.core.intent import Mode, Protocol
from tidegate.core.quantity import canonical
from tidegate.core.triton.restriction import GROUPS

WEEK = bounds.WEEK


def _percent(value: object) -> object:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 100:
        quotes = ""
        if isinstance(value, str):
            quotes = ", without quotes"
        raise Unfit(
            f"{shown(value)} is not a whole number between 0 and 100", f"send such a number{quotes}"
        )
    return value


def _mode(value: object) -> object:
    """KServe's names of both generations, and ours."""
    aliases = {"rawdeployment": "standard", "serverless": "knative"}
    if isinstance(value, str):
        return aliases.get(value.lower(), value.lower())
    return value


def _some(value: str) -> str:
    """A quantity above nothing, as Kubernetes writes it."""
    text = canonical(value)
    if text == "0":
        raise Unfit(f"{shown(value)} is nothing", "send more, or leave it out")
    return text


def _group(value: object) -> object:
    if value not in GROUPS:
        raise Unfit(
            f"{shown(value)} is not a group of Triton's calls", f"send some of {', '.join(GROUPS)}"
        )
    return value


def _protocol(value: object) -> object:
    if value not in tuple(Protocol):
        raise Unfit(
            f"{shown(value)} is not a protocol that Triton speaks", "send 'v2' or 'grpc-v2'"
        )
    return value


Percent = Annotated[
    int, BeforeValidator(_percent), Field(ge=bounds.PERCENT.ge, le=bounds.PERCENT.le)
]


ModeIn = Annotated[
    Mode,
    BeforeValidator(_mode),
    Field(description="standard (RawDeployment) or knative (Serverless)"),
]


GroupIn = Annotated[
    StrictStr, BeforeValidator(_group), Field(json_schema_extra={"enum": list(GROUPS)})
]


ProtocolIn = Annotated[Protocol, BeforeValidator(_protocol)]


Id = Annotated[StrictStr, StringConstraints(pattern=bounds.ID)]


Reason = Annotated[
    StrictStr,
    Field(
        max_length=bounds.REASON_LENGTH,
        description="Why; kept in the history.",
        examples=["new weights"],
    ),
]


Number = Annotated[StrictInt, Field(ge=bounds.REVISION.ge, le=bounds.REVISION.le)]
CandidateModel = Annotated[
    Id | None,
    Field(description="Model of the candidate; default: stable's", examples=["add_sub"]),
]
CandidateVersion = Annotated[
    Id | None,
    Field(description="Version of the candidate, as a new revision", examples=["2"]),
]
CandidateRevision = Annotated[
    Number | None,
    Field(description="Revision to try again; not beside model_version_id", examples=[1]),
]
RunId = Annotated[
    Id,
    Field(
        description="Id of the pipeline run that asks; the rollouts that it started or acted on "
        "are listed by it. A run that Tidegate submitted has its submission's id after a dot",
        examples=["5f0c1b9e-5d0f-4f0e-9a53-0b7b4c1f2d3a"],
    ),
]


SubmissionId = Annotated[StrictStr, StringConstraints(pattern=bounds.SUBMISSION_ID)]


AcceptBreaking = Annotated[
    StrictBool,
    Field(
        description="The caller answers for a candidate that breaks stable's model contract (an "
        "input or output gone "
        "or changed, a model's name gone): it goes on, and that is recorded under the caller's "
        "name. Without it such a "
        "rollout is aborted before anything moves",
        examples=[False],
    ),
]


Seconds = Annotated[float, Field(ge=bounds.SECONDS.ge, le=bounds.SECONDS.le, allow_inf_nan=False)]


Replicas = Annotated[StrictInt, Field(ge=bounds.REPLICAS.ge, le=bounds.REPLICAS.le)]


HeaderName = Annotated[StrictStr, StringConstraints(pattern=bounds.HEADER_NAME)]


ImageTag = Annotated[StrictStr, StringConstraints(pattern=bounds.IMAGE_TAG)]


_LABEL_KEY = (
    r"^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$"
)


LabelKey = Annotated[StrictStr, StringConstraints(pattern=_LABEL_KEY)]


LabelValue = Annotated[
    StrictStr, StringConstraints(pattern=r"^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$")
]


ObjectName = Annotated[
    StrictStr, StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$")
]


SecretKey = Annotated[StrictStr, StringConstraints(pattern=r"^[-._a-zA-Z0-9]{1,253}$")]


ResourceName = Annotated[
    StrictStr,
    StringConstraints(
        pattern=r"^[a-z0-9]([-a-z0-9.]{0,100}[a-z0-9])?/[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$"
    ),
    Field(
        description="A resource that nodes offer, such as nvidia.com/gpu or "
        "nvidia.com/mig-1g.10gb.",
        examples=["nvidia.com/gpu"],
    ),
]


Quantity = Annotated[
    StrictStr,
    StringConstraints(
        pattern=r"^([1-9][0-9]{0,8}(m|k|M|G|T|Ki|Mi|Gi|Ti)?|[0-9]{1,4}\.[0-9]{1,3})$"
    ),
    AfterValidator(_some),
    Field(description="A Kubernetes quantity such as 500m, 0.5, 2 or 4Gi."),
]


HeaderText = Annotated[StrictStr, StringConstraints(pattern=bounds.HEADER_VALUE)]


class Body(BaseModel):
    """Base of everything that callers send."""

    model_config = ConfigDict(extra="forbid", frozen=True)
