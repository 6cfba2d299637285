"""What the template-service is sent, and what it answers."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StrictStr, StringConstraints

from tidegate.template_service.catalog import Entry, Parameter

Text = Annotated[StrictStr, Field(max_length=128)]
NamespaceIn = Annotated[StrictStr, StringConstraints(pattern=r"^([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)?$")]
Image = Annotated[
    StrictStr | None, Field(max_length=500, description="What the tasks run; pinned. Default: the installation's.")
]
Parameters = Annotated[dict[str, Any], Field(max_length=100, description="Values by name; the others keep defaults.")]
EXAMPLE: dict[str, Any] = {"endpoint": "demo/demo-triton", "model_version": "2", "percents": [5, 25, 50]}


class Body(BaseModel):
    """Base of everything that callers send."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class RenderIn(Body):
    """Values for a template."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"parameters": EXAMPLE}]})

    parameters: Parameters = {}
    image: Image = None


class SubmitIn(RenderIn):
    """A run. namespace: of the run, in a KFP of several users."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"parameters": EXAMPLE, "namespace": "team-a"}]})

    namespace: NamespaceIn = ""
    experiment: Text = ""
    name: Text = ""
    service_account: NamespaceIn = ""


class UploadIn(Body):
    """Where the catalog goes. namespace "": shared by all."""

    namespace: NamespaceIn = ""
    image: Image = None


class TemplateOut(BaseModel):
    """A template in a list."""

    name: str
    version: str
    title: str
    description: str
    strategy: str
    tags: list[str]
    digest: str

    @classmethod
    def of(cls, entry: Entry) -> "TemplateOut":
        """From the catalog."""
        return cls(**entry.model_dump(include=set(cls.model_fields)))


class TemplateDetail(TemplateOut):
    """A template with its parameters."""

    parameters: list[Parameter]


class TemplatesOut(BaseModel):
    """Every template. image: what their tasks run."""

    items: list[TemplateOut]
    image: str


class RenderedOut(BaseModel):
    """yaml: plain, starts without further parameters. parameters: every one with the value that holds."""

    template: str
    version: str
    parameters: dict[str, Any]
    yaml: str


class TaskOut(BaseModel):
    """A task of a run. state: KFP's word."""

    name: str
    state: str
    started_at: str | None
    ended_at: str | None
    error: str


class RunOut(BaseModel):
    """A run that was started here. url: its page in KFP."""

    run_id: str
    name: str
    template: str
    version: str
    author: str
    state: str
    ended: bool
    created_at: str | None
    finished_at: str | None
    error: str
    parameters: dict[str, Any]
    tasks: list[TaskOut]
    url: str | None


class RunsOut(BaseModel):
    """Runs, newest first."""

    items: list[RunOut]


class UploadedOut(BaseModel):
    """A template as a pipeline of KFP. created: false where this version was there."""

    name: str
    version: str
    pipeline_id: str
    version_id: str
    created: bool


class UploadsOut(BaseModel):
    """Every template of the catalog."""

    items: list[UploadedOut]
