"""The licence check of `make lint`: what it lets pass, and what not."""

import pytest

from scripts.audit import locked, strange


@pytest.mark.parametrize(
    "licence",
    ["MIT", "Apache-2.0 AND MIT", "Apache Software License; BSD License", "GPL-3.0 OR MIT"],
)
def test_licences_that_may_be_shipped(licence: str) -> None:
    assert strange(licence) == []


@pytest.mark.parametrize(
    ("licence", "wrong"),
    [("AGPL-3.0", ["AGPL-3.0"]), ("MIT AND GPL-3.0", ["GPL-3.0"]), ("UNKNOWN", ["UNKNOWN"])],
)
def test_licences_that_may_not(licence: str, wrong: list[str]) -> None:
    assert strange(licence) == wrong


def test_names_of_a_lock_file() -> None:
    assert locked(
        "yarl==1.2 \\\n    --hash=sha256:0\n    # via x\na-b==3 ; python_version < '3.12'\n"
    ) == [
        "a-b",
        "yarl",
    ]
