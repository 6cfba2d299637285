"""Who may do what: four roles, each with all that the one before it may, in one namespace or
everywhere.

viewer looks; editor changes endpoints, moves traffic below the promotion and back to stable;
approver answers where a person is waited for and promotes; admin says who has which role.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

EVERYWHERE = "*"


class Role(StrEnum):
    """From the least to the most."""

    VIEWER = "viewer"
    EDITOR = "editor"
    APPROVER = "approver"
    ADMIN = "admin"

    def includes(self, other: "Role") -> bool:
        """Whether whoever has this role may do what the other may."""
        order = tuple(Role)
        return order.index(self) >= order.index(other)


@dataclass(frozen=True, slots=True)
class Grant:
    """A role in a namespace; in every one: EVERYWHERE."""

    role: Role
    namespace: str


def role_in(grants: Iterable[Grant], namespace: str) -> Role | None:
    """The highest role there."""
    held = [grant.role for grant in grants if grant.namespace in (EVERYWHERE, namespace)]
    return max(held, key=tuple(Role).index, default=None)


def namespaces(grants: Iterable[Grant], role: Role) -> frozenset[str] | None:
    """Where the role is held; None: everywhere."""
    results = frozenset(grant.namespace for grant in grants if grant.role.includes(role))
    if EVERYWHERE in results:
        return None
    return results


def roles(texts: Iterable[str], namespace: str) -> tuple[Grant, ...]:
    """Grants of stored texts; one that is no role grants nothing."""
    known = {role.value: role for role in Role}
    return tuple(Grant(known[text], namespace) for text in texts if text in known)
