"""Answers about endpoints."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from tidegate.core.intent import Mode
from tidegate.deployment_service.answers.base import Answer, PreflightOut
from tidegate.deployment_service.answers.rollouts import RolloutOut
from tidegate.deployment_service.answers.traffic import BothTraffics, RevisionOut, ScalingOut


class EndpointOut(Answer):
    """An endpoint: what should serve, what does, who wants it since when and why."""

    namespace: str
    name: str
    mode: Mode
    generation: int
    phase: str = Field(
        examples=["ready"],
        description="pending, ready, progressing, degraded, blocked, unreachable, unknown, deleting or gone",
    )
    message: str = Field(default="", description="The worker's one line about it")
    spec: dict[str, Any]
    scaling: ScalingOut
    stable: RevisionOut | None
    candidate: RevisionOut | None
    keep: list[int]
    traffic: BothTraffics
    urls: list[str]
    status: dict[str, Any] = Field(description="The worker's last word")
    author: str
    reason: str
    since: datetime | None
    rollout: RolloutOut | None = None
    preflight: PreflightOut | None = Field(default=None, description="Of the call that makes it or brings a version")
    created_at: datetime | None = None
    created_by: str | None = None


class EndpointsPage(BaseModel):
    """A page of endpoints."""

    items: list[EndpointOut]
    next_page_token: str | None = None
