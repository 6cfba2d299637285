"""Write what deploy/ derives: `python scripts/render_deploy.py [--check]` (`make deploy`).

The chart is the source. From the services' settings come the names and types of its `settings`
values; from its rendering comes the kustomize base, so that nothing is written twice. With --check
nothing is written, and the exit code is 1 when something is not as it would be; where helm is not
built, only the settings are looked at.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from pydantic_settings import BaseSettings

from tidegate.deploy_worker.settings import WorkerSettings
from tidegate.settings import Settings
from tidegate.template_service.settings import TemplateSettings
from tidegate_local.devcluster import build

DEPLOY = Path(__file__).parents[1] / "deploy"
CHART = DEPLOY / "helm" / "tidegate"
KUSTOMIZE = DEPLOY / "kustomize"
# What the chart itself says, from its other values.
OWN = {
    "database_url",
    "database_listen_url",
    "host",
    "port",
    "metrics_port",
    "migrate",
    "bootstrap",
    "token_file",
}
OWN |= {"token_keys_file"}
PROGRAMS: dict[str, tuple[type[BaseSettings], set[str]]] = {
    "api": (Settings, OWN),
    "worker": (WorkerSettings, OWN | {"kubeconfig", "worker_name"}),
    "templates": (TemplateSettings, OWN | {"url"}),
}
_KEPT = (
    "type",
    "enum",
    "items",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "default",
)
_HELM_ONLY = re.compile(
    r"^ +(?:helm\.sh/chart: .*|app\.kubernetes\.io/managed-by: Helm)\n", re.MULTILINE
)
_SOURCE = re.compile(r"^# Source: tidegate/templates/(\S+)$", re.MULTILINE)


def settings_schema(program: str) -> dict[str, Any]:
    """The JSON schema of one `settings` value: every setting but those that the chart sets, and no
    other."""
    model, own = PROGRAMS[program]
    made = model.model_json_schema()
    properties = {
        name: _plain(made, item) for name, item in made["properties"].items() if name not in own
    }
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": dict(sorted(properties.items())),
    }


def _plain(made: dict[str, Any], item: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in item:
        item = {**made["$defs"][item["$ref"].rsplit("/", 1)[1]], **item}
    options = [option for option in item.get("anyOf", [item]) if option.get("type") != "null"]
    field = {
        **options[0],
        **({"default": item["default"]} if item.get("default") is not None else {}),
    }
    kept = {key: field[key] for key in _KEPT if key in field}
    if "items" in kept:
        kept["items"] = {"type": "string"}
    return kept


def schema() -> str:
    """values.schema.json with today's settings."""
    read = json.loads((CHART / "values.schema.json").read_text())
    read["$defs"] = {f"{program}Settings": settings_schema(program) for program in PROGRAMS}
    return json.dumps(read, indent=1) + "\n"


def rendered(helm: Path, values: str) -> dict[str, str]:
    """The chart with these values of ours, without Helm's own labels, by template."""
    command = [str(helm), "template", "tidegate", str(CHART), "--namespace", "tidegate-system"]
    done = subprocess.run(
        [*command, "--values", "-"], input=values, capture_output=True, text=True, check=True
    )
    result: dict[str, list[str]] = {}
    for document in re.split(r"^---$", done.stdout, flags=re.MULTILINE):
        source = _SOURCE.search(document)
        if source:
            text = _HELM_ONLY.sub("", _SOURCE.sub("", document)).strip()
            if yaml.safe_load(text):
                result.setdefault(source[1], []).append(text)
    return {name: "\n---\n".join(parts) + "\n" for name, parts in result.items()}


def kustomize(helm: Path) -> Iterator[tuple[Path, str]]:
    """Files of the kustomize base, of one tenant, and of what Prometheus' operator reads."""
    common = "database: {existingSecret: tidegate-database}\nmigrations: {mode: init}\n"
    base = rendered(helm, common)
    yield from ((KUSTOMIZE / "base" / name, text) for name, text in base.items())
    watched = rendered(helm, common + _MONITORED)
    yield KUSTOMIZE / "monitoring" / "monitoring.yaml", watched["monitoring.yaml"]
    tenant = rendered(helm, common + "tenants: [team-a]\n")
    for name in ("rbac.yaml", "networkpolicy.yaml"):
        of_tenant = [
            part
            for part in tenant[name].split("\n---\n")
            if part not in base[name].split("\n---\n")
        ]
        ours = [
            part
            for part in of_tenant
            if yaml.safe_load(part)["metadata"].get("namespace") == "team-a"
        ]
        yield KUSTOMIZE / "tenant" / name, "\n---\n".join(part.strip() for part in ours) + "\n"


_MONITORED = """
monitoring:
  serviceMonitor: {enabled: true}
  podMonitor: {enabled: true}
  prometheusRule: {enabled: true}
  dashboard: {enabled: true}
"""


def derived(make: bool) -> Iterator[tuple[Path, str]]:
    """Every derived file, the schema first: helm reads it. Without helm in the cache it is built
    where `make` says so, else kustomize's files are left out."""
    yield CHART / "values.schema.json", schema()
    if make or not build.missing(["tools"]):
        yield from kustomize(build.ensure(["tools"], print)["tools"].program("helm"))


def main(check: bool) -> int:
    """Write or compare; the exit code."""
    stale = 0
    for path, text in derived(make=not check):
        if path.exists() and path.read_text() == text:
            continue
        stale += 1
        print(f"{'not as it would be' if check else 'writing'}: {path.relative_to(DEPLOY.parent)}")
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    if stale and check:
        print("run `make deploy` and read the difference")
    if stale and check:
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv[1:]))
