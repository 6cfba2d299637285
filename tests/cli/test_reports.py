"""`rollout report` writes one file from what the API answers."""

from pathlib import Path

import pytest

from tests.cli import answers as a
from tests.cli.fakes import Cli, FakeApi

SERIES = {
    "rollout_id": a.ID,
    "kept": 0,
    "confidence": 0.99,
    "shares": [],
    "metrics": [],
    "pods": [],
}
ENDPOINT = "/endpoints/demo/add-sub"


@pytest.fixture
def known(api: FakeApi) -> FakeApi:
    api.on("GET", f"/rollouts/{a.ID}", a.aborted())
    api.on("GET", f"/rollouts/{a.ID}/series", SERIES)
    api.on("GET", f"{ENDPOINT}/revisions", a.page(a.plain(a.revision(1)), a.plain(a.revision(2))))
    ledger = [
        a.entry(9, "ann", "rollout.abort", "enough", seconds=10),
        a.entry(8, "ann", "intent", "long before", days=9),
    ]
    api.on("GET", f"{ENDPOINT}/history", {"intents": [], "ledger": ledger, "next_page_token": None})
    return api


def test_the_report_is_a_file_named_after_its_rollout(
    known: FakeApi, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = cli("rollout", "report", a.ID)
    assert (result.code, result.out) == (0, "")
    assert "wrote rollout-11111111.html" in result.err
    text = (tmp_path / "rollout-11111111.html").read_text()
    assert text.startswith("<!doctype html>")
    assert "enough" in text
    assert "long before" not in text
    assert "add_sub 2" in text


def test_it_may_go_to_a_pipe_or_a_named_file(known: FakeApi, cli: Cli, tmp_path: Path) -> None:
    assert cli("rollout", "report", a.ID, "-f", "-").out.endswith("</html>\n")
    file = tmp_path / "change.html"
    assert cli("rollout", "report", a.ID, "-f", str(file)).code == 0
    assert file.exists()


def test_a_file_that_cannot_be_written_is_an_error_of_one_line(known: FakeApi, cli: Cli) -> None:
    result = cli("rollout", "report", a.ID, "-f", "/nowhere/at/all.html")
    assert result.code == 1
    assert result.err.strip().endswith("give -f a file that can be written")
