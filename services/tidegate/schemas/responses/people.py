"""Users, roles and tokens as answered. A secret is in one answer only: the one that made it."""

from datetime import datetime

from pydantic import BaseModel, Field

from tidegate.core.access import Role
from tidegate.schemas.responses.base import ChangeOut


class AccessToken(BaseModel):
    """A bearer token (RFC 6749, section 5.1)."""

    access_token: str = Field(
        description="The token, for `Authorization: Bearer`", examples=["eyJhbGciOi…"]
    )
    token_type: str = Field(default="Bearer", description="Kind of token", examples=["Bearer"])
    expires_in: int = Field(description="Seconds until it ends", examples=[43200])


class VerifiedOut(BaseModel):
    """Who was let through. The same is in the headers X-Tidegate-User and X-Tidegate-Groups."""

    name: str = Field(description="The caller", examples=["oidc:ann@example.com"])
    groups: list[str] = Field(description="The caller's groups", examples=[["oidc:ml-platform"]])


class UserOut(BaseModel):
    """A local user."""

    name: str = Field(description="Name of the user", examples=["ann"])
    created_at: datetime | None = Field(
        default=None,
        description="When it was made; null in the answer of a change",
        examples=["2026-01-01T12:00:00Z"],
    )
    created_by: str = Field(default="", description="Who made it", examples=["admin"])


class UserChange(UserOut, ChangeOut):
    """A local user as a change left it."""


class UsersOut(BaseModel):
    """Every local user."""

    items: list[UserOut] = Field(description="Users, by name")


class BindingOut(BaseModel):
    """A role of a user or a group in a namespace."""

    user: str | None = Field(
        default=None, description="Who has it; null where a group has it", examples=["ann"]
    )
    group: str | None = Field(
        default=None, description="Which group has it; null where a user has it", examples=[None]
    )
    namespace: str = Field(description="Where; `*`: in every namespace", examples=["team-a"])
    role: Role | None = Field(
        description="The role; null where it was taken away", examples=["editor"]
    )
    created_at: datetime | None = Field(
        default=None,
        description="When it was granted; null in the answer of a change",
        examples=["2026-01-01T12:00:00Z"],
    )
    created_by: str = Field(default="", description="Who granted it", examples=["admin"])


class BindingChange(BindingOut, ChangeOut):
    """A role as a change left it."""


class BindingsOut(BaseModel):
    """Every role that is granted in a namespace."""

    items: list[BindingOut] = Field(description="Roles, by user and group")


class TokenOut(BaseModel):
    """A token for a pipeline."""

    name: str = Field(
        description="Name of the caller that it stands for", examples=["service:team-a:ci"]
    )
    namespace: str = Field(
        description="Where it counts; `*`: in every namespace", examples=["team-a"]
    )
    role: Role | None = Field(description="Its role there; null: none", examples=["editor"])
    created_at: datetime | None = Field(
        default=None,
        description="When it was made; null in the answer of a change",
        examples=["2026-01-01T12:00:00Z"],
    )
    created_by: str = Field(default="", description="Who made it", examples=["ann"])
    expires_at: datetime | None = Field(
        default=None,
        description="When it ends; null in the answer of a change",
        examples=["2026-04-01T12:00:00Z"],
    )


class TokenChange(TokenOut, ChangeOut):
    """A token as it was made."""

    token: str | None = Field(
        default=None,
        description="Its secret, in this answer only; null in a dry run",
        examples=["tdg_Zk3…"],
    )


class TokensOut(BaseModel):
    """The tokens of a namespace that have not ended."""

    items: list[TokenOut] = Field(description="Tokens, by name")


class RevokedChange(ChangeOut):
    """How many tokens were revoked."""

    name: str = Field(
        description="Name of the caller that they stood for", examples=["service:team-a:ci"]
    )
    count: int = Field(description="How many tokens were revoked", examples=[1])
