"""A worker that dies at chosen points of chosen endpoints, and is started again each time."""

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.cluster.faults.crashing import name_of
from tests.cluster.faults.lab import Lab
from tidegate.core.intent import EndpointKey

PROGRAM = "tests.cluster.faults.crashing"


@contextmanager
def killed_at(
    lab: Lab, points: Mapping[EndpointKey, Sequence[int]]
) -> Iterator[Callable[[], list[str]]]:
    """Run the worker that way; the yielded function tells where it died. Points are counted from
    here on."""
    folder = lab.workers.folder / "points"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for key, numbers in points.items():
        (folder / f"{name_of(key)}.kill").write_text(" ".join(map(str, numbers)))
    alive = lab.fleet.alive

    def revive() -> None:
        """In place of a supervisor."""
        process = lab.workers.running["one"]
        if process.poll() is not None:
            assert process.returncode == -9, lab.workers.said()
            lab.workers.start("one", PROGRAM, TIDEGATE_CRASH_FOLDER=str(folder))

    def deaths() -> list[str]:
        return [
            message
            for key, numbers in points.items()
            for message in _at(folder / f"{name_of(key)}.points", numbers)
        ]

    def _at(file: Path, numbers: Sequence[int]) -> list[str]:
        passed = []
        if file.exists():
            passed = file.read_text().splitlines()
        return [passed[number - 1] for number in numbers if number <= len(passed)]

    lab.workers.start("one", PROGRAM, TIDEGATE_CRASH_FOLDER=str(folder))
    lab.fleet.alive = revive
    try:
        yield deaths
        assert lab.workers.running["one"].poll() in (None, -9), lab.workers.said()
    finally:
        lab.fleet.alive = alive
        lab.workers.close()
