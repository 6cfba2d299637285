"""Settings of every command, from `TIDEGATE_*` environment variables: one place, one spelling,
checked at start.

What must not stand in a variable may lie in a file: TIDEGATE_SECRETS_DIR names a folder whose files
are called like the variables, in small letters (`tidegate_database_url`). A variable wins over a
file.
"""

import os
import sys
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import Field, ValidationError, field_validator
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SecretsSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from tidegate.core.allowed import EVERYTHING, Allowed, narrow
from tidegate.core.intent import Mode

SECRETS_DIR = "TIDEGATE_SECRETS_DIR"


class Settings(BaseSettings):
    """What differs between installations.

    database_url: a Postgres URL. database_listen_url: the same database past any connection pooler,
    for LISTEN. tenants: namespaces that callers may use; empty: any, and then each call names one.
    default_mode: the mode of an endpoint whose body names none. schemes: storage schemes of model
    URIs. tenant_default: what a tenant's specs may name before an administrator said it
    (docs/tenants.md): narrow, or open, which is everything. storage_hosts: hosts of model addresses
    that may be private ones; `.corp` for all below it. token_file: where the bootstrap token is
    written (mode 0600) instead of standard output. worker_timeout: seconds after which a silent
    worker counts as gone. preflight_timeout: seconds that a request waits for the worker's
    observation of the cluster. body_limit: bytes. stream_limit: seconds after which an event stream
    ends and the client reconnects. keepalive: seconds between comments on a silent stream. drain:
    seconds of "not ready" before the server stops. bootstrap: make the first token at the first
    start; else `python -m tidegate.store first-token` does, on a terminal and in no log. migrate:
    bring the database to this version's schema at the start (needs the owner's rights).

    Who calls (docs/security.md). audience: what tokens have to be made for. token_keys_file: the
    key ring that signs tokens of local users; None: nobody can log in. token_lasts: seconds.
    oidc_issuer: whose tokens are taken; "": nobody's; oidc_jwks_url: "": as its discovery document
    says; oidc_audience: "": audience. kubernetes_auth: take tokens of the cluster, asked of
    kubernetes_url with our own token in kubernetes_token_file.
    """

    model_config = SettingsConfigDict(env_prefix="TIDEGATE_", frozen=True, extra="ignore")

    database_url: str = ""
    database_listen_url: str | None = None
    tenants: Annotated[tuple[str, ...], NoDecode] = ()
    default_mode: Mode = Mode.STANDARD
    schemes: Annotated[tuple[str, ...], NoDecode] = (
        "s3",
        "gs",
        "pvc",
        "hf",
        "oci",
        "https",
        "http",
    )
    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)
    tenant_default: Literal["narrow", "open"] = "narrow"
    storage_hosts: Annotated[tuple[str, ...], NoDecode] = ()
    token_file: Path | None = None
    log_level: str = "INFO"
    worker_timeout: float = Field(default=30.0, gt=0)
    preflight_timeout: float = Field(default=20.0, gt=0)
    body_limit: int = Field(default=1_000_000, gt=0)
    stream_limit: float = Field(default=3600.0, gt=0)
    keepalive: float = Field(default=10.0, gt=0)
    drain: float = Field(default=1.0, ge=0)
    bootstrap: bool = True
    migrate: bool = False
    audience: str = Field(default="tidegate", min_length=1)
    token_keys_file: Path | None = None
    token_lasts: int = Field(default=3600, ge=60, le=86_400)
    oidc_issuer: str = ""
    oidc_jwks_url: str = ""
    oidc_audience: str = ""
    oidc_name_claim: str = "sub"
    oidc_groups_claim: str = "groups"
    kubernetes_auth: bool = False
    kubernetes_url: str = "https://kubernetes.default.svc"
    kubernetes_ca_file: Path | None = Path("/var/run/secrets/kubernetes.io/serviceaccount/ca.crt")
    kubernetes_token_file: Path = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments win over variables, and those over files. Raises SettingsError for a folder
        that is none."""
        folder = os.environ.get(SECRETS_DIR)
        if not folder:
            return init_settings, env_settings
        if not Path(folder).is_dir():
            what_to_do = "mount the secrets there, or unset it"
            raise SettingsError(f"{SECRETS_DIR}: {folder} is not a folder: {what_to_do}")
        return init_settings, env_settings, SecretsSettingsSource(settings_cls, folder)

    @field_validator("tenants", "schemes", "storage_hosts", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        """Environment variables carry lists with commas."""
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @property
    def allowed(self) -> Allowed:
        """What a tenant without a list of its own may name."""
        if self.tenant_default == "open":
            return EVERYTHING
        return narrow(self.schemes)

    @property
    def listen_url(self) -> str:
        """Where to LISTEN."""
        return self.database_listen_url or self.database_url


def _complaint(detail: ErrorDetails) -> str:
    """The variable and what is wrong with it."""
    name = "_".join(map(str, detail["loc"])).upper()
    return f"TIDEGATE_{name}: {detail['msg']}"


SettingsType = TypeVar("SettingsType", bound=Settings)


def read_settings(kind: type[SettingsType]) -> SettingsType:
    """Return a program's settings. Ends the program with one line that names what is wrong, without
    the value of any setting."""
    try:
        return kind()
    except ValidationError as error:
        sys.exit("; ".join(_complaint(detail) for detail in error.errors()))
    except SettingsError as error:
        cause = error.__cause__
        if isinstance(cause, OSError):
            sys.exit(f"{SECRETS_DIR}: {cause.filename} cannot be read: {cause.strerror}")
        sys.exit(str(error))
