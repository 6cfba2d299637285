"""The service as a process: its first token, its answers, and how it goes."""

import os
import re
import signal
import subprocess
import sys
import threading

import httpx2
import pytest

from tests.waiting import PATIENCE
from tidegate.client import Client, Unreachable
from tidegate.core.intent import EndpointKey, Mode, Model, Runtime, Scaling
from tidegate.store import Store, endpoints, models
from tidegate_local.home import free_port

pytestmark = pytest.mark.real


class Service:
    """`python -m tidegate.deployment_service` with these settings."""

    def __init__(self, database, **settings):
        self.port = free_port()
        environ = {
            **{
                name: value
                for name, value in os.environ.items()
                if not name.startswith("TIDEGATE_")
            },
            "TIDEGATE_DATABASE_URL": database,
            "TIDEGATE_PORT": str(self.port),
            "TIDEGATE_DRAIN": "0",
            **settings,
        }
        command = [sys.executable, "-m", "tidegate.deployment_service"]
        self.process = subprocess.Popen(
            command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def __enter__(self):
        pause = threading.Event()
        while True:
            assert self.process.poll() is None, self.process.stderr.read()
            try:
                Client(f"http://127.0.0.1:{self.port}").readiness()
            except Unreachable:
                pause.wait(0.1)
            else:
                return self

    def __exit__(self, *error):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

    def client(self, token):
        return Client(f"http://127.0.0.1:{self.port}", token)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        out, logs = self.process.communicate(timeout=PATIENCE)
        return out, logs


def deploy(database):
    """An endpoint, as if a worker had looked at the cluster before it was accepted."""
    store = Store(database)
    model = Model("add_sub", "1", "s3://models/add_sub/1/", "sha256-1")
    with store.begin() as tx:
        models.add_version(tx, model, author="ann")
        endpoints.create(
            tx,
            EndpointKey("team-a", "demo"),
            mode=Mode.STANDARD,
            spec={},
            model=model,
            runtime=Runtime(),
            scaling=Scaling(),
            author="ann",
            message="first",
        )
    store.close()


def test_the_token_is_shown_once_and_sigterm_ends_streams_in_order(database):
    with Service(database) as service:
        line = service.process.stdout.readline()
        token = re.fullmatch(r"bootstrap token, shown once: (tg_\S+)\n", line)[1]
        client = service.client(token)
        assert client.whoami().name == "admin"
        client.create_model("add_sub")
        deploy(database)
        url = f"http://127.0.0.1:{service.port}/api/v1/endpoints/team-a/demo/events"
        with httpx2.stream(
            "GET", url, headers={"Authorization": f"Bearer {token}"}, timeout=PATIENCE
        ) as stream:
            lines = stream.iter_lines()
            while not next(lines).startswith("data: "):
                pass
            service.process.send_signal(signal.SIGTERM)
            # To its end, not to an error
            assert all(line.startswith(":") or not line for line in lines)
        _, logs = service.process.communicate(timeout=PATIENCE)
        assert service.process.returncode == 0, logs
        assert '"event": "request"' in logs
        assert token not in logs
    with Service(database) as again:
        assert again.client(token).whoami().name == "admin"
        out, _ = again.stop()
        assert out == ""


def test_the_token_goes_into_a_file_for_its_owner_only(database, tmp_path):
    file = tmp_path / "token"
    file.write_text("older")
    file.chmod(0o644)
    with Service(database, TIDEGATE_TOKEN_FILE=str(file)) as service:
        assert file.stat().st_mode & 0o777 == 0o600
        assert service.client(file.read_text().strip()).whoami().roles == ["admin"]
        out, _ = service.stop()
        assert out == ""


def test_an_empty_database_is_migrated_only_when_that_is_asked(database_url):
    service = Service(database_url)
    _, message = service.process.communicate(timeout=PATIENCE)
    assert service.process.returncode == 1
    assert "TIDEGATE_MIGRATE=true" in message
    with Service(database_url, TIDEGATE_MIGRATE="true") as migrated:
        assert migrated.client("").readiness().checks["migrations"].ok is True


def test_without_a_database_it_says_so():
    environ = {name: value for name, value in os.environ.items() if name != "TIDEGATE_DATABASE_URL"}
    command = [sys.executable, "-m", "tidegate.deployment_service"]
    done = subprocess.run(
        command, env=environ, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert done.returncode == 1
    assert "TIDEGATE_DATABASE_URL is not set" in done.stderr
