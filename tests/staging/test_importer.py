"""Imports: immutable by name, idempotent, the same digest wherever the bytes lie."""

import hashlib
import tarfile
from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest

from tidegate.core.intent import Batcher
from tidegate.core.ports import Resolved, Unresolved
from tidegate.staging.importer import Imported, import_model
from tidegate.staging.incoming import Progress, Ways
from tidegate.staging.layout import Staging
from tidegate.staging.sources import Access, client

Folder = Callable[..., Path]


def test_an_import_into_a_folder_is_immutable_by_name(
    folder: Folder, tmp_path: Path, local: Access
) -> None:
    source = folder()
    store = (tmp_path / "store").as_uri()
    before = Staging(local).resolve(source.as_uri())
    assert isinstance(before, Resolved)
    assert before.mutable
    made = import_model(source.as_uri(), store, local)
    assert made == Imported(f"{store}/{before.digest}/", before.digest, (("add_sub", (1,)),), 2, 21)
    assert Staging(local).resolve(made.uri) == Resolved(made.uri, made.digest, mutable=False)
    assert import_model(source.as_uri(), store, local) == made, "again changes nothing"
    assert [path.name for path in (tmp_path / "store").iterdir()] == [before.digest], (
        "nothing is left beside"
    )


def test_bytes_that_do_not_fit_their_name_are_refused(
    folder: Folder, tmp_path: Path, local: Access
) -> None:
    made = import_model(folder().as_uri(), (tmp_path / "store").as_uri(), local)
    assert isinstance(made, Imported)
    (tmp_path / "store" / made.digest / "add_sub" / "1" / "model.py").write_text("changed")
    resolved = Staging(local).resolve(made.uri)
    assert isinstance(resolved, Unresolved)
    assert "not what its name says" in resolved.detail


def test_a_wrong_layout_is_not_imported(folder: Folder, tmp_path: Path, local: Access) -> None:
    made = import_model(f"{folder().as_uri()}/add_sub", (tmp_path / "store").as_uri(), local)
    assert isinstance(made, Unresolved)
    assert not (tmp_path / "store").exists()


@pytest.mark.real
def test_a_folder_goes_to_s3_and_keeps_its_digest(folder: Folder, both: Access) -> None:
    source = folder()
    (source / "add_sub" / "1" / "empty").touch()
    made = import_model(source.as_uri(), "s3://models/imports", both)
    assert isinstance(made, Imported)
    assert made.uri == f"s3://models/imports/{made.digest}/"
    here = Staging(both).resolve(source.as_uri())
    assert isinstance(here, Resolved)
    assert here.digest == made.digest


@pytest.mark.real
def test_an_import_that_broke_off_is_completed(folder: Folder, both: Access) -> None:
    assert both.s3 is not None
    source = folder()
    bucket = client(both.s3)
    made = import_model(source.as_uri(), "s3://models/broken", both)
    assert isinstance(made, Imported)
    key = f"broken/{made.digest}/add_sub/1/model.py"
    bucket.delete_object(Bucket="models", Key=key)
    assert import_model(source.as_uri(), "s3://models/broken", both) == made
    bucket.put_object(Bucket="models", Key=f"broken/{made.digest}/add_sub/2/stray", Body=b"x")
    assert isinstance(import_model(source.as_uri(), "s3://models/broken", both), Unresolved)


@pytest.mark.real
def test_s3_trouble_is_told_with_the_uri(both: Access) -> None:
    missing = Staging(both).resolve("s3://no-such-bucket/m")
    assert isinstance(missing, Unresolved)
    assert "s3://no-such-bucket/m/: S3 says: " in missing.detail
    assert "NoSuchBucket" in missing.detail
    assert isinstance(Staging(both).resolve("s3://models/nothing-here"), Unresolved)


