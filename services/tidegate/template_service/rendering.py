"""A template with a person's values in the place of its defaults, and the installation's image:
plain YAML that every KFP takes as it is."""

import copy
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from tidegate.core.errors import Problem, Remediation, TidegateError
from tidegate.template_service import checking
from tidegate.template_service.catalog import Catalog, Entry, Json, documents

_REPOSITORY = re.compile(r"[a-z0-9][a-z0-9.-]*(:[0-9]+)?(/[a-z0-9._-]+)*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_FLOATING = ("latest", "main", "master", "dev", "edge", "nightly")


class InvalidParametersError(TidegateError):
    """Values that a template does not take. problems: all of them."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("; ".join(f"{problem.field}: {problem.sentence}" for problem in problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Rendered:
    """documents: PipelineSpec, then PlatformSpec, with the template's own defaults. given: checked
    values."""

    entry: Entry
    documents: tuple[Json, ...]
    given: Json

    @property
    def parameters(self) -> Json:
        """Every parameter with the value that holds."""
        return checking.values(self.entry, self.given)

    @property
    def images(self) -> frozenset[str]:
        """What its tasks run: one image, as long as the template is ours."""
        executors = self.documents[0]["deploymentSpec"]["executors"].values()
        return frozenset(str(executor["container"]["image"]) for executor in executors)

    @property
    def spec(self) -> Json:
        """As the API of KFP takes it."""
        if len(self.documents) == 1:
            return self.documents[0]
        return {"pipeline_spec": self.documents[0], "platform_spec": self.documents[1]}

    def text(self) -> str:
        """As a file that needs no parameters any more: the values are its defaults."""
        spec, *platform = copy.deepcopy(self.documents)
        fields = spec["root"]["inputDefinitions"]["parameters"]
        for name, value in self.given.items():
            fields[name] |= {"defaultValue": value, "isOptional": True}
        return f"# {self.entry.name} {self.entry.version}, rendered by Tidegate\n{dumped(spec, *platform)}"


def dumped(*parts: Json) -> str:
    """YAML."""
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    return str(yaml.dump_all(parts, Dumper=dumper, sort_keys=True, width=120, allow_unicode=True))


def render(
    catalog: Catalog, name: str, values: Mapping[str, Any], image: str | None = None
) -> Rendered:
    """Raises UnknownTemplateError, InvalidParametersError."""
    entry = catalog.entry(name)
    problems = (*checking.check(entry, values), *check_image(image))
    if problems:
        raise InvalidParametersError(problems)
    return Rendered(entry, load(catalog, entry, image), dict(values))


def load(catalog: Catalog, entry: Entry, image: str | None = None) -> tuple[Json, ...]:
    """The template's documents, with this image in every task."""
    spec, *platform = documents(catalog.text(entry))
    for executor in spec["deploymentSpec"]["executors"].values():
        executor["container"]["image"] = image or executor["container"]["image"]
    return (spec, *platform)


def check_image(image: str | None) -> tuple[Problem, ...]:
    """An image is pinned: by digest, or by a tag that does not float."""
    if image is None:
        return ()
    name, at, digest = image.partition("@")
    if ":" in name.rpartition("/")[2]:
        repository, colon, tag = name.rpartition(":")
    else:
        repository = name
        colon = ""
        tag = ""
    named = _REPOSITORY.fullmatch(repository) and (not colon or _TAG.fullmatch(tag))
    if not named or (at and not _DIGEST.fullmatch(digest)):
        return (
            Problem(
                "image",
                f"{image[:80]!r} is not the name of an image",
                Remediation("write NAME:TAG or NAME@sha256:DIGEST"),
            ),
        )
    if not at and (tag or "latest") in _FLOATING:
        return (
            Problem(
                "image",
                f"{image[:80]!r} floats",
                Remediation("name a version's tag, or better a digest"),
            ),
        )
    return ()
