"""Users, roles and tokens as answered. A secret is in one answer only: the one that made it."""

from datetime import datetime

from pydantic import BaseModel

from tidegate.core.access import Role
from tidegate.deployment_service.answers.base import Answer


class AccessToken(BaseModel):
    """RFC 6749, 5.1."""

    access_token: str
    token_type: str = "Bearer"  # noqa: S105  (the kind of token)
    expires_in: int


class VerifiedOut(BaseModel):
    """Who was let through. The same is in the headers X-Tidegate-User and X-Tidegate-Groups."""

    name: str
    groups: list[str]


class UserOut(Answer):
    """A local user."""

    name: str
    created_at: datetime | None = None
    created_by: str = ""


class UsersOut(BaseModel):
    """Every local user."""

    items: list[UserOut]


class BindingOut(Answer):
    """A role of a user or a group in a namespace."""

    user: str | None = None
    group: str | None = None
    namespace: str
    role: Role | None
    created_at: datetime | None = None
    created_by: str = ""


class BindingsOut(BaseModel):
    """Every binding of a namespace."""

    items: list[BindingOut]


class TokenOut(Answer):
    """A token for a pipeline. `token`: its secret, once, where it was made."""

    name: str
    namespace: str
    roles: list[str]
    created_at: datetime | None = None
    created_by: str = ""
    expires_at: datetime | None = None
    token: str | None = None


class TokensOut(BaseModel):
    """Tokens of a namespace that still open something."""

    items: list[TokenOut]


class RevokedOut(Answer):
    """How many tokens were revoked."""

    name: str
    count: int
