"""Imports: immutable by name, idempotent, the same digest wherever the bytes lie."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tidegate.core.ports import Resolved, Unresolved
from tidegate.staging.importer import import_model
from tidegate.staging.layout import Staging
from tidegate.staging.sources import Access, client

Folder = Callable[..., Path]


def test_an_import_into_a_folder_is_immutable_by_name(folder: Folder, tmp_path: Path, local: Access) -> None:
    source, store = folder(), (tmp_path / "store").as_uri()
    before = Staging(local).resolve(source.as_uri())
    assert isinstance(before, Resolved)
    assert before.mutable
    made = import_model(source.as_uri(), store, local)
    assert made == Resolved(f"{store}/{before.digest}/", before.digest, mutable=False)
    assert import_model(source.as_uri(), store, local) == made, "again changes nothing"
    assert [path.name for path in (tmp_path / "store").iterdir()] == [before.digest], "nothing is left beside"


def test_bytes_that_do_not_fit_their_name_are_refused(folder: Folder, tmp_path: Path, local: Access) -> None:
    made = import_model(folder().as_uri(), (tmp_path / "store").as_uri(), local)
    assert isinstance(made, Resolved)
    (tmp_path / "store" / made.digest / "add_sub" / "1" / "model.py").write_text("changed")
    found = Staging(local).resolve(made.uri)
    assert isinstance(found, Unresolved)
    assert "not what its name says" in found.detail


def test_a_wrong_layout_is_not_imported(folder: Folder, tmp_path: Path, local: Access) -> None:
    made = import_model(f"{folder().as_uri()}/add_sub", (tmp_path / "store").as_uri(), local)
    assert isinstance(made, Unresolved)
    assert not (tmp_path / "store").exists()


@pytest.mark.real
def test_a_folder_goes_to_s3_and_keeps_its_digest(folder: Folder, both: Access) -> None:
    source = folder()
    (source / "add_sub" / "1" / "empty").touch()
    made = import_model(source.as_uri(), "s3://models/imports", both)
    assert isinstance(made, Resolved)
    assert made.uri == f"s3://models/imports/{made.digest}/"
    assert not made.mutable
    here = Staging(both).resolve(source.as_uri())
    assert isinstance(here, Resolved)
    assert here.digest == made.digest


@pytest.mark.real
def test_an_import_that_broke_off_is_completed(folder: Folder, both: Access) -> None:
    assert both.s3 is not None
    source, bucket = folder(), client(both.s3)
    made = import_model(source.as_uri(), "s3://models/broken", both)
    assert isinstance(made, Resolved)
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
