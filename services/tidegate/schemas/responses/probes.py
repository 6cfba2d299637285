"""What every service says about itself to whoever asks: alive, ready, which version."""

from pydantic import BaseModel, Field


class CheckBody(BaseModel):
    """One check of a service's readiness."""

    ok: bool = Field(description="Whether it passed", examples=[True])
    detail: str = Field(description="What was seen", examples=["migrations are at 0007"])
    required: bool = Field(description="Whether readiness depends on it", examples=[True])


class Readiness(BaseModel):
    """Whether a service can answer requests."""

    ready: bool = Field(description="Whether every required check passed", examples=[True])
    checks: dict[str, CheckBody] | None = Field(
        default=None, description="Each check by name; null without `?verbose=true`"
    )


class Alive(BaseModel):
    """The process answers."""

    status: str = Field(default="ok", description="Always `ok`", examples=["ok"])


class Version(BaseModel):
    """What runs."""

    name: str = Field(description="Name of the distribution", examples=["tidegate"])
    version: str = Field(description="Its version", examples=["0.1.0"])
