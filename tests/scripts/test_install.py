"""What people see while `make` installs: how many packages of how many, and why it failed."""

import sys
from pathlib import Path

import pytest

from scripts.install import main, packages, progress, show

PIP = """\
Collecting alembic==1.18.0 (from -r requirements/dev.txt (line 9))
  Downloading alembic-1.18.0-py3-none-any.whl (260 kB)
Requirement already satisfied: anyio==4.9.0 in ./.venv/lib (from -r requirements/dev.txt (line 20)) (4.9.0)
Collecting psycopg[binary,pool]==3.3.0 (from -r requirements/dev.txt (line 31))
  Using cached psycopg-3.3.0-py3-none-any.whl (1.2 MB)
Installing collected packages: alembic, psycopg
Successfully installed alembic-1.18.0 psycopg-3.3.0
"""


def test_each_package_is_counted_with_its_size() -> None:
    assert list(progress(PIP.splitlines(keepends=True), 3)) == [
        "1 of 3: alembic",
        "1 of 3: alembic, 260 kB",
        "2 of 3: anyio",
        "3 of 3: psycopg[binary,pool]",
        "3 of 3: psycopg[binary,pool], 1.2 MB",
        "unpacking 3 packages",
    ]


def test_a_log_gets_a_line_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    show(progress(PIP.splitlines(keepends=True), 3), every=4)
    assert capsys.readouterr().out.splitlines() == [
        "  ◌ 1 of 3: alembic",
        "  ◌ 3 of 3: psycopg[binary,pool], 1.2 MB",
        "  ◌ unpacking 3 packages",
    ]


def test_the_number_of_packages_is_that_of_the_locked_file() -> None:
    text = "alembic==1.18.0 \\\n    --hash=sha256:00\n    # via x==1\npsycopg[binary,pool]==3.3.0 ; os == 'linux' \\\n"
    assert packages(text) == 2


def test_a_failure_shows_the_end_of_what_pip_said(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    locked = tmp_path / "wrong.txt"
    locked.write_text("not a requirement at all\n")
    assert main(sys.executable, locked) != 0
    assert "Invalid requirement" in capfd.readouterr().err
