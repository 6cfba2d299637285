"""The commands and variables of the manifests' pods, run as processes on a real Postgres with the
logins of docs/install.md: they migrate, answer and know each other."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import psycopg
import pytest
import sqlalchemy as sa

from tests.deploy.objects import Json, base, env, pods
from tests.waiting import until
from tidegate_local.home import free_port

pytestmark = pytest.mark.real
PODS = {pod.owner.removeprefix("tidegate-"): pod for pod in pods(base())}


class Installation:
    """The Secret with three URLs, and what stands for Services."""

    def __init__(self, url: str, home: Path) -> None:
        address = sa.make_url(url).set(drivername="postgresql")
        self.secret = {"owner-url": address.render_as_string(False)}
        self.ports = {name: free_port() for name in ("deployment-service", "template-service")}
        self._home = home
        with psycopg.connect(self.secret["owner-url"], autocommit=True) as admin:
            for role in ("tidegate_api", "tidegate_worker"):
                for statement in (
                    f"CREATE ROLE {role} NOLOGIN",
                    f"CREATE ROLE {role}_login LOGIN PASSWORD 'test' IN ROLE {role}",
                ):
                    try:
                        admin.execute(statement)
                    except psycopg.errors.DuplicateObject:
                        continue
                login = address.set(username=f"{role}_login", password="test")
                self.secret[f"{role.removeprefix('tidegate_')}-url"] = login.render_as_string(False)

    def environ(self, container: Json) -> dict[str, str]:
        """The container's variables, on this machine's ports; nothing of ours but those."""
        state = env(container)
        for item in container["env"]:
            key = item.get("valueFrom", {}).get("secretKeyRef", {}).get("key")
            if key:
                state[item["name"]] = self.secret[key]
        if container["name"] in self.ports:
            state |= {
                "TIDEGATE_HOST": "127.0.0.1",
                "TIDEGATE_PORT": str(self.ports[container["name"]]),
                "TIDEGATE_DRAIN": "0",
            }
        if "TIDEGATE_URL" in state:
            state["TIDEGATE_URL"] = f"http://127.0.0.1:{self.ports['deployment-service']}"
        clean = {
            name: value for name, value in os.environ.items() if not name.startswith("TIDEGATE_")
        }
        return {**clean, "HOME": str(self._home), **state}

    def run(self, container: Json, *command: str) -> str:
        """A container's command, or another one in it, to its end; its output."""
        words = list(command) or container["command"]
        done = subprocess.run(
            [sys.executable, *words[1:]],
            env=self.environ(container),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    @contextmanager
    def started(self, container: Json) -> Iterator[str]:
        """A container that stays; its address, once its readiness probe is content."""
        log = self._home / f"{container['name']}.log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                [sys.executable, *container["command"][1:]],
                env=self.environ(container),
                stdout=out,
                stderr=out,
            )
        url = f"http://127.0.0.1:{self.ports[container['name']]}"
        probe = container["readinessProbe"]["httpGet"]["path"]

        def ready() -> bool:
            assert process.poll() is None, log.read_text()
            return _content(url + probe)

        try:
            until(ready, f"{container['name']} is ready", 60.0, instead=log.read_text)
            yield url
        finally:
            process.terminate()
            process.wait(30)
            assert "tg_" not in log.read_text(), "a token in a log"


def _content(url: str) -> bool:
    try:
        return httpx2.get(url, trust_env=False).status_code == 200
    except httpx2.TransportError:
        return False


def test_the_pods_of_the_manifests_work_with_the_rights_that_they_are_given(
    database_url: str, tmp_path: Path
) -> None:
    made = Installation(database_url, tmp_path)
    api = PODS["deployment-service"]
    templates = PODS["template-service"]
    (migrations,) = api.spec["initContainers"]
    made.run(migrations)
    with made.started(api.main) as url, made.started(templates.main) as other:
        token = made.run(api.main, "python", "-m", "tidegate.store", "first-token")
        headers = {"Authorization": f"Bearer {token}"}
        assert (
            httpx2.get(f"{url}/api/v1/endpoints", headers=headers, trust_env=False).status_code
            == 200
        )
        assert httpx2.get(f"{url}/api/v1/endpoints", trust_env=False).status_code == 401
        response = httpx2.get(f"{other}/api/v1/templates", headers=headers, trust_env=False)
        assert response.status_code == 200, "the template-service asks the API whose token it is"
    made.run(migrations)  # the next upgrade's
