"""The answer to every call that does not succeed (RFC 9457)."""

from pydantic import BaseModel, ConfigDict, Field


class RemediationOut(BaseModel):
    """What to do about a problem."""

    text: str = Field(
        description="What to do, in words that fit every client",
        examples=["take it over, or wait for it"],
    )
    request: str | None = Field(
        default=None,
        description="The request or the fields of the API that do it; left out where `text` says "
        "it all",
        examples=["repeat with ?force=true"],
    )
    command: str | None = Field(
        default=None,
        description="The command or the options of the CLI that do it; left out where `text` says "
        "it all",
        examples=["--force"],
    )


class ErrorItem(BaseModel):
    """One thing wrong, and what to do about it."""

    pointer: str = Field(
        description="JSON pointer into the body, or the name of a parameter or header",
        examples=["/canary_percent"],
    )
    detail: str = Field(
        description="The value, and the rule that it breaks",
        examples=["100 is not between 0 and 99"],
    )
    remediation: RemediationOut = Field(description="What to do about it")
    step: str | None = Field(
        default=None,
        description="Step of the plan, where preflight found it",
        examples=["step 3 of 5: 10 %"],
    )
    rule: str | None = Field(
        default=None,
        description="Rule that it breaks, where preflight found it",
        examples=["quota"],
    )
    object: str | None = Field(
        default=None,
        description="Kind and name of the object that was refused",
        examples=["HTTPRoute team-a/fraud"],
    )
    path: str | None = Field(
        default=None,
        description="JSON path in that object",
        examples=["spec.rules[0].backendRefs[0].weight"],
    )


class ProblemBody(BaseModel):
    """The body of every answer that is no success."""

    model_config = ConfigDict(title="Problem")

    type: str = Field(description="URI of the kind; always about:blank", examples=["about:blank"])
    title: str = Field(description="The status in words", examples=["Conflict"])
    status: int = Field(description="HTTP status", examples=[409])
    detail: str = Field(
        description="Everything wrong and what to do, in one line",
        examples=["rollout 7c9e6679 (canary of r2) is still running: wait for it, or abort it"],
    )
    instance: str = Field(
        description="Path of the call", examples=["/api/v1/endpoints/team-a/fraud/rollouts"]
    )
    code: str = Field(description="Stable word for programs", examples=["rollout-running"])
    errors: list[ErrorItem] = Field(
        default=[], description="Each thing that is wrong, the first 20 at most"
    )
    more_errors: int = Field(
        default=0, description="How many more things are wrong than `errors` tells", examples=[0]
    )
    request_id: str = Field(
        description="Id of the call, for whoever reads the logs", examples=["0f1a5d3e"]
    )
