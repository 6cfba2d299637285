"""What every change answers."""

from pydantic import BaseModel, Field

from tidegate.core.preflight import Level


class Answer(BaseModel):
    """Base of what mutating calls answer. `dry_run`: nothing was written. `warnings`: accepted, but not as one may
    think."""

    dry_run: bool = False
    warnings: list[str] = []


class FindingOut(BaseModel):
    """One thing that preflight found; `level` problem refuses, so an answer has warnings and what was not checked."""

    level: Level
    rule: str
    detail: str
    step: str = Field(default="", examples=["step 3 of 5: 10 %"])
    object: str = Field(default="", examples=["HTTPRoute team-a/fraud"])
    path: str = Field(default="", description="JSON path in the object")


class PreflightOut(BaseModel):
    """What was looked at before this was accepted. `checked`: objects that went through the cluster's admission."""

    checked: int
    findings: list[FindingOut]
    start_seconds: float | None = Field(description="Until pods are ready, as stable's were; null: unknown")
    undo_seconds: float | None = Field(description="Until stable has everything again; null: unknown")
    undo: str = Field(description="How it goes back, for a person")
