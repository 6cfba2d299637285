"""Settings from variables and from files, and what a program says when they are wrong."""

from pathlib import Path

import pytest

from tidegate.deploy_worker.settings import WorkerSettings
from tidegate.settings import SECRETS_DIR, Settings, read_settings

URL = "postgresql://ann:hidden@db/tidegate"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of secrets that the environment names, with the database's URL in it."""
    monkeypatch.delenv("TIDEGATE_DATABASE_URL", raising=False)
    monkeypatch.setenv(SECRETS_DIR, str(tmp_path))
    (tmp_path / "tidegate_database_url").write_text(f"{URL}\n")
    return tmp_path


@pytest.mark.parametrize("kind", [Settings, WorkerSettings])
def test_a_secret_lies_in_a_file_called_like_its_variable(
    folder: Path,
    kind: type[Settings],
) -> None:
    assert read_settings(kind).database_url == URL


def test_a_variable_wins_over_a_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEGATE_DATABASE_URL", "postgresql://other/tidegate")
    assert read_settings(Settings).database_url == "postgresql://other/tidegate"


def test_no_folder_is_named_with_an_empty_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TIDEGATE_DATABASE_URL", raising=False)
    monkeypatch.setenv(SECRETS_DIR, "")
    assert read_settings(Settings).database_url == ""


def refusal(kind: type[Settings] = Settings) -> str:
    """What a program says on its way out: one line."""
    with pytest.raises(SystemExit) as ended:
        read_settings(kind)
    message = str(ended.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize("name", ["nowhere", "tidegate_database_url"])
def test_a_folder_that_is_none_is_named(
    folder: Path,
    name: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(SECRETS_DIR, str(folder / name))
    what_to_do = "mount the secrets there, or unset it"
    assert refusal() == f"{SECRETS_DIR}: {folder / name} is not a folder: {what_to_do}"


def test_a_file_that_cannot_be_read_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(path: Path, **_: object) -> str:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_text", denied)  # root may read everything
    file = folder / "tidegate_database_url"
    assert refusal() == f"{SECRETS_DIR}: {file} cannot be read: Permission denied"


@pytest.mark.parametrize("kind", [Settings, WorkerSettings])
def test_a_wrong_value_is_named_by_its_variable_and_not_shown(
    folder: Path, kind: type[Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIDEGATE_PORT", "hidden")
    message = refusal(kind)
    assert message.startswith("TIDEGATE_PORT: ")
    assert "hidden" not in message
