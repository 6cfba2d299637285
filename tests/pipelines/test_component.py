"""`tidegate.kfp.rollout` compiled by kfp: as a task of one's own pipeline a template is what it is
as a pipeline; what cannot be meant is refused while the pipeline is written."""

import os
import re
import subprocess
import textwrap
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.pipelines.documents import CATALOG, FILES, Template, read

ROOT = CATALOG.parent
EXAMPLE = ROOT / "examples" / "kubeflow" / "train_and_roll_out.py"
NAMES = [file.stem for file in FILES]
REQUIRED = {
    "endpoint": "demo",
    "model_version": "2",
    "model_id": "add_sub",
    "side_effects": "none",
}
pytestmark = pytest.mark.real


def run(python: str, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [python, *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT / "services"), **environ},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def pipeline(body: str, head: str = "endpoint: str") -> str:
    """A program with one pipeline."""
    return (
        "import sys\nfrom kfp import compiler, dsl\nfrom tidegate.kfp import rollout\n"
        f"@dsl.pipeline(name='own')\ndef own({head}):\n{textwrap.indent(body, '    ')}\n"
        "compiler.Compiler().compile(own, sys.argv[1])\n"
    )


def compiled(python: str, folder: Path, program: str, **environ: str) -> Template:
    file = folder / "own.yaml"
    done = run(python, "-c", program, str(file), **environ)
    assert done.returncode == 0, done.stderr
    parsed = run(python, str(Path(__file__).with_name("strict.py")), str(file))
    assert parsed.returncode == 0, parsed.stderr
    return read(file)


def refused(python: str, body: str, **environ: str) -> str:
    """The line with which the program ends."""
    done = run(python, "-c", pipeline(body), os.devnull, **environ)
    assert done.returncode == 1, done.stderr
    return done.stderr.strip().splitlines()[-1]


def inner(template: Template, name: str) -> dict[str, Any]:
    """The tasks within a task."""
    tasks: dict[str, Any] = template.components[f"comp-{name}"]["dag"]["tasks"]
    return tasks


def parts(template: Template, task: dict[str, Any]) -> tuple[Any, Any, Any]:
    """What a task is, without the names that kfp gives to its parts."""
    label = template.component_of(task)["executorLabel"]
    rest = {key: value for key, value in task.items() if key not in ("componentRef", "inputs")}
    return rest, template.executors[label], template.platform_executors[label]


@pytest.fixture(scope="module")
def every_template(kfp_python: str, tmp_path_factory: pytest.TempPathFactory) -> Template:
    """A pipeline with all templates in it, each after the one before."""
    lines = ["last = None"]
    catalog = yaml.safe_load((CATALOG / "catalog.yaml").read_text())["templates"]
    for entry in catalog:
        known = [item["name"] for item in entry["parameters"] if item.get("required")]
        values = ", ".join(f"{name}={REQUIRED[name]!r}" for name in known)
        lines.append(f"task = rollout(template={entry['name']!r}, {values})")
        lines.append("task = task if last is None else task.after(last)")
        lines.append("last = task")
    folder = tmp_path_factory.mktemp("component")
    return compiled(kfp_python, folder, pipeline("\n".join(lines), head=""))


@pytest.mark.parametrize("name", NAMES)
def test_a_template_within_a_pipeline_has_the_same_tasks(
    every_template: Template, name: str
) -> None:
    """Image, command, time-out, retries, the namespace's address and token, and no cache."""
    alone = read(CATALOG / "templates" / f"{name}.yaml")
    own = inner(every_template, name)
    assert list(own) == list(alone.spec["root"]["dag"]["tasks"])
    for task, body in alone.spec["root"]["dag"]["tasks"].items():
        rest, executor, platform = parts(every_template, own[task])
        of_template = parts(alone, body)
        assert (rest, platform) == (of_template[0], of_template[2])
        container = executor["container"]
        plain = {**container, "args": _without_number(container["args"])}
        assert plain == of_template[1]["container"]


def _without_number(arguments: list[str]) -> list[str]:
    """`run_id` of the first rollout of a run is the run's, that of the others has a number."""
    return [re.sub(r"^(--run-id=.*\}\})-\d$", r"\1", item) for item in arguments]


