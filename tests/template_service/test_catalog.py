"""The catalog's folder: whole, or refused with the reason; and in the wheel."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml

from tidegate.template_service import catalog as module
from tidegate.template_service.catalog import Catalog, CatalogError, UnknownTemplateError
from tidegate.template_service.rendering import InvalidParametersError, render

ROOT = Path(__file__).parents[2]
GOOD = {"endpoint": "demo-triton", "model_version": "2"}
DIGEST = "sha256:" + "0" * 64


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(module.TREE, tmp_path / "catalog"))


def test_an_unknown_template_names_those_that_exist() -> None:
    with pytest.raises(
        UnknownTemplateError,
        match=r"'rollout-canari' \(did you mean rollout-canary.*\?\): use one of",
    ):
        Catalog().entry("rollout-canari")
    with pytest.raises(UnknownTemplateError, match="'x': use one of rollout-canary, rollout-ab"):
        Catalog().entry("x")


def test_a_template_that_was_edited_is_not_served(copy: Path) -> None:
    file = copy / "templates" / "rollout-undo.yaml"
    file.write_text(file.read_text().replace("python3", "sh"))
    with pytest.raises(
        CatalogError,
        match=r"rollout-undo.yaml is not what catalog.yaml describes .* `make templates`",
    ):
        Catalog(copy)


def test_a_folder_without_a_catalog_says_what_to_set(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="set TIDEGATE_CATALOG to its folder"):
        Catalog(tmp_path)


def test_a_template_that_is_missing_is_named(copy: Path) -> None:
    (copy / "templates" / "rollout-ab.yaml").unlink()
    with pytest.raises(CatalogError, match=r"rollout-ab.yaml cannot be read"):
        Catalog(copy)


def test_a_file_outside_of_the_folder_cannot_be_named(copy: Path) -> None:
    file = copy / "catalog.yaml"
    file.write_text(file.read_text().replace("templates/rollout-ab.yaml", "../secret.yaml"))
    with pytest.raises(CatalogError, match="is no catalog"):
        Catalog(copy)


def test_a_rendered_template_needs_no_parameters_any_more() -> None:
    made = render(
        Catalog(),
        "rollout-canary",
        {**GOOD, "percents": [5, 50]},
        f"reg.example.com:5000/t@{DIGEST}",
    )
    spec, platform = yaml.safe_load_all(made.text())
    fields = spec["root"]["inputDefinitions"]["parameters"]
    assert all(field["isOptional"] for field in fields.values())
    assert fields["percents"]["defaultValue"] == [5, 50]
    assert fields["endpoint"]["defaultValue"] == "demo-triton"
    images = {
        executor["container"]["image"] for executor in spec["deploymentSpec"]["executors"].values()
    }
    assert images == {f"reg.example.com:5000/t@{DIGEST}"}
    assert "kubernetes" in platform["platforms"]
    plain = made.documents[0]["root"]["inputDefinitions"]["parameters"]
    assert "defaultValue" not in plain["endpoint"], (
        "what is submitted keeps the template's own defaults"
    )


@pytest.mark.parametrize(
    ("image", "rule"),
    [
        ("tidegate:latest", "floats"),
        ("reg.example.com:5000/tidegate", "floats"),
        ("reg.example.com/tidegate:main", "floats"),
        ("", "not the name"),
        ("-rf /", "not the name"),
        ("Tidegate:1", "not the name"),
        ("tidegate@sha256:abc", "not the name"),
        ("tidegate:1 --privileged", "not the name"),
    ],
)
def test_an_image_is_pinned(image: str, rule: str) -> None:
    with pytest.raises(InvalidParametersError, match=rule):
        render(Catalog(), "rollout-canary", GOOD, image)


@pytest.mark.parametrize(
    "image",
    ["tidegate:0.1.0", "reg:5000/a/tidegate:v2", f"tidegate@{DIGEST}", f"t:latest@{DIGEST}"],
)
def test_a_pinned_image_is_taken(image: str) -> None:
    render(Catalog(), "rollout-canary", GOOD, image)


@pytest.mark.real
def test_the_wheel_carries_the_catalog(tmp_path: Path) -> None:
    built = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert built.returncode == 0, built.stderr
    (wheel,) = tmp_path.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    code = "from tidegate.template_service.catalog import Catalog; c = Catalog(); print(c.folder, *(e.name for e in c))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path / "site")},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    folder, *names = done.stdout.split()
    assert folder == str(tmp_path / "site" / "tidegate" / "template_service" / "data"), done.stderr
    assert names == [entry.name for entry in Catalog()]
