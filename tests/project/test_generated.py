"""`.gitattributes` marks what programs write, and nothing else."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from scripts.render_deploy import derived
from tests.built import require

ROOT = Path(__file__).parents[2]
MAKEFILE = (ROOT / "Makefile").read_text()


def tracked(*patterns: str) -> set[str]:
    """Files that git keeps, by path below the root."""
    done = subprocess.run(
        ["git", "ls-files", "-z", *patterns], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(done.stdout.split("\0")) - {""}


def marked() -> set[str]:
    """Tracked files that git takes for generated."""
    command = ["git", "check-attr", "--stdin", "-z", "linguist-generated"]
    names = "\0".join(sorted(tracked()))
    done = subprocess.run(
        command, cwd=ROOT, input=names, capture_output=True, text=True, check=True
    )
    words = done.stdout.split("\0")
    return {name for name, value in zip(words[0::3], words[2::3], strict=False) if value == "true"}


def recipe(target: str) -> str:
    """The commands of a target of the Makefile."""
    match = re.search(rf"^{target}:.*\n((?:\t.*\n)+)", MAKEFILE, re.MULTILINE)
    assert match, target
    return match[1]


def written_by_openapi() -> set[str]:
    return set(re.findall(r"> (\S+)\.new", recipe("openapi")))


def written_by_templates() -> set[str]:
    catalog = yaml.safe_load((ROOT / "catalog/catalog.yaml").read_text())
    templates = {f"catalog/templates/{template['name']}.yaml" for template in catalog["templates"]}
    return (
        templates
        | {"catalog/catalog.yaml"}
        | set(re.findall(r"> (catalog/\S+)", recipe("templates")))
    )


def written_by_lock() -> set[str]:
    script = (ROOT / "scripts/lock.sh").read_text()
    return set(re.findall(r" -o (\S+)", script)) | set(
        re.findall(r"^cp \S+ (\S+)$", script, re.MULTILINE)
    )


def written_by_deploy() -> set[str]:
    """Kustomize's files need helm to be rendered; without it they are taken to be those that nobody
    wrote by hand. `test_every_derived_file_is_marked` compares with the rendering."""
    rendered = {
        name
        for folder in ("base", "monitoring", "tenant")
        for name in tracked(f"deploy/kustomize/{folder}/*.yaml")
        if not name.endswith("/kustomization.yaml")
    }
    return rendered | {"deploy/helm/tidegate/values.schema.json"}


def written_by_go() -> set[str]:
    return tracked("*/go.sum")


def test_what_the_targets_write_is_marked_and_nothing_else() -> None:
    parts = (
        written_by_openapi(),
        written_by_templates(),
        written_by_lock(),
        written_by_deploy(),
        written_by_go(),
    )
    assert [len(part) > 1 for part in parts] == [True] * 5
    assert marked() == set().union(*parts)


@pytest.mark.cluster
def test_every_derived_file_is_marked() -> None:
    require(["tools"])
    assert {
        path.relative_to(ROOT).as_posix() for path, _ in derived(make=False)
    } == written_by_deploy()
