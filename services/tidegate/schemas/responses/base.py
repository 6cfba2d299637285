"""What every change answers, beside the resource that it changed."""

from collections.abc import Sequence
from typing import TypeVar

from pydantic import BaseModel, Field

from tidegate.core.preflight import Level


class ChangeOut(BaseModel):
    """Part of every answer to a call that changes something; no GET answers it."""

    dry_run: bool = Field(
        default=False,
        description="True: this is what would happen; nothing was written",
        examples=[False],
    )
    warnings: list[str] = Field(
        default=[],
        description="What was accepted, but may not do what the caller expects; one sentence each",
        examples=[["nothing scales here: there is no autoscaler, replicas stay at minReplicas 1"]],
    )


class AcceptedOut(BaseModel):
    """What was accepted, and what follows."""

    action: str = Field(description="The action, as the caller called it", examples=["undo"])
    follows: str = Field(
        description="What follows, in one line for people",
        examples=["r1 gets ready, then all traffic goes to it"],
    )


Change = TypeVar("Change", bound=ChangeOut)


def changed(kind: type[Change], resource: BaseModel, warnings: Sequence[str] = ()) -> Change:
    """The answer of a change: the fields of the resource, and what a change adds."""
    return kind.model_validate({**dict(resource), "warnings": list(warnings)})


class FindingOut(BaseModel):
    """One thing that preflight found. A finding of level `problem` refuses the call, so an answer
    holds warnings and what could not be checked."""

    level: Level = Field(
        description="warning: accepted, but may fail; unchecked: nobody could look",
        examples=["warning"],
    )
    rule: str = Field(description="Name of the rule, stable for programs", examples=["capacity"])
    detail: str = Field(
        description="What was found, for a person", examples=["no node has 4 CPUs free for r2"]
    )
    step: str = Field(
        default="",
        description="Step of the plan where it applies; empty: all",
        examples=["step 3 of 5: 10 %"],
    )
    object: str = Field(
        default="",
        description="Kind and name of the Kubernetes object",
        examples=["HTTPRoute team-a/fraud"],
    )
    path: str = Field(
        default="",
        description="JSON path in that object",
        examples=["spec.rules[0].backendRefs[0].weight"],
    )


class PreflightOut(BaseModel):
    """What was checked in the cluster before the call was accepted."""

    checked: int = Field(
        description="Objects that went through the cluster's admission as a dry run", examples=[7]
    )
    findings: list[FindingOut] = Field(description="Warnings, and what could not be checked")
    start_seconds: float | None = Field(
        description="Seconds until pods are ready, as stable's were; null: unknown", examples=[42.0]
    )
    undo_seconds: float | None = Field(
        description="Seconds until stable has all traffic again after a rollback; null: unknown",
        examples=[2.0],
    )
    undo: str = Field(
        description="How a rollback would work here, for a person",
        examples=["stable keeps its pods: the route moves back at once"],
    )
    own_metrics: list[str] = Field(
        default=[],
        description="What each metric of the caller's own answered of stable, a line each",
        examples=[["checkout: r1 counted 8,120 good of 8,144 at 2 sources"]],
    )
