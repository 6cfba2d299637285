"""What callers send about users, roles and tokens."""

from typing import Annotated

from pydantic import Field, SecretStr, StrictInt, StrictStr, StringConstraints, model_validator

from tidegate.core.access import Role
from tidegate.core.errors import Unfit
from tidegate.schemas.requests.fields import Body

DAY = 86_400
_RESERVED = frozenset({"admin", "worker", "bootstrap"})

UserName = Annotated[
    StrictStr,
    StringConstraints(pattern=r"^[a-z0-9][-a-z0-9_.@]{0,99}$"),
    Field(description="Lower-case; names of other origins have a prefix such as oidc: or k8s:."),
]
Password = Annotated[SecretStr, Field(min_length=12, max_length=200, description="At least 12 characters.")]
Subject = Annotated[StrictStr, StringConstraints(pattern=r"^[!-~]{1,256}$")]
TokenName = Annotated[StrictStr, StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9_.]{0,61}[a-z0-9])?$")]


class LogIn(Body):
    """A local user's name and password."""

    username: Annotated[StrictStr, StringConstraints(pattern=r"^[!-~]{1,250}$")]
    password: Annotated[SecretStr, Field(min_length=1, max_length=200)]


class NewUser(Body):
    """A local user. It has no role until one is granted."""

    name: UserName
    password: Password

    @model_validator(mode="after")
    def _free(self) -> "NewUser":
        if self.name in _RESERVED:
            raise Unfit(f"{self.name!r} is a name of Tidegate's own", "choose another")
        return self


class NewPassword(Body):
    """Another password; every token of the user is void then."""

    password: Password


class NewBinding(Body):
    """A role for a user or a group."""

    user: Subject | None = None
    group: Subject | None = None
    role: Role

    @model_validator(mode="after")
    def _one(self) -> "NewBinding":
        if (self.user is None) == (self.group is None):
            raise Unfit("needs a user or a group, and not both", "name one of them")
        return self


class NewToken(Body):
    """A token for a pipeline."""

    name: TokenName
    role: Role
    lasts: Annotated[StrictInt, Field(ge=60, le=366 * DAY, description="Seconds until it ends.")] = 90 * DAY

    @model_validator(mode="after")
    def _free(self) -> "NewToken":
        if self.name in _RESERVED:
            raise Unfit(f"{self.name!r} is a name of Tidegate's own", "choose another")
        return self
