"""Builds happen once, leave nothing half, and say what went wrong. A shell script plays Go."""

from pathlib import Path

import pytest

from tidegate_local.devcluster import build
from tidegate_local.devcluster.build import BuildError, Say
from tidegate_local.devcluster.sources import MODULES

GO = """#!/bin/sh
echo "$@" >> {log}
test -e {broken} && {{ echo "package x: cannot find" >&2; exit 1; }}
if [ "$1" = mod ]; then echo '{{"Dir": "{modules}/'"$4"'"}}'; exit 0; fi
while [ "$1" != -o ]; do shift; done
echo program > "$2"
"""


class Machine:
    """A machine with a cache of its own and a Go that can be broken."""

    def __init__(self, root: Path) -> None:
        self.cache = root / "cache"
        self.log = root / "log"
        self.broken = root / "broken"
        self.modules = root / "modules"
        self.go = root / "go"
        self.go.write_text(GO.format(log=self.log, broken=self.broken, modules=self.modules))
        self.go.chmod(0o755)
        self.said: list[str] = []

    def find(self, say: Say) -> Path:
        return self.go

    def ensure(self, *names: str) -> dict[str, build.Built]:
        return build.ensure(names, self.said.append, self.cache, self.find)

    def calls(self) -> list[str]:
        if self.log.exists():
            return self.log.read_text().splitlines()
        return []


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def files_of(machine: Machine, name: str) -> None:
    """What Go would have downloaded for a module."""
    for desired in MODULES[name].files:
        folder = machine.modules / desired.module / desired.folder
        folder.mkdir(parents=True)
        (folder / "a.yaml").write_text("kind: A\n")


def test_a_program_is_built_once(machine: Machine) -> None:
    built = machine.ensure("etcd")["etcd"]
    assert built.program("etcd").read_text() == "program\n"
    assert machine.said[0] == "building etcd (about half a minute, once)"
    before = machine.calls()
    machine.ensure("etcd")
    assert machine.calls() == before
    assert build.missing(["etcd", "kwok"], machine.cache) == ("kwok",)


def test_the_files_of_a_module_come_with_its_programs(machine: Machine) -> None:
    files_of(machine, "kwok")
    built = machine.ensure("kwok")["kwok"]
    assert (
        built.files("sigs.k8s.io/kwok", "kustomize/stage") / "a.yaml"
    ).read_text() == "kind: A\n"


def test_a_failed_build_says_why_and_leaves_nothing_half(machine: Machine) -> None:
    machine.broken.touch()
    with pytest.raises(BuildError, match=r"building etcd failed with 1(.|\n)*cannot find"):
        machine.ensure("etcd")
    assert build.missing(["etcd"], machine.cache) == ("etcd",)
    machine.broken.unlink()
    assert machine.ensure("etcd")["etcd"].program("etcd").exists()


def test_sources_are_edited_in_a_copy(machine: Machine) -> None:
    files_of(machine, "envoygateway")
    for edit in MODULES["envoygateway"].edits:
        file = machine.modules / edit.module / edit.file
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text((file.read_text() if file.exists() else "") + f"{edit.old}\n")
    originals = {file: file.read_text() for file in machine.modules.rglob("*.go")}
    built = machine.ensure("envoygateway")["envoygateway"]
    assert {file: file.read_text() for file in originals} == originals
    assert any("-modfile" in call for call in machine.calls())
    assert not (built.root / "sources").exists()


def test_an_edit_that_no_longer_fits_is_told(machine: Machine) -> None:
    edit = MODULES["envoygateway"].edits[0]
    file = machine.modules / edit.module / edit.file
    file.parent.mkdir(parents=True)
    file.write_text("package runner\n")
    with pytest.raises(BuildError, match="any more: look at its new version"):
        machine.ensure("envoygateway")


def test_an_unknown_part_is_named(machine: Machine) -> None:
    with pytest.raises(BuildError, match="no such part: kafka; there are etcd, "):
        machine.ensure("kafka")
