"""Revisions, traffic and scaling, as rollouts and endpoints show them."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field


class RevisionOut(BaseModel):
    """An immutable revision: model and runtime."""

    number: int
    label: str = Field(examples=["r2"])
    model_id: str
    model_version_id: str
    uri: str
    digest: str
    runtime: dict[str, Any]
    adopted: bool = Field(default=False, description="An InferenceService that somebody else made; always r0")
    created_at: datetime | None = None
    created_by: str | None = None


class RevisionsPage(BaseModel):
    """Every revision of an endpoint, oldest first."""

    items: list[RevisionOut]
    next_page_token: str | None = None


class ShareOut(BaseModel):
    """Percent of a rule's requests."""

    revision: int
    percent: int


class RuleOut(BaseModel):
    """Who answers the requests that carry `match`; empty: all the others."""

    match: list[dict[str, str]]
    shares: list[ShareOut]
    mirrors: list[ShareOut]


class TrafficOut(BaseModel):
    """All rules, and one line for people."""

    rules: list[RuleOut]
    text: str


class BothTraffics(BaseModel):
    """What should be and what the data plane is told to do; null: not known, or no route."""

    desired: TrafficOut | None
    observed: TrafficOut | None


class ScalingOut(BaseModel):
    """Replica bounds of each revision."""

    minReplicas: int  # noqa: N815
    maxReplicas: int  # noqa: N815
    keda: bool
