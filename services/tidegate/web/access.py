"""What a route needs of its caller, and the one refusal when that is missing."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from tidegate.core.access import EVERYWHERE, Role
from tidegate.core.errors import Problem
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
    """A role, and where. more: what else some requests need, for the documentation; the route asks for it."""

    role: Role
    where: Where
    more: str = ""


OPEN, ANY_CALLER = Need(Role.VIEWER, Where.OPEN), Need(Role.VIEWER, Where.CALLER)


class Forbidden(ApiError):  # noqa: N818  (an expected outcome, named after what it is)
    """403 of somebody who is known: recorded in the ledger."""

    def __init__(self, code: str, detail: str, field: str = "namespace") -> None:
        super().__init__(403, code, detail, (Problem(field, detail),))


def demand(who: Principal, role: Role, namespace: str, tenants: Collection[str] = ()) -> None:
    """Raise Forbidden unless the principal has this role in the namespace (EVERYWHERE: in every one). tenants: the
    installation's; empty: any namespace is one. May block: a Kubernetes identity is asked for at its API server."""
    if tenants and namespace not in (*tenants, EVERYWHERE):
        yours = sorted(one for one in tenants if who.role_in(one))
        rest = f"use {', '.join(yours)}" if yours else "you have none"
        raise Forbidden("not-a-tenant", f"{namespace[:80]!r} is not one of your tenants: {rest}")
    held = who.role_in(namespace)
    where = "every namespace" if namespace == EVERYWHERE else repr(namespace[:80])
    if held is None or not held.includes(role):
        has = f"is {held} there" if held else "has no role there"
        raise Forbidden(
            "forbidden", f"this needs {role} in {where}, and {who.name!r} {has}: ask an admin there to grant it"
        )
    if who.also is not None and (why := who.also(role, namespace)):
        raise Forbidden("forbidden", f"this needs {role} in {where}, and {why}")


def may(who: Principal, role: Role, namespace: str, tenants: Collection[str] = ()) -> bool:
    """Whether `demand` would be silent."""
    try:
        demand(who, role, namespace, tenants)
    except Forbidden:
        return False
    return True


def demand_somewhere(who: Principal, role: Role) -> None:
    """Raise Forbidden unless the role is held in at least one namespace. May block, as `demand`."""
    found = (grant.namespace for grant in who.grants if grant.role.includes(role))
    if not any(who.also is None or not who.also(role, namespace) for namespace in found):
        raise Forbidden(
            "forbidden", f"this needs {role} in some namespace, and {who.name!r} has it in none: ask an admin for it"
        )
