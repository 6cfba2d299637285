"""What a route needs of its caller, and the one refusal when that is missing."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from tidegate.core.access import EVERYWHERE, Role
from tidegate.core.errors import Problem, Remediation
from tidegate.web.auth import Principal
from tidegate.web.problems import ApiError


class Where(StrEnum):
    """Where the role has to be held."""

    OPEN = "open"  # no token
    CALLER = "any caller"  # a token, no role
    SOMEWHERE = "any namespace"
    NAMESPACE = "the path's namespace"
    ROLLOUT = "the rollout's namespace"
    CHOSEN = "the namespace that the request names"  # the route asks by itself, once it knows it
    INSTALLATION = "every namespace (`*`)"


@dataclass(frozen=True, slots=True)
class Need:
    """A role, and where. more: what else some requests need, for the documentation; the route asks
    for it."""

    role: Role
    where: Where
    more: str = ""


OPEN = Need(Role.VIEWER, Where.OPEN)
ANY_CALLER = Need(Role.VIEWER, Where.CALLER)


class Forbidden(ApiError):  # noqa: N818  (an expected outcome, named after what it is)
    """403 of somebody who is known: recorded in the ledger."""

    def __init__(
        self, code: str, detail: str, remediation: Remediation, field: str = "namespace"
    ) -> None:
        problem = Problem(field, detail, remediation)
        super().__init__(403, code, problem.sentence, (problem,))


def no_rule(operation: str) -> Forbidden:
    """403 for a route that stands in no table of rights, and so is closed to everybody."""
    detail = f"nobody may call {operation}: it stands in no table of rights"
    return Forbidden("no-rule", detail, Remediation("report it: that is a fault of Tidegate"))


def demand(who: Principal, role: Role, namespace: str, tenants: Collection[str] = ()) -> None:
    """Raise Forbidden unless the principal has this role in the namespace (EVERYWHERE: in every
    one). tenants: the installation's; empty: any namespace is one. May block: a Kubernetes identity
    is asked for at its API server."""
    if tenants and namespace not in (*tenants, EVERYWHERE):
        yours = sorted(tenant for tenant in tenants if who.role_in(tenant))
        text = "ask an admin for a role in a tenant: you have none"
        if yours:
            text = f"use {', '.join(yours)}"
        raise Forbidden(
            "not-a-tenant", f"{namespace[:80]!r} is not one of your tenants", Remediation(text)
        )
    held = who.role_in(namespace)
    where = "every namespace"
    if namespace != EVERYWHERE:
        where = repr(namespace[:80])
    if held is None or not held.includes(role):
        has = "has no role there"
        if held:
            has = f"is {held} there"
        detail = f"this needs {role} in {where}, and {who.name!r} {has}"
        raise Forbidden("forbidden", detail, Remediation("ask an admin there to grant it"))
    if who.also is not None and (message := who.also(role, namespace)):
        detail = f"this needs {role} in {where}, and {message}"
        raise Forbidden(
            "forbidden", detail, Remediation("ask an administrator of the cluster for that right")
        )


def may(who: Principal, role: Role, namespace: str, tenants: Collection[str] = ()) -> bool:
    """Whether `demand` would be silent."""
    try:
        demand(who, role, namespace, tenants)
    except Forbidden:
        return False
    return True


def demand_somewhere(who: Principal, role: Role) -> None:
    """Raise Forbidden unless the role is held in at least one namespace. May block, as `demand`."""
    results = (grant.namespace for grant in who.grants if grant.role.includes(role))
    if not any(who.also is None or not who.also(role, namespace) for namespace in results):
        detail = f"this needs {role} in some namespace, and {who.name!r} has it in none"
        raise Forbidden("forbidden", detail, Remediation("ask an admin for it"))
