"""What the template-service is sent, and what it answers."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StrictStr, StringConstraints

from tidegate.template_service.catalog import Entry, Parameter

Text = Annotated[StrictStr, Field(max_length=128)]
NamespaceIn = Annotated[
    StrictStr, StringConstraints(pattern=r"^([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)?$")
]
Image = Annotated[
    StrictStr | None,
    Field(
        max_length=500,
        description="What the tasks run; pinned. Default: the installation's.",
        examples=["ghcr.io/example/tidegate:1.0.0"],
    ),
]
EXAMPLE: dict[str, Any] = {
    "endpoint": "demo/demo-triton",
    "model_version": "2",
    "percents": [5, 25, 50],
}
Parameters = Annotated[
    dict[str, Any],
    Field(
        max_length=100, description="Values by name; the others keep defaults.", examples=[EXAMPLE]
    ),
]


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

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"parameters": EXAMPLE, "namespace": "team-a"}]}
    )

    namespace: Annotated[
        NamespaceIn,
        Field(description="Namespace of the run, in a KFP of several users", examples=["team-a"]),
    ] = ""
    experiment: Annotated[
        Text,
        Field(description="Experiment of KFP; default: the installation's", examples=["tidegate"]),
    ] = ""
    name: Annotated[
        Text,
        Field(
            description="Name of the run; default: template, endpoint and version",
            examples=["canary of fraud 2"],
        ),
    ] = ""
    service_account: Annotated[
        NamespaceIn,
        Field(
            description="ServiceAccount of its pods; default: KFP's", examples=["pipeline-runner"]
        ),
    ] = ""


class UploadIn(Body):
    """Where the catalog goes. namespace "": shared by all."""

    namespace: Annotated[
        NamespaceIn,
        Field(
            description="Namespace of the pipelines, in a KFP of several users; empty: shared by "
            "all",
            examples=["team-a"],
        ),
    ] = ""
    image: Image = None


class TemplateOut(BaseModel):
    """A template in a list."""

    name: Annotated[str, Field(description="Name of the template", examples=["rollout-canary"])]
    version: Annotated[str, Field(description="Version of the template", examples=["1.0.0"])]
    title: Annotated[str, Field(description="Title for people", examples=["Canary rollout"])]
    description: Annotated[
        str,
        Field(
            description="What it does, for people",
            examples=["Rolls a model version out by rising percents"],
        ),
    ]
    strategy: Annotated[
        str, Field(description="Strategy of the rollout that it drives", examples=["canary"])
    ]
    tags: Annotated[list[str], Field(description="Tags for finding it", examples=[["canary"]])]
    digest: Annotated[
        str,
        Field(description="SHA-256 of the compiled template", examples=["sha256:9f86d081884c7d65"]),
    ]

    @classmethod
    def of(cls, entry: Entry) -> "TemplateOut":
        """From the catalog."""
        return cls(**entry.model_dump(include=set(cls.model_fields)))


class TemplateDetail(TemplateOut):
    """A template with its parameters."""

    parameters: Annotated[list[Parameter], Field(description="What a person can set")]


class TemplatesOut(BaseModel):
    """Every template. image: what their tasks run."""

    items: Annotated[list[TemplateOut], Field(description="Templates")]
    image: Annotated[
        str,
        Field(
            description="Image that every task runs", examples=["ghcr.io/example/tidegate:1.0.0"]
        ),
    ]


class RenderedOut(BaseModel):
    """yaml: plain, starts without further parameters. parameters: every one with the value that
    holds."""

    template: Annotated[str, Field(description="Name of the template", examples=["rollout-canary"])]
    version: Annotated[str, Field(description="Version of the template", examples=["1.0.0"])]
    parameters: Annotated[
        dict[str, Any],
        Field(
            description="Every parameter with the value that holds",
            examples=[{"endpoint": "team-a/fraud"}],
        ),
    ]
    yaml: Annotated[
        str,
        Field(
            description="The pipeline; it starts without further parameters",
            examples=["components: …"],
        ),
    ]


class TaskOut(BaseModel):
    """A task of a run, with its last attempt. state: KFP's word."""

    node: Annotated[str, Field(description="Name of the task in the dag", examples=["reach-2"])]
    name: Annotated[
        str, Field(description="Name that people see", examples=["Traffic step 2 of 5"])
    ]
    state: Annotated[
        str,
        Field(
            description="KFP's word for its state; SKIPPED: the run ended before it",
            examples=["SUCCEEDED"],
        ),
    ]
    started_at: Annotated[
        str | None,
        Field(
            description="When it began, ISO 8601; null: it has not",
            examples=["2026-01-01T12:00:00Z"],
        ),
    ]
    ended_at: Annotated[
        str | None, Field(description="When it ended, ISO 8601; null: it has not", examples=[None])
    ]
    error: Annotated[
        str,
        Field(
            description="Why it failed, in one line; empty: it did not, or nobody says",
            examples=[""],
        ),
    ]


