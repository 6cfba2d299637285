"""Answers about the watch after a promotion."""

from datetime import datetime

from pydantic import BaseModel, Field

from tidegate.core.watch_values import WatchState


class WatchOut(BaseModel):
    """The watch that follows a promotion: until when, and what it saw."""

    rollout: str = Field(
        description="Id of the rollout that was promoted",
        examples=["7c9e6679-7425-40de-944b-e07fc1f90ae7"],
    )
    revision: int = Field(description="Revision that is watched", examples=[2])
    base: int = Field(description="Revision that was stable before", examples=[1])
    state: WatchState = Field(description="Where it is", examples=["watching"])
    until: datetime | None = Field(
        description="When it ends; null: the promotion does not show yet",
        examples=["2026-01-01T12:30:00Z"],
    )
    since: datetime | None = Field(
        description="Since when it is in this state; null: the promotion does not show yet",
        examples=["2026-01-01T12:00:00Z"],
    )
    message: str = Field(
        description="What it saw, in one line; empty: nothing is wrong", examples=[""]
    )
    record: float | None = Field(
        description="Share of bad answers of the revision before, at its end, 0 to 1; null: too "
        "few were counted",
        examples=[0.004],
    )
    released: str = Field(
        description="Why the revision before is not on standby any more; empty: it is, or it never "
        "was",
        examples=[""],
    )
    undo: str | None = Field(
        description="Id of the rollout that the watch started to go back; null: none",
        examples=[None],
    )
