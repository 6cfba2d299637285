"""The installation: its ledger, its cluster, its callers."""

from typing import Any

from pydantic import BaseModel

from tidegate.core.access import Role
from tidegate.core.ports import State


class LedgerState(BaseModel):
    """Whether every chain still holds."""

    intact: bool
    entries: int | None = None
    head: str | None = None
    broken: dict[str, Any] | None = None


class CheckOut(BaseModel):
    """One part of the installation. `needed`: without it rollouts cannot go on by themselves."""

    name: str
    state: State
    detail: str
    way_out: str = ""
    needed: bool = False


class DoctorOut(BaseModel):
    """Every part that somebody looked at. `ok`: nothing that is needed is missing."""

    ok: bool
    checks: list[CheckOut]


class WhoAmI(BaseModel):
    """The caller, its roles, and the tenants that it may use. `grants`: the role of each namespace, `*`: of every one.
    `tenants` is empty where the caller may use any, and where it may use none: see `grants`."""

    name: str
    roles: list[str]
    tenants: list[str]
    grants: dict[str, Role]
