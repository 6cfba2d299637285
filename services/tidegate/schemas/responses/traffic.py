"""Revisions, traffic and replica bounds, as rollouts and endpoints show them."""

from datetime import datetime

from pydantic import BaseModel, Field

from tidegate.schemas.responses.runtime import RuntimeConfigOut


class HeaderOut(BaseModel):
    """A header that leads to the candidate."""

    name: str = Field(description="Name of the header", examples=["x-canary"])
    value: str = Field(
        description="Its whole value, compared by bytes; with range the buckets of users",
        examples=["always"],
    )
    range: bool = Field(
        default=False,
        description="Whether the value is a range of users' buckets, such as 0-19",
        examples=[False],
    )


class RevisionOut(BaseModel):
    """An immutable revision: a model version and how it is run."""

    revision: int = Field(description="Number of the revision; never used again", examples=[2])
    label: str = Field(description="The number as people write it", examples=["r2"])
    model_id: str = Field(description="Model", examples=["add_sub"])
    model_version_id: str = Field(description="Version of the model", examples=["2"])
    uri: str = Field(
        description="Triton model repository that it serves", examples=["s3://models/add_sub/2/"]
    )
    digest: str = Field(
        description="SHA-256 over model, runtime and configuration",
        examples=["sha256-9f86d081884c7d65"],
    )
    runtime: str = Field(description="KServe's ServingRuntime", examples=["kserve-tritonserver"])
    runtime_config: RuntimeConfigOut = Field(description="How the runtime runs the model")
    adopted: bool = Field(
        default=False,
        description="Whether somebody else made its InferenceService; only of r0",
        examples=[False],
    )
    created_at: datetime | None = Field(
        default=None,
        description="When it was made; null inside a dry run",
        examples=["2026-01-01T12:00:00Z"],
    )
    created_by: str | None = Field(default=None, description="Who made it", examples=["ann"])


class RevisionsPage(BaseModel):
    """A page of an endpoint's revisions, newest first."""

    items: list[RevisionOut] = Field(description="Revisions of this page")
    next_page_token: str | None = Field(
        default=None,
        description="`page_token` of the next page; null on the last",
        examples=["WzJd"],
    )


class ShareOut(BaseModel):
    """A revision's share of the requests of a rule."""

    revision: int = Field(description="Number of the revision", examples=[2])
    percent: int = Field(description="Percent of the rule's requests, 0 to 100", examples=[25])


class RuleOut(BaseModel):
    """Which revisions answer the requests that carry `match`."""

    match: list[HeaderOut] = Field(
        description="Headers that a request must all carry; empty: all other requests"
    )
    shares: list[ShareOut] = Field(description="Who answers them; the percents sum to 100")
    mirrors: list[ShareOut] = Field(
        description="Who gets copies; answers to copies are thrown away"
    )


class TrafficOut(BaseModel):
    """All rules of an endpoint."""

    rules: list[RuleOut] = Field(description="Rules; the one without `match` comes last")
    text: str = Field(description="The same in one line", examples=["r1 75 %, r2 25 %"])


class BothTraffics(BaseModel):
    """What should be, and what the data plane is told to do."""

    desired: TrafficOut | None = Field(
        description="What the intent asks for; null: nothing should serve"
    )
    routed: TrafficOut | None = Field(
        description="What the route says; null: unknown, or there is no route"
    )


class AutoscalingOut(BaseModel):
    """Replica bounds of each revision."""

    minReplicas: int = Field(description="Least replicas", examples=[1])
    maxReplicas: int = Field(description="Most replicas", examples=[4])
    keda: bool = Field(description="Whether KEDA scales revisions, not the HPA", examples=[False])
