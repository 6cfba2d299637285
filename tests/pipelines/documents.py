"""A compiled template as its two documents, and every task, executor and reference in them."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

CATALOG = Path(__file__).parents[2] / "catalog"
FILES = sorted((CATALOG / "templates").glob("*.yaml"))
Json = dict[str, Any]


@dataclass(frozen=True)
class Task:
    """A task in its DAG. siblings: the names of the tasks of that DAG."""

    name: str
    body: Json
    siblings: dict[str, Json]
    around: Json


@dataclass(frozen=True)
class Template:
    """spec: PipelineSpec. platform: PlatformSpec."""

    name: str
    spec: Json
    platform: Json

    @property
    def components(self) -> Json:
        return self.spec["components"]

    @property
    def executors(self) -> Json:
        return self.spec["deploymentSpec"]["executors"]

    @property
    def platform_executors(self) -> Json:
        return self.platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]

    def tasks(self) -> Iterator[Task]:
        """Every task, also of DAGs inside DAGs."""
        for component in (self.spec["root"], *self.components.values()):
            tasks = component.get("dag", {}).get("tasks", {})
            for name, body in tasks.items():
                yield Task(name, body, tasks, component)

    def component_of(self, task: Json) -> Json:
        return self.components[task["componentRef"]["name"]]


def read(file: Path) -> Template:
    spec, platform = yaml.load_all(
        file.read_text(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    )
    return Template(file.stem, spec, platform)
