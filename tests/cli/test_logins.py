"""`tidegate whoami` and `logout`: who somebody is to the API, and a token that is forgotten."""

import json
import stat
from pathlib import Path

import pytest

from tests.cli.fakes import Cli, FakeApi

ANN = {
    "name": "ann",
    "roles": ["editor"],
    "tenants": ["team-a"],
    "grants": {"team-a": "editor", "*": "viewer"},
}


@pytest.fixture
def cli(api: FakeApi, tmp_path: Path) -> Cli:
    """Logged in at two services."""
    kept = {url: {"token": f"token-of-{url[-1]}", "ends": 0} for url in ("http://a", "http://b")}
    (tmp_path / "logins.json").write_text(json.dumps(kept))
    return Cli(api, environ={"TIDEGATE_URL": "http://a", "TIDEGATE_HOME": str(tmp_path)})


def test_whoami_says_what_one_may_do_where(api: FakeApi, cli: Cli) -> None:
    api.on("GET", "/whoami", ANN)
    result = cli("whoami")
    assert result.code == 0
    assert result.out.splitlines() == [
        "User:     ann",
        "API:      http://a",
        "Roles:    editor in team-a, viewer everywhere",
        "Tenants:  team-a",
    ]
    assert cli("whoami", "-o", "name").out == "user/ann\n"
    assert cli("whoami", "-o", "json").json == {**ANN, "url": "http://a"}
    api.on("GET", "/whoami", {**ANN, "grants": {}, "tenants": []})
    assert "Roles:  none: `tidegate grant`" in cli("whoami").out


def test_logout_forgets_this_services_token_and_no_other(
    api: FakeApi, cli: Cli, tmp_path: Path
) -> None:
    gone = cli("logout")
    assert (gone.code, gone.out, gone.err) == (0, "✔ logged out at http://a\n", "")
    kept = tmp_path / "logins.json"
    assert list(json.loads(kept.read_text())) == ["http://b"]
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    after = cli("whoami")
    assert (after.code, "`tidegate login`" in after.err) == (1, True)
    again = cli("logout")
    assert (again.code, again.out) == (0, "• nobody was logged in at http://a\n")
    assert api.asked == []


def test_logout_says_so_where_a_token_of_the_environment_goes_on(cli: Cli) -> None:
    cli.environ["TIDEGATE_TOKEN"] = "mine"
    gone = cli("logout", "-o", "json")
    assert gone.json == {"url": "http://a", "forgotten": True}
    assert (
        gone.err
        == "⚠ TIDEGATE_TOKEN is set: its token goes on being sent; `unset TIDEGATE_TOKEN` ends that\n"
    )
