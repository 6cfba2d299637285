"""Models to stage, and an S3 server."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tidegate.staging.sources import Access, S3Access
from tidegate_local.home import Home, free_port
from tidegate_local.processes.s3 import S3Server
from tidegate_local.processes.supervisor import Supervisor

Files = dict[str, str]
MODEL: Files = {"add_sub/config.pbtxt": "backend: 'python'", "add_sub/1/model.py": "pass"}


@pytest.fixture
def folder(tmp_path: Path) -> Callable[..., Path]:
    """Writes files below a folder."""

    def write(name: str = "models", files: Files = MODEL) -> Path:
        for path, text in files.items():
            file = tmp_path / name / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        return tmp_path / name

    return write


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Access]:
    """An S3 server with the bucket `models`; tests use prefixes of their own."""
    home = Home(tmp_path_factory.mktemp("s3") / "home").create()
    supervisor = Supervisor(home.run)
    try:
        yield S3Server(home.logs / "s3.log", supervisor, free_port()).start("models")
    finally:
        supervisor.close()


@pytest.fixture
def local() -> Access:
    """Folders only."""
    return Access(files=True)


@pytest.fixture
def both(s3: S3Access) -> Access:
    """Folders and S3."""
    return Access(files=True, s3=s3)
