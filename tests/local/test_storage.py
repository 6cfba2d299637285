"""The storage initializer: what arrives in the model repository folder, leak included."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tidegate.core.ports import Resolved, Unresolved
from tidegate.staging.layout import Staging
from tidegate.staging.sources import Access, client
from tidegate_local.home import Home, free_port
from tidegate_local.processes.s3 import S3Server
from tidegate_local.processes.storage import Fetched, fetch
from tidegate_local.processes.supervisor import Supervisor

GOOD = Path(__file__).parents[2] / "examples" / "triton" / "model-repository"


@pytest.fixture
def access(home: Home, supervisor: Supervisor) -> Iterator[Access]:
    server = S3Server(home.logs / "s3.log", supervisor, free_port())
    yield Access(files=True, s3=server.start("models"))
    server.stop()


def arrived(folder: Path) -> list[str]:
    return sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
    )


def test_a_folder_arrives_and_replaces_what_was_there(home: Home) -> None:
    target = home.models / "r1"
    (target / "old").mkdir(parents=True)
    assert fetch(GOOD.as_uri(), target, Access(files=True)) == Fetched(target, 2)
    assert arrived(target) == ["add_sub/1/model.py", "add_sub/config.pbtxt"]
    assert [path.name for path in home.models.iterdir()] == ["r1"]


def test_what_cannot_be_fetched_leaves_the_folder_alone(home: Home) -> None:
    target = home.models / "r1"
    fetch(GOOD.as_uri(), target, Access(files=True))
    failed = fetch("file:///no/such/folder", target, Access(files=True))
    assert isinstance(failed, Unresolved)
    assert "no such folder" in failed.detail
    assert len(arrived(target)) == 2
    assert isinstance(fetch("gs://b/m", target, Access(files=True)), Unresolved)


@pytest.mark.real
def test_s3_prefixes_leak_without_a_trailing_slash_as_in_kserve(home: Home, access: Access) -> None:
    assert access.s3 is not None
    bucket = client(access.s3)
    objects = {
        "triton/add/add_sub/config.pbtxt": b"good",
        "triton/add/add_sub/1/model.py": b"good",
        "triton/add/add_sub/1/": b"",
        "triton/add/add_sub/labels.txt": b"",
        "triton/add_v2/add_sub/1/model.py": b"other",
    }
    for key, body in objects.items():
        bucket.put_object(Bucket="models", Key=key, Body=body)
    own = ["add_sub/1/model.py", "add_sub/config.pbtxt"]
    with_slash = home.models / "with"
    without = home.models / "without"
    assert fetch("s3://models/triton/add/", with_slash, access) == Fetched(with_slash, 2)
    assert arrived(with_slash) == own
    assert fetch("s3://models/triton/add", without, access) == Fetched(without, 3)
    assert arrived(without) == ["_v2/add_sub/1/model.py", *own]
    assert (without / "add_sub/1/model.py").read_bytes() == b"good"
    resolved = Staging(access).resolve("s3://models/triton/add")
    assert isinstance(resolved, Resolved)
    assert resolved.uri == "s3://models/triton/add/", "what is resolved cannot leak"


@pytest.mark.real
def test_no_server_is_a_reason_not_an_exception(
    home: Home, access: Access, supervisor: Supervisor
) -> None:
    supervisor.stop("s3")
    failed = fetch("s3://models/x/", home.models / "r1", access)
    assert isinstance(failed, Unresolved)
    assert "Could not connect" in failed.detail
