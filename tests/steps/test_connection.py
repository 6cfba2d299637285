"""Where the service is, and by whose right."""

from pathlib import Path

import pytest

from tests.steps.standin import Api, problem, rollout, run
from tidegate.steps.connection import NO_TOKEN, find
from tidegate.steps.errors import UsageError

NOWHERE = Path("/nowhere")


def test_flags_come_before_the_environment_and_that_before_a_projected_token(
    tmp_path: Path,
) -> None:
    file = tmp_path / "token"
    projected = tmp_path / "projected"
    file.write_text("from-file\n")
    projected.write_text("projected\n")
    environ = {"TIDEGATE_URL": "http://env/", "TIDEGATE_TOKEN": "tg_env"}
    assert find(environ, "http://flag", str(file)).token() == "from-file"
    assert find(environ, "http://flag", str(file)).url == "http://flag"
    assert (find(environ, "", "").url, find(environ, "", "").token()) == ("http://env", "tg_env")
    assert (
        find({"TIDEGATE_TOKEN_FILE": str(file)}, "http://a", "", projected).token() == "from-file"
    )
    assert find({}, "http://a", "", projected).token() == "projected"


@pytest.mark.parametrize(
    ("environ", "url", "message"),
    [
        ({}, "", "TIDEGATE_URL"),
        ({}, "tidegate:8080", "not an http or https URL"),
        ({}, "http://tidegate", NO_TOKEN[:8]),
    ],
)
def test_what_is_missing_is_named(environ: dict[str, str], url: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        find(environ, url, "", NOWHERE)


def test_a_token_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        find({}, "http://a", str(tmp_path / "none")).token()
    (tmp_path / "empty").write_text(" \n")
    with pytest.raises(UsageError, match="empty"):
        find({}, "http://a", str(tmp_path / "empty")).token()


def test_a_projected_token_that_was_renewed_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("old")
    api = Api()

    def answer(request):
        if request.headers["authorization"] == "Bearer old":
            file.write_text("new")
            return 401, problem("expired")
        return rollout(step=3, phase="promoting")

    api.says(f"GET /rollouts/{rollout()['id']}", answer)
    environ = {"TIDEGATE_URL": "http://tidegate.example", "TIDEGATE_TOKEN_FILE": str(file)}
    assert run(api, "reach", f"--rollout-id={rollout()['id']}", "--step=1", environ=environ) == 0
    assert api.tokens[:2] == ["Bearer old", "Bearer new"]
