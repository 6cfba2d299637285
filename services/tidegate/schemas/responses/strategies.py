"""The strategies that a rollout may have, with their defaults."""

from typing import Any

from pydantic import BaseModel, Field

from tidegate.core.strategy import Ending, Kind, Until


class PlannedStepOut(BaseModel):
    """One step of a default plan."""

    percent: int = Field(description="Percent of the requests for the candidate", examples=[10])
    mirror_percent: int = Field(
        description="Percent of the requests that are copied to it", examples=[0]
    )
    size: int = Field(
        description="Its replicas in percent of stable's; 0: as its share needs", examples=[0]
    )
    until: Until = Field(
        description="What ends the step, besides its time", examples=[Until.NO_FAIL]
    )
    bake_seconds: float = Field(description="How long it lasts at least", examples=[60.0])


class OptionOut(BaseModel):
    """One field of the request that starts a rollout."""

    name: str = Field(
        description="As in the request, with dots where it lies deeper",
        examples=["deadlines.ready_seconds"],
    )
    description: str = Field(
        description="What it is, in a sentence", examples=["How long each step lasts at least."]
    )
    default: int | float | str | list[int] | None = Field(
        description="Where the request leaves it out; null: nothing is chosen", examples=[60.0]
    )
    unit: str = Field(
        description="Of its value; '' for words and plain numbers", examples=["seconds"]
    )


class StrategyChoiceOut(BaseModel):
    """One strategy."""

    kind: Kind = Field(description="Its name in a request", examples=[Kind.CANARY])
    title: str = Field(description="Its name for people", examples=["Canary"])
    description: str = Field(
        description="What it does, in a sentence or two",
        examples=["Rising shares of the traffic, each judged"],
    )
    steps: list[PlannedStepOut] = Field(description="Its plan where a request changes nothing")
    ending: Ending = Field(
        description="What happens after the last step", examples=[Ending.PROMOTE]
    )
    options: list[OptionOut] = Field(description="Fields of this strategy alone")
    example: dict[str, Any] = Field(
        description="A request that starts it",
        examples=[{"strategy": "canary", "model_version_id": "2", "steps": [1, 5, 25, 50]}],
    )


class StrategiesOut(BaseModel):
    """Every strategy, and the fields that all of them take."""

    strategies: list[StrategyChoiceOut] = Field(description="What a rollout may be started with")
    options: list[OptionOut] = Field(description="Fields of every strategy")
