"""The installation: its ledger, its cluster, its callers."""

from pydantic import BaseModel, Field

from tidegate.core.access import Role
from tidegate.core.ports import State


class BrokenChain(BaseModel):
    """The first entry of the ledger that does not fit."""

    chain: str = Field(
        description="Id of the chain", examples=["1f0c8f2e-0000-4000-8000-000000000000"]
    )
    seq: int = Field(description="Number of the entry in its chain", examples=[17])
    detail: str = Field(
        description="What does not fit", examples=["the hash is not that of the entry"]
    )


class LedgerState(BaseModel):
    """Whether every chain of the ledger still holds."""

    intact: bool = Field(description="Whether every hash is right", examples=[True])
    entries: int | None = Field(
        default=None,
        description="Entries that were checked; null where one is broken",
        examples=[1204],
    )
    head: str | None = Field(
        default=None,
        description="Newest hash of the installation's chain; null where one is broken",
        examples=["9f86d0…"],
    )
    broken: BrokenChain | None = Field(default=None, description="What is broken; null: nothing")


class CheckOut(BaseModel):
    """One part of the installation."""

    name: str = Field(description="Name of the part", examples=["worker"])
    state: State = Field(description="Whether it is there", examples=["ok"])
    detail: str = Field(description="What was seen", examples=["worker-0 reported 2 s ago"])
    remediation: str = Field(
        default="", description="What to do; empty: nothing", examples=["start a deploy-worker"]
    )
    needed: bool = Field(
        default=False, description="Whether rollouts stop without it", examples=[True]
    )


class DoctorOut(BaseModel):
    """Every part of the installation that was checked."""

    ok: bool = Field(description="Whether nothing that is needed is missing", examples=[True])
    checks: list[CheckOut] = Field(description="One for each part")


class WhoAmI(BaseModel):
    """The caller, and what it may do where."""

    name: str = Field(description="The caller", examples=["ann"])
    roles: list[Role] = Field(
        description="Roles that it has somewhere, least first", examples=[["viewer", "editor"]]
    )
    tenants: list[str] = Field(
        description="Namespaces that it may use; empty where it may use any, and where it may use "
        "none: see `grants`",
        examples=[["team-a"]],
    )
    grants: dict[str, Role] = Field(
        description="Its role in each namespace; `*`: in every one", examples=[{"team-a": "editor"}]
    )