def test_each_rollout_of_a_run_has_an_id_of_its_own(every_template: Template) -> None:
    ids: dict[str, set[str]] = {}
    for name in NAMES:
        for task in inner(every_template, name).values():
            _, executor, _ = parts(every_template, task)
            (run_id,) = (
                item for item in executor["container"]["args"] if item.startswith("--run-id=")
            )
            ids.setdefault(name, set()).add(run_id)
    assert all(len(shared) == 1 for shared in ids.values()), "its tasks share it"
    assert len(set.union(*ids.values())) == len(NAMES)


def test_no_task_of_a_rollout_comes_from_the_cache(every_template: Template) -> None:
    assert all(task.body["cachingOptions"] == {} for task in every_template.tasks())


def test_the_example_waits_for_the_training_and_hands_on_what_it_made(
    kfp_python: str, tmp_path: Path
) -> None:
    file = tmp_path / "example.yaml"
    done = run(kfp_python, str(EXAMPLE), str(file))
    assert done.returncode == 0, done.stderr
    example = read(file)
    tasks = example.spec["root"]["dag"]["tasks"]
    assert list(tasks) == ["report", "rollout-canary", "train"]
    canary = tasks["rollout-canary"]
    assert canary["dependentTasks"] == ["train"]
    assert tasks["report"]["dependentTasks"] == ["rollout-canary"]
    assert canary["taskInfo"] == {"name": "Canary"}
    trained = {"outputParameterKey": "trained", "producerTask": "train"}
    assert canary["inputs"]["parameters"]["model_version"] == {"taskOutputParameter": trained}


def test_an_image_of_ones_own_by_name_or_by_the_environment(
    kfp_python: str, tmp_path: Path
) -> None:
    body = "rollout(endpoint=endpoint, model_version='2', image='reg.example.com/t:1.2.3')"
    named = compiled(kfp_python, tmp_path, pipeline(body))
    body = "rollout(endpoint=endpoint, model_version='2')"
    set_there = compiled(
        kfp_python, tmp_path, pipeline(body), TIDEGATE_IMAGE="reg.example.com/t:1.2.3"
    )
    for template in (named, set_there):
        images = {item["container"]["image"] for item in template.executors.values()}
        assert images == {"reg.example.com/t:1.2.3"}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ("percents=[50, 5], model_version='2'", "percents: [50, 5] is not rising"),
        ("model_version='2', colour='blue'", "unknown parameter 'colour' of rollout-canary"),
        ("percents=[5]", "model_version is required"),
        ("model_version='2', pass_margin=1.5", "pass_margin: 1.5 is not above 0 and below 0.5"),
        ("model_version=2", "model_version: 2 is not a text"),
        ("model_version='2', reason='{{workflow.name}}'", "'{{', which Argo would evaluate"),
        ("model_version='2', image='tidegate:latest'", "'tidegate:latest' floats"),
        ("model_version='2', template='rollout-canari'", "did you mean rollout-canary"),
    ],
)
def test_what_cannot_be_meant_is_refused_while_the_pipeline_is_written(
    kfp_python: str, values: str, message: str
) -> None:
    assert message in refused(kfp_python, f"rollout(endpoint=endpoint, {values})")


def test_what_belongs_together_is_checked_where_all_of_it_is_known(kfp_python: str) -> None:
    constants = "rollout(endpoint='demo', model_version='2', smoke=True)"
    assert "smoke and golden belong together" in refused(kfp_python, constants)


def test_a_catalog_of_ones_own_comes_from_the_environment(kfp_python: str, tmp_path: Path) -> None:
    body = "rollout(endpoint=endpoint, model_version='2')"
    last = refused(kfp_python, body, TIDEGATE_CATALOG=str(tmp_path))
    assert f"{tmp_path}/catalog.yaml cannot be read" in last


def test_a_whole_number_is_a_number(kfp_python: str, tmp_path: Path) -> None:
    body = "rollout(endpoint=endpoint, model_version='2', bake_seconds=30)"
    task = compiled(kfp_python, tmp_path, pipeline(body)).spec["root"]["dag"]["tasks"]
    seconds = task["rollout-canary"]["inputs"]["parameters"]["bake_seconds"]
    assert seconds == {"runtimeValue": {"constant": 30.0}}
