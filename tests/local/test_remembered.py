"""What was chosen at one `tidegate up` is how the next one starts."""

from pathlib import Path

import pytest

from tidegate_local.plane.options import Options
from tidegate_local.plane.remembered import RememberedError, chosen, remember


def test_a_choice_holds_until_another_one(tmp_path: Path) -> None:
    assert chosen(tmp_path) == Options(tmp_path)
    remember(chosen(tmp_path, api_port=9000, database_url="postgresql://u:planted@h/d"))
    assert chosen(tmp_path) == Options(
        tmp_path, api_port=9000, database_url="postgresql://u:planted@h/d"
    )
    again = chosen(tmp_path, workers=3, database_url="")
    assert again == Options(tmp_path, api_port=9000, workers=3)


def test_what_may_hold_a_password_is_for_nobody_else(tmp_path: Path) -> None:
    remember(Options(tmp_path, database_url="postgresql://u:planted@h/d"))
    (file,) = tmp_path.iterdir()
    assert file.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"api_port": "x"}'])
def test_a_broken_file_is_named_with_what_to_do(tmp_path: Path, text: str) -> None:
    (tmp_path / "options.json").write_text(text)
    with pytest.raises(RememberedError, match=r"options\.json cannot be read .*: delete it"):
        chosen(tmp_path)
