"""The past: intents and the ledger."""

from datetime import datetime

from pydantic import BaseModel, Field, JsonValue

from tidegate.core.strategy import Kind
from tidegate.schemas.responses.traffic import AutoscalingOut, TrafficOut


class IntentOut(BaseModel):
    """One generation: what should serve, by whom, why, since when."""

    generation: int = Field(description="Number of the intent", examples=[4])
    stable: int | None = Field(description="Revision that serves; null: deleted", examples=[1])
    candidate: int | None = Field(description="Revision on rollout; null: none", examples=[2])
    traffic: TrafficOut | None = Field(
        description="Traffic that it asks for; null: nothing should serve"
    )
    autoscaling: AutoscalingOut = Field(description="Replica bounds of each revision")
    author: str = Field(description="Who made it", examples=["ann"])
    reason: str = Field(description="Why", examples=["new weights"])
    rollout_id: str | None = Field(
        description="Rollout that made it; null: a person did",
        examples=["7c9e6679-7425-40de-944b-e07fc1f90ae7"],
    )
    at: datetime | None = Field(description="When", examples=["2026-01-01T12:00:00Z"])


class RecordedIntent(BaseModel):
    """The intent that an entry of the ledger records."""

    generation: int = Field(description="Number of the intent", examples=[4])
    stable: int | None = Field(description="Revision that serves; null: deleted", examples=[1])
    candidate: int | None = Field(
        default=None, description="Revision on rollout; null: none", examples=[2]
    )
    percent: int = Field(default=0, description="Percent of the candidate", examples=[25])
    mirror_percent: int = Field(
        default=0, description="Percent of requests copied to it", examples=[0]
    )
    by_header: bool = Field(
        default=False, description="Whether headers choose the candidate, too", examples=[False]
    )


class RecordedRollout(BaseModel):
    """The rollout whose start an entry of the ledger records."""

    strategy: Kind = Field(description="Strategy", examples=["canary"])
    base: int = Field(description="Stable revision at its start", examples=[1])
    candidate: int = Field(description="Revision on rollout", examples=[2])


class EntryOut(BaseModel):
    """One entry of the ledger."""

    seq: int = Field(description="Number of the entry in its chain", examples=[12])
    at: datetime = Field(description="When", examples=["2026-01-01T12:00:00Z"])
    actor: str = Field(description="Who", examples=["rollout:7c9e6679-7425-40de-944b-e07fc1f90ae7"])
    action: str = Field(description="What was done", examples=["intent"])
    message: str = Field(description="Why", examples=["step 2 of 5: 5 %"])
    rollout_id: str | None = Field(
        default=None,
        description="Rollout that it belongs to; null: none",
        examples=["7c9e6679-7425-40de-944b-e07fc1f90ae7"],
    )
    intent: RecordedIntent | None = Field(
        default=None, description="Of the action `intent`; null otherwise"
    )
    rollout: RecordedRollout | None = Field(
        default=None, description="Of the action `rollout.start`; null otherwise"
    )
    called: str | None = Field(
        default=None,
        description="What the person calls the change that made an intent; null: it is another "
        "entry, or the rollout controller's",
        examples=["set canary"],
    )
    kind: str | None = Field(
        default=None,
        description="What it asks of the rollout controller, where that is not what the person "
        "calls it; null: the same",
        examples=["pause"],
    )
    body: JsonValue = Field(
        description="Everything that was recorded, as the hash covers it",
        examples=[{"rollout": "7c9e6679-7425-40de-944b-e07fc1f90ae7"}],
    )
    hash: str = Field(
        description="SHA-256 over this entry and the hash before it", examples=["9f86d0…"]
    )


class HistoryPage(BaseModel):
    """Intents and ledger entries, newest first; one page token goes through both lists."""

    intents: list[IntentOut] = Field(description="Intents of this page")
    ledger: list[EntryOut] = Field(description="Entries of this page")
    next_page_token: str | None = Field(
        default=None,
        description="`page_token` of the next page; null on the last",
        examples=["WyJXelE0WFEi"],
    )
