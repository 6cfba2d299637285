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
    Field(
        description="Lower-case; names of other origins have a prefix such as oidc: or k8s:.",
        examples=["ann"],
    ),
]
Password = Annotated[
    SecretStr,
    Field(
        min_length=12,
        max_length=200,
        description="At least 12 characters.",
        examples=["correct horse battery staple"],
    ),
]
Subject = Annotated[StrictStr, StringConstraints(pattern=r"^[!-~]{1,256}$")]
TokenName = Annotated[
    StrictStr, StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9_.]{0,61}[a-z0-9])?$")
]


class LogIn(Body):
    """A local user's name and password."""

    username: Annotated[
        Annotated[StrictStr, StringConstraints(pattern=r"^[!-~]{1,250}$")],
        Field(description="Name of the local user", examples=["ann"]),
    ]
    password: Annotated[
        Annotated[SecretStr, Field(min_length=1, max_length=200)],
        Field(description="The user's password", examples=["correct horse battery staple"]),
    ]


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

    user: Annotated[
        Subject | None,
        Field(description="User that gets the role; not beside group", examples=["ann"]),
    ] = None
    group: Annotated[
        Subject | None,
        Field(
            description="Group that gets the role; not beside user", examples=["oidc:ml-platform"]
        ),
    ] = None
    role: Annotated[Role, Field(description="The role", examples=["editor"])]

    @model_validator(mode="after")
    def _one(self) -> "NewBinding":
        if (self.user is None) == (self.group is None):
            raise Unfit("needs a user or a group, and not both", "name one of them")
        return self


class NewToken(Body):
    """A token for a pipeline."""

    name: Annotated[
        TokenName, Field(description="Name of the token within the namespace", examples=["ci"])
    ]
    role: Annotated[
        Role, Field(description="The role that it has in the namespace", examples=["editor"])
    ]
    lasts: Annotated[
        StrictInt,
        Field(ge=60, le=366 * DAY, description="Seconds until it ends.", examples=[7_776_000]),
    ] = 90 * DAY

    @model_validator(mode="after")
    def _free(self) -> "NewToken":
        if self.name in _RESERVED:
            raise Unfit(f"{self.name!r} is a name of Tidegate's own", "choose another")
        return self
