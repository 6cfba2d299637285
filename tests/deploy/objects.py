"""What is in deploy/, read: objects, and the pods in them."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
CHART = DEPLOY / "helm" / "tidegate"
BASE = DEPLOY / "kustomize" / "base"
Json = dict[str, Any]


def read(text: str) -> list[Json]:
    """Every object of a YAML text."""
    return [
        item
        for item in yaml.load_all(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        if item
    ]


def base() -> list[Json]:
    """The kustomize base, which is the chart with almost nothing said; a test of its own holds it
    to the chart."""
    return [
        item
        for file in sorted(BASE.glob("*.yaml"))
        if file.name != "kustomization.yaml"
        for item in read(file.read_text())
    ]


def of(objects: list[Json], kind: str, name: str = "") -> list[Json]:
    """Those of a kind, perhaps of a name."""
    return [o for o in objects if o["kind"] == kind and name in ("", o["metadata"]["name"])]


@dataclass(frozen=True, slots=True)
class Pod:
    """The pod template of a Deployment or a Job."""

    owner: str
    labels: dict[str, str]
    spec: Json

    @property
    def containers(self) -> list[Json]:
        """All of them, the init containers too."""
        return [*self.spec.get("initContainers", []), *self.spec["containers"]]

    @property
    def main(self) -> Json:
        """The one that stays."""
        result: Json = self.spec["containers"][0]
        return result


def pods(objects: list[Json]) -> Iterator[Pod]:
    """Every pod template."""
    for item in objects:
        if item["kind"] in ("Deployment", "Job"):
            template = item["spec"]["template"]
            yield Pod(item["metadata"]["name"], template["metadata"]["labels"], template["spec"])


def env(container: Json) -> dict[str, str]:
    """Its plain variables; what comes from elsewhere is ''."""
    return {item["name"]: item.get("value", "") for item in container.get("env", [])}


def selects(selector: Json, labels: dict[str, str]) -> bool:
    """Whether a label selector (matchLabels, In, Exists) matches."""
    request = selector.get("matchLabels", {}).items()
    more = selector.get("matchExpressions", [])
    return all(labels.get(key) == value for key, value in request) and all(
        labels.get(item["key"]) in item["values"]
        if item["operator"] == "In"
        else item["key"] in labels
        for item in more
    )
