"""Every compiled template, as text: what kfp itself does not check, and what a cluster would only
say at run time."""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.pipelines.documents import CATALOG, FILES, Template, read

NAMES = {
    "rollout-canary",
    "rollout-ab",
    "rollout-blue-green-stage",
    "rollout-blue-green-promote",
    "rollout-shadow",
    "rollout-undo",
    "endpoint-deploy",
}
ENTRIES = {
    item["name"]: item
    for item in yaml.safe_load((CATALOG / "catalog.yaml").read_text())["templates"]
}
PLACEHOLDER = re.compile(r"\{\{\$\.(inputs|outputs)\.(parameters|artifacts)\['(\w+)'\]\.?(\w*)\}\}")


@pytest.fixture(params=FILES, ids=lambda file: file.stem)
def template(request: pytest.FixtureRequest) -> Template:
    return read(request.param)


def test_the_catalog_lists_exactly_the_templates_that_lie_there() -> None:
    assert {file.stem for file in FILES} == set(ENTRIES) == NAMES


def test_every_reference_resolves(template: Template) -> None:
    used = Counter(task.body["componentRef"]["name"] for task in template.tasks())
    assert set(used) == set(template.components)
    assert {component["executorLabel"] for component in template.components.values()} == set(
        template.executors
    )
    assert set(template.platform_executors) == set(template.executors)
    for task in template.tasks():
        assert set(task.body.get("dependentTasks", ())) <= set(task.siblings) - {task.name}
        desired = template.component_of(task.body)["inputDefinitions"]["parameters"]
        parameters = task.body["inputs"]["parameters"]
        assert (
            {name for name, item in desired.items() if not item.get("isOptional")}
            <= set(parameters)
            <= set(desired)
        )
        for name, value in parameters.items():
            assert _type_of(template, task, value) == desired[name]["parameterType"], (
                task.name,
                name,
            )


def _type_of(template: Template, task: Any, value: dict[str, Any]) -> str:
    """The type of what is passed; KeyError where it does not exist."""
    (kind,) = value
    match kind:
        case "componentInputParameter":
            return str(task.around["inputDefinitions"]["parameters"][value[kind]]["parameterType"])
        case "taskOutputParameter":
            producer = value[kind]["producerTask"]
            assert producer in task.body["dependentTasks"], (
                "an output is there once its task has ended"
            )
            outputs = template.component_of(task.siblings[producer])["outputDefinitions"][
                "parameters"
            ]
            return str(outputs[value[kind]["outputParameterKey"]]["parameterType"])
    constant = value["runtimeValue"]["constant"]
    if isinstance(constant, str) and "{{" in constant:
        assert re.fullmatch(r"\{\{\$\.pipeline_job_uuid\}\}", constant), (
            "resolved as a whole value only"
        )
    return {str: "STRING", float: "NUMBER_INTEGER"}[type(constant)]


def test_the_outputs_of_a_run_are_outputs_of_tasks(template: Template) -> None:
    root = template.spec["root"]
    made = root["dag"]["outputs"]["parameters"]
    assert set(made) == set(root["outputDefinitions"]["parameters"])
    assert set(made) == {"phase", "routed_percent", "verdict", "rollout_url"}
    for item in made.values():
        chosen = item["valueFromParameter"]
        task = root["dag"]["tasks"][chosen["producerSubtask"]]
        assert (
            chosen["outputParameterKey"]
            in template.component_of(task)["outputDefinitions"]["parameters"]
        )


def test_no_task_comes_from_the_cache(template: Template) -> None:
    assert [task.name for task in template.tasks() if task.body.get("cachingOptions") != {}] == []


def test_the_tasks_are_a_row_that_begins_with_the_preflight(template: Template) -> None:
    tasks = template.spec["root"]["dag"]["tasks"]
    first = [name for name, task in tasks.items() if not task.get("dependentTasks")]
    assert first == ["preflight"]
    # A refusal stays one; so does a wrong answer of what no stop of a plan keeps back.
    if template.name in ("rollout-blue-green-promote", "endpoint-deploy"):
        once = {"preflight", "smoke"}
    else:
        once = {"preflight"}
    for name, task in tasks.items():
        retries = task.get("retryPolicy", {}).get("maxRetryCount", 0)
        assert (retries > 0) == (name not in once), "a pod may be evicted"


def test_what_is_smoked_is_what_is_promoted() -> None:
    """The smoke test stands between the preflight and the promotion, and names the rollout that is
    promoted."""
    tasks = read(CATALOG / "templates" / "rollout-blue-green-promote.yaml").spec["root"]["dag"][
        "tasks"
    ]
    assert list(tasks) == ["preflight", "promote", "smoke"]
    assert (tasks["smoke"]["dependentTasks"], tasks["promote"]["dependentTasks"]) == (
        ["preflight"],
        ["smoke"],
    )
    named = tasks["promote"]["inputs"]["parameters"]["rollout_id"]["taskOutputParameter"]
    assert named == {"outputParameterKey": "rollout_id", "producerTask": "smoke"}


