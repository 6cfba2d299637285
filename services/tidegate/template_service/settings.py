"""Settings of the template-service, from `TIDEGATE_*` environment variables, checked at the
start."""

from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


class TemplateSettings(BaseSettings):
    """url: of the deployment-service, which knows the tokens. catalog: its folder; None: the one
    that is installed. image: what the tasks run instead of the catalog's. kfp_url: of the API of
    KFP; "": nothing can be submitted. kfp_ui_url: of its pages, for links. kfp_token_file: a token
    for KFP, read at each call. kfp_experiment: where runs go. trusted_proxies: networks from where
    `userid_header` counts; userid_prefix: what stands before the name there. poll: seconds between
    two readings at a run that is watched. stream_limit: seconds after which a stream ends. drain:
    seconds of "not ready" before the server stops.
    """

    model_config = SettingsConfigDict(env_prefix="TIDEGATE_", frozen=True, extra="ignore")

    url: str = ""
    catalog: Path | None = None
    image: str | None = None
    kfp_url: str = ""
    kfp_ui_url: str = ""
    kfp_token_file: Path | None = None
    kfp_experiment: str = "tidegate"
    trusted_proxies: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode] = ()
    userid_header: str = "kubeflow-userid"
    userid_prefix: str = ""
    host: str = "127.0.0.1"
    port: int = Field(default=8081, ge=0, le=65535)
    log_level: str = "INFO"
    body_limit: int = Field(default=1_000_000, gt=0)
    poll: float = Field(default=5.0, gt=0)
    stream_limit: float = Field(default=3600.0, gt=0)
    drain: float = Field(default=1.0, ge=0)

    @field_validator("trusted_proxies", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        """Environment variables carry lists with commas."""
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value