class RunOut(BaseModel):
    """A run that was started here. url: its page in KFP."""

    run_id: Annotated[
        str, Field(description="Its id in KFP", examples=["2f6e1c1a-0000-4000-8000-000000000000"])
    ]
    name: Annotated[
        str, Field(description="Its name in KFP", examples=["rollout-canary team-a/fraud 2"])
    ]
    template: Annotated[str, Field(description="Name of the template", examples=["rollout-canary"])]
    version: Annotated[str, Field(description="Version of the template", examples=["1.0.0"])]
    author: Annotated[str, Field(description="Who started it", examples=["ann"])]
    state: Annotated[str, Field(description="KFP's word for its state", examples=["RUNNING"])]
    ended: Annotated[
        bool, Field(description="Whether nothing more happens to it", examples=[False])
    ]
    created_at: Annotated[
        str | None,
        Field(
            description="When it was started, ISO 8601; null: KFP does not say",
            examples=["2026-01-01T12:00:00Z"],
        ),
    ]
    finished_at: Annotated[
        str | None, Field(description="When it ended, ISO 8601; null: it runs", examples=[None])
    ]
    error: Annotated[
        str,
        Field(
            description="Which task failed and why, in one line; empty: none did",
            examples=["Traffic step 2 of 5 failed: r1 serves, r2 was rolled back (aborted)"],
        ),
    ]
    parameters: Annotated[
        dict[str, Any],
        Field(
            description="Every parameter with its value", examples=[{"endpoint": "team-a/fraud"}]
        ),
    ]
    tasks: Annotated[
        list[TaskOut], Field(description="The tasks of its template, in their order, each once")
    ]
    url: Annotated[
        str | None,
        Field(
            description="Its page in KFP; null: the page's address is not known",
            examples=["https://kfp.example.com/#/runs/details/2f6e1c1a"],
        ),
    ]


class RunsOut(BaseModel):
    """Runs, newest first."""

    items: Annotated[list[RunOut], Field(description="Runs")]


class UploadedOut(BaseModel):
    """A template as a pipeline of KFP. created: false where this version was there."""

    name: Annotated[str, Field(description="Name of the template", examples=["rollout-canary"])]
    version: Annotated[str, Field(description="Version of the template", examples=["1.0.0"])]
    pipeline_id: Annotated[
        str,
        Field(
            description="Id of the pipeline in KFP",
            examples=["0a1b2c3d-0000-4000-8000-000000000000"],
        ),
    ]
    version_id: Annotated[
        str,
        Field(
            description="Id of that version in KFP",
            examples=["4e5f6a7b-0000-4000-8000-000000000000"],
        ),
    ]
    created: Annotated[
        bool,
        Field(
            description="Whether this call uploaded it; false: that version was there",
            examples=[True],
        ),
    ]


class UploadsOut(BaseModel):
    """Every template of the catalog."""

    items: Annotated[list[UploadedOut], Field(description="Templates")]
