"""The Python that has kfp: its commands start, and a build that was broken off is no kfp."""

import hashlib
import os
import subprocess
from pathlib import Path

import pytest

from pipelines.toolchain import WHOLE, ensure, location

pytestmark = pytest.mark.real


def test_the_command_kfp_starts(kfp_python: str, tmp_path: Path) -> None:
    command = Path(kfp_python).with_name("kfp")
    done = subprocess.run(
        [str(command), "--version"],
        env={**os.environ, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (done.returncode, done.stdout.split()[0]) == (0, "kfp"), done.stderr


def test_every_command_there_names_a_python_that_exists(kfp_python: str) -> None:
    heads = {}
    for file in Path(kfp_python).parent.iterdir():
        head = file.read_bytes()[:200].partition(b"\n")[0].decode(errors="replace")
        if head.startswith("#!/"):
            heads[file.name] = Path(head.removeprefix("#!").split()[0])
    assert {"kfp", "dsl-compile"} <= set(heads)
    assert [name for name, python in heads.items() if not python.exists()] == []


def test_a_build_that_was_broken_off_is_built_again(tmp_path: Path) -> None:
    requirements = tmp_path / "none.txt"
    requirements.write_text("# nothing\n")
    root = location(tmp_path, requirements)
    assert root.name.startswith(
        f"kfp-{hashlib.sha256(b'# nothing' + bytes([10])).hexdigest()[:12]}"
    )
    (root / "bin").mkdir(parents=True)
    (root / "bin" / "python").write_text("half")
    python = ensure(tmp_path, requirements)
    assert subprocess.run([str(python), "-c", ""], check=False, timeout=60).returncode == 0
    (root / WHOLE).write_text("as it was")
    assert ensure(tmp_path, requirements) == python
    assert (root / WHOLE).read_text() == "as it was", "what is whole is not built again"
