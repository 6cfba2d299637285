"""Every task's command exists and accepts its arguments: the template's own defaults, and the
bounds of its parameters, in the forms in which a backend and kfp.local write them."""

import json
import os
import re
import subprocess
import sys
from typing import Any

import pytest
import yaml

from tests.pipelines.documents import CATALOG, FILES, Template, read
from tidegate.steps.__main__ import COMMANDS
from tidegate.steps.arguments import parse

PLACEHOLDER = re.compile(r"\{\{\$\.(inputs|outputs)\.(?:parameters|artifacts)\['(\w+)'\]\.?\w*\}\}")
ENTRIES = {
    item["name"]: item
    for item in yaml.safe_load((CATALOG / "catalog.yaml").read_text())["templates"]
}
REQUIRED = {
    "endpoint": "demo/demo-triton",
    "model_version": "2",
    "model_id": "add_sub",
    "side_effects": "none",
}


def arguments(
    template: Template, component: dict[str, Any], values: dict[str, Any], write: Any
) -> list[str]:
    """A task's command line, with these values in the place of its inputs."""
    container = template.executors[component["executorLabel"]]["container"]
    inputs = {
        "run_id": "run-1",
        "rollout_id": "5f0c",
        "strategy": "canary",
        "at": "end",
        "step": 1,
        **values,
    }

    def fill(match: re.Match[str]) -> str:
        kind, name = match.groups()
        if kind == "outputs":
            return f"/tmp/out/{name}"
        return str(write(inputs[name]))

    assert container["command"][:3] == ["python3", "-m", "tidegate.steps"]
    return [
        *container["command"][3:],
        *(PLACEHOLDER.sub(fill, argument) for argument in container["args"]),
    ]


def on_a_cluster(value: Any) -> str:
    """As KFP's launcher writes a value: JSON, texts as they are."""
    if isinstance(value, str):
        return value
    return json.dumps(value)


def as_doubles(value: Any) -> str:
    """As kfp.local may write it: every number is a double, truth is Python's."""
    match value:
        case bool():
            return str(value)
        case int():
            return str(float(value))
        case list():
            return json.dumps([float(item) for item in value])
    return on_a_cluster(value)


@pytest.fixture(params=FILES, ids=lambda file: file.stem)
def template(request: pytest.FixtureRequest) -> Template:
    return read(request.param)


@pytest.mark.parametrize("write", [on_a_cluster, as_doubles])
def test_every_command_accepts_the_defaults(template: Template, write: Any) -> None:
    values = {
        parameter["name"]: parameter.get("default", REQUIRED.get(parameter["name"]))
        for parameter in ENTRIES[template.name]["parameters"]
    }
    for component in template.components.values():
        parsed = parse(arguments(template, component, values, write))
        assert parsed.command in COMMANDS
        assert parsed.run_id == "run-1"
        assert parsed.time_limit_seconds > 0


def test_every_command_accepts_the_bounds(template: Template) -> None:
    for parameter in ENTRIES[template.name]["parameters"]:
        others = {
            p["name"]: p.get("default", REQUIRED.get(p["name"]))
            for p in ENTRIES[template.name]["parameters"]
        }
        takers = [
            c
            for c in template.components.values()
            if parameter["name"] in c["inputDefinitions"]["parameters"]
        ]
        for value in _bounds(parameter):
            for component in takers:
                parse(
                    arguments(
                        template, component, {**others, parameter["name"]: value}, on_a_cluster
                    )
                )


def _bounds(item: dict[str, Any]) -> list[Any]:
    match item["type"]:
        case "NUMBER_INTEGER" | "NUMBER_DOUBLE":
            low = item.get("minimum", item.get("exclusive_minimum", 0) + 0.001)
            return [low, item.get("maximum", item.get("exclusive_maximum", 1) - 0.001)]
        case "STRING":
            return item.get("choices") or (
                ["x-group: beta", "-starts: with-a-dash"] if item["name"] == "header" else []
            )
        case "BOOLEAN":
            return [True, False]
        case "LIST":
            return [[1], [1, 2, 3, 4, 99]]
        case "STRUCT":
            return [{"model": "add_sub", "inputs": [], "outputs": []}]
    raise AssertionError(item["type"])


@pytest.mark.parametrize(
    "text", ["-reason", "--dry-run", "a 'quoted' reason", "{{x}}", "ends with \\"]
)
def test_no_text_is_taken_for_a_flag(text: str) -> None:
    template = read(CATALOG / "templates" / "rollout-undo.yaml")
    values = {
        "endpoint": "demo",
        "namespace": "",
        "to_revision": 0,
        "service_url": "",
        "submission_id": "",
        "reason": text,
    }
    for component in template.components.values():
        assert parse(arguments(template, component, values, on_a_cluster)).reason == text.strip()


WATCHED = """
import os, runpy, sys

def watch(event, given):
    if event == "open" and isinstance(given[2], int) and given[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
        sys.exit(f"wrote {given[0]}")
    if event in ("os.mkdir", "pwd.getpwuid", "os.rename", "os.remove"):
        sys.exit(f"{event} {given}")

sys.argv = ["tidegate.steps", *sys.argv[1:]]
sys.addaudithook(watch)
runpy.run_module("tidegate.steps", run_name="__main__")
"""


def test_a_command_needs_no_home_no_name_and_no_place_to_write() -> None:
    """OpenShift and KFP's own setting choose a user whom no image knows, in an image that cannot be
    written."""
    done = subprocess.run(
        [
            sys.executable,
            "-B",
            "-c",
            WATCHED,
            "preflight",
            "--endpoint=demo",
        ],
        cwd="/",
        env={
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            "HOME": "/nonexistent",
            "TIDEGATE_URL": "http://127.0.0.1:9",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode in (1, 2), done.stderr
    assert "wrote" not in done.stderr
    assert "Traceback" not in done.stderr
