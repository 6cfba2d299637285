"""Where the service is, and by whose right."""

from pathlib import Path

import pytest

from tests.steps.standin import Api, problem, rollout, run
from tidegate.steps.connection import NO_TOKEN, find
from tidegate.steps.errors import UsageError

NOWHERE = Path("/nowhere")
URL = {"TIDEGATE_URL": "http://a"}


def test_flags_come_before_the_environment_and_that_before_a_projected_token(
    tmp_path: Path,
) -> None:
    file = tmp_path / "token"
    projected = tmp_path / "projected"
    file.write_text("from-file\n")
    projected.write_text("projected\n")
    environ = {"TIDEGATE_URL": "http://env/", "TIDEGATE_TOKEN": "tg_env"}
    assert find(environ, "", str(file)).token() == "from-file"
    assert (find(environ, "", "").url, find(environ, "", "").token()) == ("http://env", "tg_env")
    assert find({**URL, "TIDEGATE_TOKEN_FILE": str(file)}, "", "", projected).token() == "from-file"
    assert find(URL, "", "", projected).token() == "projected"


@pytest.mark.parametrize("flag", ["", "http://a", "http://a/", "HTTP://A", " http://a"])
def test_a_flag_may_repeat_the_address_of_the_pod(flag: str, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("tg")
    assert find(URL, flag, str(file)).url == "http://a"


@pytest.mark.parametrize(
    "flag",
    [
        "http://evil.example",
        "https://a",
        "http://a.evil.example",
        "http://a@evil.example",
        "http://evil@a",
        "http://a:8080",
        "http://a/path",
        "http://a?x=1",
        "http://a#x",
        "http://[a",
        "a",
    ],
)
def test_a_token_goes_to_no_other_address_than_that_of_the_pod(flag: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="the token goes to no other"):
        find({**URL, "TIDEGATE_TOKEN": "tg"}, flag, "")
    with pytest.raises(UsageError, match="TIDEGATE_URL from the ConfigMap"):
        find({"TIDEGATE_TOKEN": "tg"}, flag, "")


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({}, "TIDEGATE_URL"),
        ({"TIDEGATE_URL": "tidegate:8080"}, "not an http or https URL"),
        (URL, NO_TOKEN[:8]),
    ],
)
def test_what_is_missing_is_named(environ: dict[str, str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        find(environ, "", "", NOWHERE)


def test_a_token_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        find(URL, "", str(tmp_path / "none")).token()
    (tmp_path / "empty").write_text(" \n")
    with pytest.raises(UsageError, match="empty"):
        find(URL, "", str(tmp_path / "empty")).token()


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
