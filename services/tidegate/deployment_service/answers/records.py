"""The past: intents and the ledger."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel

from tidegate.deployment_service.answers.traffic import ScalingOut, TrafficOut


class IntentOut(BaseModel):
    """One generation: what should serve, by whom, why, when."""

    generation: int
    stable: int | None
    candidate: int | None
    traffic: TrafficOut | None
    scaling: ScalingOut
    author: str
    reason: str
    rollout_id: str | None
    at: datetime | None


class EntryOut(BaseModel):
    """One entry of the ledger."""

    seq: int
    at: datetime
    actor: str
    action: str
    why: str
    body: Any
    hash: str


class HistoryPage(BaseModel):
    """Intents and ledger entries, newest first, each list with its own keyset behind one token."""

    intents: list[IntentOut]
    ledger: list[EntryOut]
    next_page_token: str | None = None
