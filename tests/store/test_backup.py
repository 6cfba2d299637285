"""The commands of docs/install.md bring a database back: the same installation, record and
rights."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from fixtures_postgres import Databases

from tests.store.builders import KEY, make_endpoint
from tidegate.store import endpoints, ledger
from tidegate.store.engine import Store, rows
from tidegate.store.installation import store_id
from tidegate.store.ledger import Verified
from tidegate.store.migrate import at_head, check
from tidegate_local.processes.postgres import _program, plain

pytestmark = pytest.mark.real
PAGE = Path(__file__).parents[2] / "docs" / "install.md"
BIN = Path(_program("pg_dump")).parent
POLICIES = "SELECT policyname, roles::text FROM pg_policies ORDER BY 1"
GRANTS = """SELECT table_name, grantee, privilege_type FROM information_schema.role_table_grants
    WHERE grantee IN ('tidegate_api', 'tidegate_worker') ORDER BY 1, 2, 3"""


def documented(program: str) -> str:
    """The one command of the page that begins with this program, or has it after its variable."""
    section = PAGE.read_text().split("## Backup and restore")[1].split("\n## ")[0]
    lines = [
        line
        for text in re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
        for line in text.splitlines()
    ]
    (line,) = [line for line in lines if program in line]
    return line


def type_in(command: str, folder: Path, **variables: str) -> None:
    path = f"{BIN}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    environ = {**os.environ, **variables, "PATH": path}
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_a_dump_comes_back_whole(
    url: str, store: Store, databases: Databases, tmp_path: Path
) -> None:
    make_endpoint(store)
    type_in(documented("pg_dump"), tmp_path, OWNER_URL=plain(url))
    fresh = databases.fresh()
    for program in ("pg_restore", "tidegate.store migrate"):
        type_in(documented(program), tmp_path, NEW_OWNER_URL=plain(fresh))
    check(fresh)
    assert at_head(fresh)
    restored = Store(fresh)
    with store.read() as before, restored.read() as after:
        assert store_id(after) == store_id(before), (
            "the same installation: it may write where the old one did"
        )
        assert endpoints.get(after, KEY) == endpoints.get(before, KEY)
        assert ledger.verify(after) == ledger.verify(before)
        assert isinstance(ledger.verify(after), Verified)
        for question in (POLICIES, GRANTS):
            results = rows(after, question)
            assert results
            assert results == rows(before, question)
    restored.close()
    databases.drop(fresh)
