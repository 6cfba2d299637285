"""Answers about tenants in trial: what would have been done, beside what people did."""

from datetime import datetime

from pydantic import BaseModel, Field

from tidegate.core.agreement import Agreement
from tidegate.core.rollout import Outcome
from tidegate.schemas.responses.rollouts import WouldOut


class TrialRolloutOut(BaseModel):
    """A rollout in trial."""

    id: str = Field(description="Its id", examples=["7c9e6679-7425-40de-944b-e07fc1f90ae7"])
    namespace: str = Field(description="Namespace of its endpoint", examples=["team-a"])
    endpoint: str = Field(description="Name of its endpoint", examples=["fraud"])
    candidate: int = Field(description="Revision on rollout", examples=[2])
    created_at: datetime = Field(description="When it started", examples=["2026-01-01T12:00:00Z"])
    agreement: Agreement = Field(
        description="How the verdicts and the people went together: both-promoted, both-stopped, "
        "false-alarm (people kept what would have been stopped), missed (people stopped what "
        "would have gone on), or open",
        examples=["both-stopped"],
    )
    would_have: list[WouldOut] = Field(description="What would have been done")
    outcome: Outcome | None = Field(description="How it ended; null: it runs", examples=["aborted"])
    stopped_by: str | None = Field(
        description="Who aborted or rejected it, or undid its promotion; null: nobody",
        examples=["ann"],
    )
    exposed_requests: int = Field(
        description="Requests that the candidate answered in it", examples=[412]
    )
    requests_spared: int = Field(
        description="Requests of them after the first objection, where people stopped it, too",
        examples=[403],
    )


class TrialReportOut(BaseModel):
    """What came of the rollouts in trial."""

    since: datetime = Field(
        description="Rollouts that started since then", examples=["2026-01-01T12:00:00Z"]
    )
    both_promoted: int = Field(description="Neither objected", examples=[17])
    both_stopped: int = Field(
        description="Verdicts would have stopped what people stopped", examples=[3]
    )
    false_alarms: int = Field(
        description="Verdicts would have stopped what people kept", examples=[1]
    )
    missed: int = Field(
        description="People stopped what verdicts would have let go on", examples=[0]
    )
    open: int = Field(description="They run, or ended by neither", examples=[2])
    requests_spared: int = Field(
        description="Requests that bad candidates would not have answered", examples=[1240]
    )
    rollouts: list[TrialRolloutOut] = Field(description="Newest first")
    truncated: bool = Field(
        description="Whether there are more, and these are the newest", examples=[False]
    )