class Archived(httpx2.BaseTransport):
    """An archive behind https."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def handle_request(self, _: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, headers={"etag": '"v1"'}, stream=httpx2.ByteStream(self.data))


def packed(source: Path, archive: Path) -> Path:
    with tarfile.open(archive, "w:gz") as out:
        out.add(source, ".")
    return archive


@pytest.mark.real
def test_the_same_model_has_the_same_digest_by_every_way(
    folder: Folder, tmp_path: Path, both: Access
) -> None:
    """A folder, its archive as a path, behind https and on S3; progress is told; the cache is empty
    after it."""
    assert both.s3 is not None
    source = folder()
    store = "s3://models/ways"
    archive = packed(source, tmp_path / "m.tgz")
    client(both.s3).upload_file(str(archive), "models", "incoming/m.tgz")
    reports: list[Progress] = []
    cache = tmp_path / "cache"
    sha = hashlib.sha256(archive.read_bytes()).hexdigest()
    ways = Ways(both, cache, sha, tell=reports.append, transport=Archived(archive.read_bytes()))
    first = import_model(str(source), store, both)
    assert isinstance(first, Imported)
    for uri in (
        str(archive),
        archive.as_uri(),
        "https://models.example.com/m.tgz",
        "s3://models/incoming/m.tgz",
    ):
        assert import_model(uri, store, both, ways=ways) == first, uri
    assert list(dict.fromkeys(progress.what for progress in reports)) == [
        "unpacking",
        "reading",
        "sending",
        "verifying",
        "fetching",
    ]
    assert all(progress.total is None or progress.done <= progress.total for progress in reports)
    assert not list(cache.iterdir())
    wrong = import_model(
        "s3://models/incoming/m.tgz", store, both, ways=Ways(both, cache, "0" * 64)
    )
    assert isinstance(wrong, Unresolved)
    assert f"has the SHA-256 {sha}" in wrong.detail


@pytest.mark.real
def test_bytes_that_arrived_wrong_are_sent_again(folder: Folder, both: Access) -> None:
    """As long as they should be, so that only the digest tells."""
    assert both.s3 is not None
    made = import_model(folder().as_uri(), "s3://models/mend", both)
    assert isinstance(made, Imported)
    key = f"mend/{made.digest}/add_sub/1/model.py"
    client(both.s3).put_object(Bucket="models", Key=key, Body=b"evil")
    assert isinstance(Staging(both).resolve(made.uri), Unresolved)
    assert import_model(folder().as_uri(), "s3://models/mend", both) == made
    assert isinstance(Staging(both).resolve(made.uri), Resolved)


def test_what_triton_would_refuse_never_reaches_the_store(
    folder: Folder, tmp_path: Path, local: Access
) -> None:
    files = {
        "add_sub/config.pbtxt": 'name: "other" max_batch_size: -1',
        "add_sub/1/model.py": "pass",
    }
    made = import_model(str(folder(files=files)), (tmp_path / "store").as_uri(), local)
    assert isinstance(made, Unresolved)
    assert "name 'other' is not the folder's, 'add_sub'" in made.detail
    assert "max_batch_size -1" in made.detail
    assert not (tmp_path / "store").exists()


def test_a_batcher_changes_the_digest_and_a_dry_run_changes_nothing(
    folder: Folder, tmp_path: Path, local: Access
) -> None:
    files = {"add_sub/config.pbtxt": "max_batch_size: 8", "add_sub/1/model.py": "pass"}
    source = str(folder(files=files))
    store = (tmp_path / "store").as_uri()
    plain = import_model(source, store, local, dry_run=True)
    batched = import_model(source, store, local, batcher=Batcher(4, 2))
    assert isinstance(plain, Imported)
    assert isinstance(batched, Imported)
    assert (
        [path.name for path in (tmp_path / "store").iterdir()] == [batched.digest] != [plain.digest]
    )
    text = (tmp_path / "store" / batched.digest / "add_sub" / "config.pbtxt").read_text()
    assert text.splitlines() == [
        "max_batch_size: 8",
        "dynamic_batching { preferred_batch_size: [ 4 ] max_queue_delay_microseconds: 2000 }",
    ]
    assert (Path(source) / "add_sub" / "config.pbtxt").read_text() == "max_batch_size: 8", (
        "the source stays"
    )
