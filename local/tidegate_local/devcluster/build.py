"""Build the control plane's programs, once per machine.

A module's folder in the cache is named by a hash of all that decides its content (go.mod, go.sum,
packages, flags), built beside its final name and renamed, under a lock: an aborted or a second
build leaves nothing half. With the programs go the YAML files of the same modules, so that a
finished cache needs neither Go nor network.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from tidegate.core.errors import TidegateError
from tidegate.folders import cache_dir
from tidegate_local.devcluster import golang
from tidegate_local.devcluster.sources import MODULES, Module
from tidegate_local.home import locked

_SOURCES = Path(__file__).with_name("modules")
_FLAGS = ("-trimpath", "-buildvcs=false", "-p", "2")  # two at a time: a build is a guest here
Say = Callable[[str], None]


class BuildError(TidegateError):
    """A program of the control plane could not be built; holds the end of go's words."""


@dataclass(frozen=True, slots=True)
class Built:
    """One built module in the cache."""

    root: Path

    def program(self, name: str) -> Path:
        """A program of this module."""
        return self.root / "bin" / name

    def files(self, module: str, folder: str) -> Path:
        """A folder of YAML files that came with a Go module."""
        return self.root / "files" / module / folder


def location(module: Module, cache: Path | None = None) -> Built:
    """Where the build of this module is, or will be."""
    digest = hashlib.sha256(
        f"{module.programs}{module.files}{module.edits or ''}{_ldflags(module)}{_FLAGS}{sys.platform}".encode()
    )
    for name in ("go.mod", "go.sum", "tools.go"):
        digest.update((_SOURCES / module.name / name).read_bytes())
    folder = (cache or cache_dir()) / "devcluster"
    return Built(folder / f"{module.name}-{digest.hexdigest()[:12]}")


def missing(names: Iterable[str], cache: Path | None = None) -> tuple[str, ...]:
    """Those that are not built yet."""
    return tuple(name for name in names if not location(MODULES[name], cache).root.exists())


def ensure(
    names: Iterable[str],
    say: Say,
    cache: Path | None = None,
    find: Callable[[Say], Path] = golang.find,
) -> dict[str, Built]:
    """Build what is not built yet, with the Go that `find` finds. `say` gets progress lines. Raises
    BuildError for an unknown name and for a failed build, GoError where there is no Go."""
    desired = tuple(names)
    unknown = [name for name in desired if name not in MODULES]
    if unknown:
        raise BuildError(f"no such part: {', '.join(unknown)}; there are {', '.join(MODULES)}")
    for name in missing(desired, cache):
        module = MODULES[name]
        built = location(module, cache)
        with locked(built.root.with_name(f"{built.root.name}.lock")):
            if not built.root.exists():
                _build(module, built, find(say), say)
    return {name: location(MODULES[name], cache) for name in desired}


def _build(module: Module, built: Built, go: Path, say: Say) -> None:
    beside = Built(built.root.with_name(f"{built.root.name}.building"))
    shutil.rmtree(beside.root, ignore_errors=True)
    (beside.root / "bin").mkdir(parents=True)
    say(f"building {', '.join(module.programs)} (about {module.takes}, once)")
    began = time.monotonic()
    sources = beside.root / "sources"
    edited = _edited(go, module, sources)
    for name, package in module.programs.items():
        flags = [
            *_FLAGS,
            *edited,
            "-ldflags",
            _ldflags(module),
            "-o",
            str(beside.program(name)),
            package,
        ]
        _go(go, module, ["build", *flags], f"building {name}")
    for desired in module.files:
        source = Path(_module_folder(go, module, desired.module)) / desired.folder
        _copy(source, beside.files(desired.module, desired.folder))
    shutil.rmtree(sources, ignore_errors=True)
    beside.root.rename(built.root)
    say(f"{module.name} is built, in {time.monotonic() - began:.0f} s")


def _edited(go: Path, module: Module, folder: Path) -> list[str]:
    """Flags that make go build edited copies of whole modules (it refuses to look past single files
    of its cache); none where nothing is edited."""
    if not module.edits:
        return []
    folder.mkdir()
    for path in dict.fromkeys(edit.module for edit in module.edits):
        _copy(Path(_module_folder(go, module, path)), folder / path)
    for edit in module.edits:
        file = folder / edit.module / edit.file
        text = file.read_text()
        if edit.old not in text:
            raise BuildError(
                f"{edit.module} has no {edit.old!r} in {edit.file} any more: look at its new "
                "version"
            )
        file.write_text(text.replace(edit.old, edit.new))
    lines = [
        f"replace {path} => {folder / path}\n"
        for path in dict.fromkeys(edit.module for edit in module.edits)
    ]
    (folder / "go.mod").write_text((_SOURCES / module.name / "go.mod").read_text() + "".join(lines))
    shutil.copyfile(_SOURCES / module.name / "go.sum", folder / "go.sum")
    return ["-modfile", str(folder / "go.mod")]


def _copy(source: Path, target: Path) -> None:
    """A copy that can be changed and deleted: Go's module cache is read-only."""
    shutil.copytree(
        source, target, copy_function=shutil.copyfile, ignore=shutil.ignore_patterns("testdata")
    )
    for folder, _, _ in os.walk(target):
        Path(folder).chmod(0o755)


def _ldflags(module: Module) -> str:
    return " ".join(("-s", "-w", *module.ldflags))


def _module_folder(go: Path, module: Module, path: str) -> str:
    """Where Go keeps the pinned version of a module, downloaded if needed."""
    answer = json.loads(_go(go, module, ["mod", "download", "-json", path], f"fetching {path}"))
    return str(answer["Dir"])


def _go(go: Path, module: Module, arguments: list[str], what: str) -> str:
    command = ["nice", "-n", "19", str(go), *arguments]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        cwd=_SOURCES / module.name,
        env=golang.environment(),
    )
    if done.returncode != 0:
        tail = "\n".join(done.stderr.strip().splitlines()[-15:])
        raise BuildError(
            f"{what} failed with {done.returncode} (is a Go module proxy reachable?):\n{tail}"
        )
    return done.stdout
