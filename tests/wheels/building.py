"""Both wheels, built offline, and virtual environments that hold a wheel with exactly what its
metadata asks for.

The dependencies are linked from the environment of the tests, distribution by distribution, so that
nothing is downloaded and nothing undeclared is there by accident.
"""

import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, PathDistribution, distribution
from pathlib import Path
from zipfile import ZipFile

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
OURS = ("tidegate", "tidegate-local")


def build(folder: Path) -> dict[str, Path]:
    """Both wheels by the name of their distribution."""
    offline = ["--no-deps", "--no-build-isolation", "--no-index", "--quiet"]
    _pip("wheel", *offline, "--wheel-dir", str(folder), str(ROOT), str(ROOT / "local"))
    return {wheel.name.split("-")[0].replace("_", "-"): wheel for wheel in folder.glob("*.whl")}


def names(wheel: Path) -> tuple[str, ...]:
    """The files in a wheel."""
    with ZipFile(wheel) as opened:
        return tuple(opened.namelist())


class Environment:
    """A virtual environment without pip. extras: of the wheels that are installed."""

    def __init__(self, root: Path, *wheels: Path) -> None:
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(root)], check=True)
        self.bin = root / "bin"
        self.site = (
            root
            / "lib"
            / f"python{sys.version_info.major}.{sys.version_info.minor}"
            / "site-packages"
        )
        for wheel in wheels:
            _pip(
                "--python",
                str(self.bin / "python"),
                "install",
                "--no-deps",
                "--no-index",
                "--quiet",
                str(wheel),
            )
        installed = {path.name.split("-")[0]: path for path in self.site.glob("*.dist-info")}
        for metadata in installed.values():
            self._link_requirements(PathDistribution(metadata))

    def run(self, *command: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run a program of the environment, far from the checkout."""
        program, *arguments = command
        return subprocess.run(
            [str(self.bin / program), *arguments],
            capture_output=True,
            text=True,
            check=False,
            cwd=self.bin,
            env={"PATH": f"{self.bin}:/usr/bin:/bin", **environ},
            timeout=600,
        )

    def _link_requirements(self, ours: Distribution) -> None:
        seen: set[tuple[str, str]] = set()
        waiting = list(_requirements(ours, ""))
        while waiting:
            requirement = waiting.pop()
            for extra in ("", *requirement.extras):
                if (requirement.name, extra) in seen:
                    continue
                seen.add((requirement.name, extra))
                if requirement.name in OURS:
                    desired: Distribution = PathDistribution(
                        next(self.site.glob(f"{requirement.name}-*.dist-info"))
                    )
                else:
                    desired = distribution(requirement.name)
                    self._link(desired)
                waiting.extend(_requirements(desired, extra))

    def _link(self, desired: Distribution) -> None:
        for top in {file.parts[0] for file in desired.files or ()} - {"..", "__pycache__"}:
            target = self.site / top
            if not target.exists():
                target.symlink_to(str(desired.locate_file(top)))


def _requirements(desired: Distribution, extra: str) -> Iterator[Requirement]:
    for text in desired.requires or ():
        requirement = Requirement(text)
        if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
            yield requirement


def _pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
