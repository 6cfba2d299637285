"""The catalog as it lies in a folder: `catalog.yaml`, the compiled templates beside it, the digests
that bind them.

The folder is the one that the settings name, else the package's own (in a wheel), else the work
tree's.
"""

import hashlib
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tidegate.core.bounds import Bounds
from tidegate.core.errors import TidegateError
from tidegate.core.near import hint

Json = dict[str, Any]
PACKAGED = Path(__file__).with_name("data")  # pyproject.toml puts catalog/ there
TREE = Path(__file__).parents[3] / "catalog"
NAME = r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"
ParameterType = Literal["STRING", "NUMBER_INTEGER", "NUMBER_DOUBLE", "BOOLEAN", "LIST", "STRUCT"]


class CatalogError(TidegateError):
    """The catalog cannot be used; says which file, why and what to do."""


class UnknownTemplateError(TidegateError):
    """No template has that name; names those that exist."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Parameter(_Part):
    """What a person can set: type (KFP's name), default or `required`, bounds."""

    name: str = Field(
        pattern=r"^[a-z][a-z0-9_]{0,62}$",
        description="Name of the parameter",
        examples=["endpoint"],
    )
    type: Annotated[
        ParameterType, Field(description="Kind of value, by KFP's name", examples=["STRING"])
    ]
    description: str = Field(
        max_length=1024, description="What it is, for people", examples=["Name of the endpoint"]
    )
    required: Annotated[
        bool, Field(description="Whether a value must be given", examples=[True])
    ] = False
    default: Annotated[
        Any,
        Field(description="Value where none is given", examples=["https://tidegate.example.com"]),
    ] = None
    minimum: float | None = Field(None, description="Of a number.", examples=[1])
    maximum: float | None = Field(None, description="Of a number.", examples=[1])
    exclusive_minimum: float | None = Field(
        None, description="Of a number, which is above it.", examples=[0]
    )
    exclusive_maximum: float | None = Field(
        None, description="Of a number, which is below it.", examples=[0.5]
    )
    choices: tuple[str, ...] | None = Field(
        None, description="The texts that are taken.", examples=[["approval", "pass"]]
    )
    pattern: str | None = Field(
        None, description="A regular expression that the text matches.", examples=["[a-z]+"]
    )
    max_length: int | None = Field(None, description="Of a text, in characters.", examples=[128])
    min_items: int | None = Field(None, description="Of a list.", examples=[1])
    max_items: int | None = Field(None, description="Of a list.", examples=[1])
    item_minimum: float | None = Field(None, description="Of each number of a list.", examples=[1])
    item_maximum: float | None = Field(None, description="Of each number of a list.", examples=[1])
    rising: bool = Field(
        False, description="Each number of a list is above the one before.", examples=[False]
    )

    @property
    def bounds(self) -> Bounds:
        """Of a number."""
        return Bounds(self.minimum, self.exclusive_minimum, self.maximum, self.exclusive_maximum)


class Entry(_Part):
    """One template. digest: of its file, `sha256:<hex>`."""

    name: str = Field(pattern=NAME)
    version: str = Field(pattern=r"^\d+\.\d+\.\d+$")
    title: str
    description: str
    strategy: Literal["canary", "ab", "blue-green", "shadow", "undo", "deploy"]
    tags: tuple[str, ...]
    file: str = Field(pattern=r"^templates/[a-z0-9-]+\.yaml$")
    digest: str = Field(pattern=r"^sha256:[0-9a-f]{64}$")
    parameters: tuple[Parameter, ...]

    def parameter(self, name: str) -> Parameter | None:
        """One parameter."""
        return next((parameter for parameter in self.parameters if parameter.name == name), None)


class CatalogFile(_Part):
    """`catalog.yaml`. image: what every task of every template runs."""

    catalog_version: Literal[1]
    image: str
    templates: tuple[Entry, ...]


class Catalog:
    """A folder with a catalog. Raises CatalogError where it is not whole."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or (PACKAGED if PACKAGED.is_dir() else TREE)
        self._file = _read(self.folder / "catalog.yaml")
        self._entries = {entry.name: entry for entry in self._file.templates}
        for entry in self:
            self._check(entry)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._file.templates)

    @cached_property
    def image(self) -> str:
        """What every task runs."""
        return self._file.image

    def entry(self, name: str) -> Entry:
        """One template. Raises UnknownTemplateError."""
        entry = self._entries.get(name)
        if entry is None:
            meant = hint(name, self._entries)
            known = ", ".join(self._entries)
            raise UnknownTemplateError(
                f"there is no template {name[:80]!r}{meant}: use one of {known}"
            )
        return entry

    def text(self, entry: Entry) -> str:
        """The compiled template, as it lies there."""
        return (self.folder / entry.file).read_text()

    def _check(self, entry: Entry) -> None:
        file = self.folder / entry.file
        try:
            value = f"sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}"
        except OSError as error:
            raise CatalogError(
                f"{file} cannot be read ({error.strerror}): install the catalog again"
            ) from None
        if value != entry.digest:
            raise CatalogError(
                f"{file} is not what catalog.yaml describes ({value}): write both with `make "
                "templates`"
            )


def _read(file: Path) -> CatalogFile:
    try:
        return CatalogFile.model_validate(next(documents(file.read_text()), None))
    except OSError as error:
        raise CatalogError(
            f"{file} cannot be read ({error.strerror}): set TIDEGATE_CATALOG to its folder"
        ) from None
    except (ValidationError, yaml.YAMLError) as error:
        raise CatalogError(f"{file} is no catalog: {' '.join(str(error).split())[:300]}") from None


def documents(text: str) -> Iterator[Any]:
    """Of YAML, parsed by libyaml where it is there: the templates are long."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    yield from yaml.load_all(text, Loader=loader)


def schema() -> Json:
    """JSON Schema of `catalog.yaml`."""
    made = CatalogFile.model_json_schema()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **made,
        "title": "Tidegate catalog",
    }
