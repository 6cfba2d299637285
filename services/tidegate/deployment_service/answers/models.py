"""Answers about models and their versions."""

from datetime import datetime

from pydantic import BaseModel

from tidegate.deployment_service.answers.base import Answer


class ModelOut(Answer):
    """A registered model."""

    model_id: str
    description: str
    created_at: datetime
    created_by: str


class VersionOut(Answer):
    """A version of a model. `mutable`: its bytes may change under us."""

    model_id: str
    version_id: str
    uri: str
    digest: str
    mutable: bool
    created_at: datetime
    created_by: str


class ModelsPage(BaseModel):
    """A page of models."""

    items: list[ModelOut]
    next_page_token: str | None = None


class VersionsPage(BaseModel):
    """Versions of a model."""

    items: list[VersionOut]
    next_page_token: str | None = None
