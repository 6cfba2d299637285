"""`tidegate model import`: what it does with the bytes, and what it asks of the API."""

from pathlib import Path

import pytest

from tests.cli.fakes import Cli, FakeApi, problem

REGISTERED = {
    "model_id": "add_sub",
    "description": "d",
    "created_at": "2026-01-01T00:00:00Z",
    "created_by": "ann",
}
MODEL = {"add_sub/config.pbtxt": 'name: "add_sub" backend: "python"', "add_sub/1/model.py": "pass"}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    for path, text in MODEL.items():
        file = tmp_path / "source" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return tmp_path / "source"


def test_a_model_is_brought_into_the_store_and_registered(
    source: Path, api: FakeApi, cli: Cli, tmp_path: Path
) -> None:
    api.on("GET", "/models/add_sub", problem(404, "not-found", "there is none"))
    api.on("POST", "/models", (201, REGISTERED))
    version = {"version_id": "1", "uri": "file:///x/", "digest": "sha256-00", "mutable": False}
    api.on("POST", "/models/add_sub/versions", (201, {**REGISTERED, **version}))
    made = cli(
        "model",
        "import",
        "add_sub",
        "1",
        str(source),
        "--store",
        str(tmp_path / "store"),
        "--description",
        "d",
    )
    assert made.code == 0, made.err
    (folder,) = (tmp_path / "store" / "add_sub").iterdir()
    model, version = api.sent("POST")
    assert model.body == {"model_id": "add_sub", "description": "d"}
    assert version.body == {"version_id": "1", "uri": f"{folder.as_uri()}/"}
    assert "add_sub (1): 2 files, 37 bytes" in made.out
    assert made.err.splitlines() == [
        "◌ reading 37 bytes",
        "◌ sending 37 bytes",
        "◌ verifying 37 bytes",
    ]


def test_without_registering_it_needs_no_api_and_says_how_to_go_on(
    source: Path, cli: Cli, tmp_path: Path
) -> None:
    line = [
        "model",
        "import",
        "add_sub",
        "1",
        str(source),
        "--store",
        str(tmp_path / "store"),
        "--no-register",
    ]
    dry = cli(*line, "--dry-run", "-o", "name")
    assert (dry.code, dry.out) == (0, "model/add_sub/1\n")
    for flags in (line, line[:-1]):  # nothing lies there yet: no way to go on from
        result = cli(*flags, "--dry-run")
        assert result.code == 0, result.err
        assert "add_sub (1): 2 files" in result.out
        assert "Next:" not in result.out
    assert not (tmp_path / "store").exists()
    made = cli(*line)
    assert made.code == 0
    assert "tidegate model add add_sub 1 --uri URI" in made.out


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        ((), 2, "no store is known"),
        (("--store", "s", "--max-size", "lots"), 2, "max-size 'lots' is not a size"),
        (("--store", "s", "--sha256", "abc"), 2, "sha256 'abc' is not a SHA-256"),
        (("--store", "s", "--sha256", "0" * 64), 1, "--sha256 is of an archive's bytes"),
        (("--store", "s", "--max-batch-size", "4"), 1, "takes no batches (max_batch_size is 0)"),
        (("--store", "s", "--max-size", "10"), 1, "has 37 bytes, more than 10"),
    ],
)
def test_what_cannot_be_imported_is_told_in_one_line(
    options: tuple[str, ...], code: int, message: str, source: Path, cli: Cli, tmp_path: Path
) -> None:
    values = [str(tmp_path / "store") if each == "s" else each for each in options]
    ended = cli("model", "import", "add_sub", "1", str(source), *values)
    assert ended.code == code
    assert message in ended.err.splitlines()[-1]
    assert not (tmp_path / "store").exists()