def test_an_endpoint_is_smoked_once_it_is_deployed() -> None:
    tasks = read(CATALOG / "templates" / "endpoint-deploy.yaml").spec["root"]["dag"]["tasks"]
    assert tasks["smoke"]["dependentTasks"] == ["deploy"]
    assert tasks["smoke"]["inputs"]["parameters"]["smoke"] == {"componentInputParameter": "smoke"}


def test_every_optional_parameter_has_a_default(template: Template) -> None:
    for component in (template.spec["root"], *template.components.values()):
        for name, parameter in component["inputDefinitions"]["parameters"].items():
            assert parameter.get("isOptional", False) == ("defaultValue" in parameter), name


def test_nothing_is_used_that_a_backend_may_not_know(template: Template) -> None:
    text = json.dumps([template.spec, template.platform])
    for word in (
        "Concat",
        "IfPresent",
        "literals",
        "parameterIterator",
        "triggerPolicy",
        "executor_main",
        "pip ",
    ):
        assert word not in text
    assert template.spec["schemaVersion"] == "2.1.0"
    assert re.fullmatch(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", template.spec["pipelineInfo"]["name"])
    for parameter in template.spec["root"]["inputDefinitions"]["parameters"].values():
        assert 0 < len(parameter["description"]) <= 1024


def test_every_task_ends(template: Template) -> None:
    """By its own clock first, a minute before Kubernetes ends the pod without a word."""
    for label, executor in template.executors.items():
        limit = int(template.platform_executors[label]["activeDeadlineSeconds"])
        assert f"--time-limit-seconds={limit - 60}" in executor["container"]["args"]
        assert 3600 <= limit <= 14 * 86_400


def test_images_are_pinned_and_run_as_anybody(template: Template) -> None:
    """A platform that chooses the user refuses a task that names one. Nothing is written but
    outputs."""
    for label, executor in template.executors.items():
        container = executor["container"]
        tag = container["image"].partition("@")[0].rpartition("/")[2].partition(":")[2]
        assert "@sha256:" in container["image"] or (
            tag and tag not in ("latest", "main", "master", "dev")
        )
        assert "securityContext" not in template.platform_executors[label]
        assert container["command"][:3] == ["python3", "-m", "tidegate.steps"]
        assert not [argument for argument in container["args"] if re.search(r"=/", argument)]


def test_every_placeholder_names_an_input_or_output_of_its_component(template: Template) -> None:
    for component in template.components.values():
        arguments = template.executors[component["executorLabel"]]["container"]["args"]
        results = {
            match.groups()[:3] for argument in arguments for match in PLACEHOLDER.finditer(argument)
        }
        assert "{{" not in PLACEHOLDER.sub("", " ".join(arguments))
        declared = {
            ("inputs", "parameters", name) for name in component["inputDefinitions"]["parameters"]
        }
        for kind, parts in component.get("outputDefinitions", {}).items():
            declared |= {("outputs", kind, name) for name in parts}
        assert results == declared


def test_address_and_token_come_from_the_namespace(template: Template) -> None:
    """Optional both: a platform may project a token, and the address may be a parameter."""
    for executor in template.platform_executors.values():
        (secret,) = executor["secretAsEnv"]
        (config,) = executor["configMapAsEnv"]
        assert (secret["secretName"], secret["optional"]) == ("tidegate-token", True)
        assert secret["keyToEnv"] == [{"secretKey": "token", "envVar": "TIDEGATE_TOKEN"}]
        assert (config["configMapName"], config["optional"]) == ("tidegate", True)
        assert config["keyToEnv"] == [{"configMapKey": "url", "envVar": "TIDEGATE_URL"}]
        assert executor["podMetadata"]["labels"] == {"tidegate.dev/steps": "true"}


def test_the_catalog_says_what_the_template_takes(template: Template) -> None:
    listed = {parameter["name"]: parameter for parameter in ENTRIES[template.name]["parameters"]}
    taken = template.spec["root"]["inputDefinitions"]["parameters"]
    assert set(listed) == set(taken)
    for name, item in taken.items():
        assert (item["parameterType"], item["description"]) == (
            listed[name]["type"],
            listed[name]["description"],
        )
        assert item.get("defaultValue") == listed[name].get("default")
        assert bool(item.get("isOptional")) != listed[name].get("required", False)


def test_the_canary_has_a_task_for_each_step_and_the_summary_is_a_page(template: Template) -> None:
    if template.name == "rollout-canary":
        tasks = template.spec["root"]["dag"]["tasks"]
        steps = {
            task["taskInfo"]["name"]: task["inputs"]["parameters"].get("step")
            for task in tasks.values()
        }
        assert [
            steps[f"Traffic step {n} of 5"]["runtimeValue"]["constant"] for n in range(1, 6)
        ] == [1, 2, 3, 4, 5]
    pages = [
        component["outputDefinitions"]["artifacts"]["summary"]["artifactType"]["schemaTitle"]
        for component in template.components.values()
        if "artifacts" in component.get("outputDefinitions", {})
    ]
    assert pages == ["system.HTML"]


def test_the_files_begin_with_what_people_read(template: Template) -> None:
    file = Path(CATALOG / "templates" / f"{template.name}.yaml")
    assert file.read_text().startswith(
        f"# PIPELINE DEFINITION\n# Name: {template.name}\n# Description: "
    )
