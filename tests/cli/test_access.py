"""Users, roles and tokens from the command line, against the real service."""

import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.cli.fakes import Cli, FakeApi
from tests.deployment_service.conftest import database, make_api  # noqa: F401  (fixtures)

pytestmark = pytest.mark.real

PASSWORD = "correct horse battery"


def test_from_the_first_user_to_a_pipelines_token(
    make_api: Callable[..., Any],  # noqa: F811
    tmp_path: Path,
) -> None:
    ring = tmp_path / "keys.json"
    service = make_api(tenants=("team-a", "team-b"), token_keys_file=ring)
    environ = {"TIDEGATE_URL": "http://testserver", "TIDEGATE_HOME": str(tmp_path)}
    cli = Cli(
        FakeApi(), {**environ, "TIDEGATE_TOKEN": service.token}, transport=service.client._transport
    )

    def ok(line: str, **more: Any) -> str:
        with capture_logs():  # the service runs in this process
            ended = cli(*line.split(), **more)
        assert ended.code == 0, ended.err
        return ended.out

    def error(line: str, **more: Any) -> str:
        with capture_logs():
            ended = cli(*line.split(), **more)
        assert ended.code in (1, 2)
        assert ended.err.count("\n") == 1, ended.err
        return ended.err

    assert "no password: type it at a terminal" in error("user add ann")
    assert "at least 12" in error("user add ann", stdin="short\n")
    ok("user add ann", stdin=f"{PASSWORD}\n")
    assert "set another password (tidegate user password ann)" in error(
        "user add ann", stdin=f"{PASSWORD}\n"
    )
    assert "✔ user ann is editor in team-a" in ok("grant editor --user ann -n team-a")
    assert "ann" in ok("access -n team-a")
    assert "no key signs" not in error("login -u ann", stdin=f"{PASSWORD}\n"), (
        "it names the file that is not there"
    )
    ok(f"token rotate-keys {ring}")
    assert stat.S_IMODE(ring.stat().st_mode) == 0o600
    out = ok("login -u ann", stdin=f"{PASSWORD}\n")
    assert "logged in at http://testserver as ann for 1h" in out
    assert stat.S_IMODE((tmp_path / "logins.json").stat().st_mode) == 0o600

    admin, cli.environ = cli.environ, environ
    assert "this needs admin in 'team-a', and 'ann' is editor there" in error(
        "token create ci -n team-a"
    )
    assert "not one of your tenants" not in error("access -n team-b")

    cli.environ = admin
    secret = ok("token create ci --role viewer --lasts 1h -n team-a").strip()
    assert secret.startswith("tg_")
    assert "service:team-a:ci" in ok("token list -n team-a")
    cli.environ = {**environ, "TIDEGATE_TOKEN": secret}
    assert ok("endpoint list -o name") == ""
    cli.environ = admin
    assert "opens nothing any more" in ok("token revoke ci -n team-a -y")
    assert "list them (tidegate token list)" in error("token revoke ci -n team-a -y")
    cli.environ = {**environ, "TIDEGATE_TOKEN": secret}
    assert "unknown or revoked" in error("endpoint list")
    cli.environ = admin
    assert "user ann has no role in team-a any more" in ok("revoke --user ann -n team-a")
    assert "name --user or --group" in error("grant viewer -n team-a")
