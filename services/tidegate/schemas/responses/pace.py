"""How a rollout follows the traffic, as answered."""

from datetime import datetime

from pydantic import BaseModel, Field

from tidegate.core.time_box import OnTimeBox


class TimeBoxOut(BaseModel):
    """How long a step may wait for requests, and what could be stated now."""

    seconds: float = Field(description="Seconds that a step may wait", examples=[3600.0])
    on_time_box: OnTimeBox = Field(description="What its end does", examples=["pause"])
    max_accepted_points: float | None = Field(
        default=None,
        description="Largest bound that the tenant's policy accepted when the rollout started, in "
        "percent points; null: none",
        examples=[4.0],
    )
    points: float | None = Field(
        default=None,
        description="By how many percent points the candidate may be worse in the present step, at "
        "confidence 1 - alpha; null: nothing can be stated",
        examples=[4.0],
    )
    statement: str = Field(
        default="",
        description="The same in one line; empty where no step runs",
        examples=["errors: 0 bad of 180; 99 % sure: at most 4 points worse than stable"],
    )


class AcceptedBoundOut(BaseModel):
    """A step that ended by a stated bound instead of a verdict."""

    step: int = Field(description="Number of the step, from one", examples=[2])
    by: str = Field(description="Who accepted it", examples=["bob"])
    at: datetime | None = Field(description="When", examples=["2026-01-01T12:00:00Z"])
    points: float | None = Field(
        description="By how many percent points the candidate may be worse; null: nothing could be "
        "stated",
        examples=[4.0],
    )
    requests: int = Field(description="Requests of the candidate in the step", examples=[180])
    statement: str = Field(
        description="All of it in one line",
        examples=["errors: 0 bad of 180; 99 % sure: at most 4 points worse than stable"],
    )
