"""What a tenant may name."""

from datetime import datetime

from pydantic import BaseModel, Field

from tidegate.core.agreement import TenantMode
from tidegate.schemas.responses.base import ChangeOut


class LimitsOut(BaseModel):
    """The most that one spec may ask for."""

    cpu: str | None = Field(
        default=None, description="CPUs of a pod; null: no limit", examples=["8"]
    )
    memory: str | None = Field(
        default=None, description="Memory of a pod; null: no limit", examples=["32Gi"]
    )
    gpu: int | None = Field(default=None, description="GPUs of a pod; null: no limit", examples=[1])
    replicas: int | None = Field(
        default=None, description="Replicas of an endpoint; null: no limit", examples=[8]
    )


class AllowedOut(BaseModel):
    """What a tenant's specs may name. An empty list allows nothing, `*` everything, `team-*` all
    that begin so."""

    serviceAccounts: list[str] = Field(description="ServiceAccounts", examples=[["models-reader"]])
    secrets: list[str] = Field(description="Secrets", examples=[["team-a-s3"]])
    uriPrefixes: list[str] = Field(
        description="Prefixes of model URIs", examples=[["s3://models/team-a/"]]
    )
    runtimes: list[str] = Field(description="ServingRuntimes", examples=[["kserve-tritonserver"]])
    imageTags: list[str] = Field(
        description="Tags of the runtime's image", examples=[["25.08-py3"]]
    )
    nodeSelectors: list[str] = Field(
        description="Node labels, key or key=value", examples=[["zone=a"]]
    )
    tolerations: list[str] = Field(
        description="Taints, key[=value][:Effect]", examples=[["nvidia.com/gpu:NoSchedule"]]
    )
    gpuTypes: list[str] = Field(
        description="Resources that a GPU is requested as", examples=[["nvidia.com/gpu"]]
    )
    limits: LimitsOut = Field(description="The most that one spec may ask for")


class TenantOut(BaseModel):
    """A tenant's list."""

    namespace: str = Field(description="Namespace (the tenant)", examples=["team-a"])
    default: bool = Field(
        description="Whether nobody wrote a list, so that the installation's holds",
        examples=[False],
    )
    generation: int = Field(
        description="Rises with each change; the ETag. 0 for the default", examples=[3]
    )
    allowed: AllowedOut = Field(description="What the tenant's specs may name")
    mode: TenantMode = Field(
        default=TenantMode.ENFORCE,
        description="`trial`: verdicts are stored, and move no traffic",
        examples=["enforce"],
    )
    max_accepted_points: float | None = Field(
        default=None,
        description="Largest stated bound that is accepted without a person at the end of a time "
        "box, in percent points; null: none",
        examples=[4.0],
    )
    updated_at: datetime | None = Field(
        default=None,
        description="When it was written; null for the default",
        examples=["2026-01-01T12:00:00Z"],
    )
    updated_by: str | None = Field(
        default=None, description="Who wrote it; null for the default", examples=["admin"]
    )


class TenantChange(TenantOut, ChangeOut):
    """A tenant's list as a change left it."""
