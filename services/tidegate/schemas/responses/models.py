"""Answers about models and their versions."""

from datetime import datetime

from pydantic import BaseModel, Field

from tidegate.schemas.responses.base import ChangeOut


class ModelOut(BaseModel):
    """A registered model."""

    model_id: str = Field(description="Id of the model", examples=["add_sub"])
    description: str = Field(
        description="What it is, in its creator's words", examples=["adds and subtracts"]
    )
    created_at: datetime = Field(
        description="When it was registered", examples=["2026-01-01T12:00:00Z"]
    )
    created_by: str = Field(description="Who registered it", examples=["ann"])


class ModelChange(ModelOut, ChangeOut):
    """A model as a change left it."""


class VersionOut(BaseModel):
    """A version of a model: an address whose bytes were checked and digested."""

    model_id: str = Field(description="Id of the model", examples=["add_sub"])
    version_id: str = Field(description="Id of the version within the model", examples=["2"])
    uri: str = Field(description="Triton model repository", examples=["s3://models/add_sub/2/"])
    digest: str = Field(description="SHA-256 over its files", examples=["sha256-9f86d081884c7d65"])
    mutable: bool = Field(
        description="Whether the bytes at that address may change without Tidegate", examples=[True]
    )
    created_at: datetime = Field(
        description="When it was registered", examples=["2026-01-01T12:00:00Z"]
    )
    created_by: str = Field(description="Who registered it", examples=["ann"])


class VersionChange(VersionOut, ChangeOut):
    """A version as a change left it."""


class ModelsPage(BaseModel):
    """A page of models."""

    items: list[ModelOut] = Field(description="Models of this page, by id")
    next_page_token: str | None = Field(
        default=None,
        description="`page_token` of the next page; null on the last",
        examples=["WyJhZGRfc3ViIl0"],
    )


class VersionsPage(BaseModel):
    """A page of a model's versions."""

    items: list[VersionOut] = Field(description="Versions of this page, by id")
    next_page_token: str | None = Field(
        default=None,
        description="`page_token` of the next page; null on the last",
        examples=["WyIyIl0"],
    )
