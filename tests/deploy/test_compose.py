"""The compose file's secrets and the scripts around them: make-secrets.sh as a process,
dev-bootstrap.sh against a stand-in for docker."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.deploy.objects import ROOT
from tests.deploy.test_image import COMPOSE

TEXT = (ROOT / "docker-compose.yml").read_text()
SERVICES = COMPOSE["services"]
MAKE = ROOT / "deploy" / "compose" / "make-secrets.sh"
SCRIPT = ROOT / "scripts" / "dev-bootstrap.sh"
READERS = ("postgres", "s3", "api", "worker")
# Who mounts which volume: the migrations have the owner's rights, and Postgres knows its password.
MOUNTS = {
    "postgres": "postgres",
    "migrations": "postgres",
    "s3": "s3",
    "api": "api",
    "worker": "worker",
}


def run_script(
    command: list[str],
    environ: dict[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a script to its end, whatever that is. environ: None for this process's own."""
    return subprocess.run(
        command,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def make_secrets(folder: Path) -> dict[str, str]:
    """Run the init service's script. Return path and content of each file that it made."""
    for reader in READERS:
        (folder / reader).mkdir(parents=True, exist_ok=True)
    script = run_script([str(MAKE), str(folder)])
    assert script.returncode == 0, script.stderr
    assert script.stdout + script.stderr == ""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_text() for path in files}


def test_a_fresh_clone_starts_without_any_variable() -> None:
    interpolated = re.findall(r"\$\{(\w+)(.*?)\}", TEXT)
    assert "TIDEGATE_IMAGE" in dict(interpolated)
    assert [name for name, rest in interpolated if "-" not in rest[:2]] == []
    variables = [name for service in SERVICES.values() for name in service.get("environment", {})]
    secret = re.compile("PASSWORD$|SECRET|ACCESS_KEY|DATABASE_URL")
    assert [name for name in variables if secret.search(name)] == ["TIDEGATE_SECRETS_DIR"] * 3


def test_each_service_mounts_its_own_secrets_read_only_after_they_were_made() -> None:
    for name, service in SERVICES.items():
        mounted = [volume for volume in service.get("volumes", []) if volume.startswith("secrets-")]
        if name == "secrets":
            assert mounted == [f"secrets-{reader}:/secrets/{reader}" for reader in READERS]
            assert SERVICES[name]["command"] == ["/secrets"]
            continue
        assert mounted == ([f"secrets-{MOUNTS[name]}:/run/tidegate:ro"] if name in MOUNTS else [])
        before = service.get("depends_on", {})
        if mounted and "migrations" not in before and "postgres" not in before:
            assert before == {"secrets": {"condition": "service_completed_successfully"}}


def test_each_file_that_a_service_is_told_of_is_made(tmp_path: Path) -> None:
    made = make_secrets(tmp_path)
    for name, reader in MOUNTS.items():
        service = SERVICES[name]
        words = [*service.get("command", []), *service["environment"].values()]
        files = [match[1] for word in words if (match := re.search("/run/tidegate/(.+)", word))]
        if "TIDEGATE_SECRETS_DIR" in service["environment"]:
            files.append("tidegate_database_url")
        assert files, name
        assert {f"{reader}/{file}" for file in files} <= set(made)
    assert {"postgres/api", "postgres/worker"} <= set(made), "login-roles.sh reads them"


def test_secrets_are_random_and_a_second_start_keeps_them(tmp_path: Path) -> None:
    made = make_secrets(tmp_path / "a")
    names = ("postgres/owner", "postgres/api", "postgres/worker", "s3/access-key", "s3/secret-key")
    secrets = {made[name] for name in names}
    assert len(secrets) == len(names)
    assert all(re.fullmatch("[0-9a-f]{48}", secret) for secret in secrets)
    assert make_secrets(tmp_path / "a") == made
    other = make_secrets(tmp_path / "b")
    assert secrets.isdisjoint({other[name] for name in names})


def test_a_start_that_was_cut_off_is_completed(tmp_path: Path) -> None:
    made = make_secrets(tmp_path)
    (tmp_path / "api" / "tidegate_database_url").unlink()
    (tmp_path / "s3" / "secret-key").write_text("")
    again = make_secrets(tmp_path)
    assert again["api/tidegate_database_url"] == made["api/tidegate_database_url"]
    assert re.fullmatch("[0-9a-f]{48}", again["s3/secret-key"])
    assert again["s3/secret-key"] in again["api/aws_credentials"]


def test_nobody_reads_the_password_of_another_login(tmp_path: Path) -> None:
    made = make_secrets(tmp_path)
    for reader, others in {"api": ("owner", "worker"), "worker": ("owner", "api")}.items():
        files = "".join(text for path, text in made.items() if path.startswith(f"{reader}/"))
        assert made[f"postgres/{reader}"] in files
        assert not [other for other in others if made[f"postgres/{other}"] in files]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [([], "usage: "), (["/a", "/b"], "usage: "), (["/a"], "/a/postgres is not")],
)
def test_a_wrong_argument_of_make_secrets_is_one_line(arguments: list[str], words: str) -> None:
    script = run_script([str(MAKE), *arguments])
    assert script.returncode == 1
    (line,) = script.stderr.splitlines()
    assert words in line


DOCKER = """#!/bin/sh
echo "$@" >> "$DOCKER_LOG"
case "$*" in
  *first-token*) [ -z "$NO_TOKEN" ] || exit 1; echo tg_secret;;
  *"exec -T api cat /run/tidegate/"*) cat "$SECRETS/api/aws_credentials";;
esac
"""


class Clone:
    """A clone of the repository with what the script needs, and stand-ins for docker and curl."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.env = root / "build" / "dev.env"
        self.secrets = root / "secrets"
        make_secrets(self.secrets)
        (root / "bin").mkdir()
        for name, text in {"docker": DOCKER, "curl": "#!/bin/sh\n"}.items():
            (root / "bin" / name).write_text(text)
            (root / "bin" / name).chmod(0o755)
        (root / "scripts").mkdir()
        shutil.copy(SCRIPT, root / "scripts")

    def run(self, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run the script, with these variables beside the least that it needs."""
        least = {
            "PATH": f"{self.root}/bin:{os.environ['PATH']}",
            "HOME": str(self.root),
            "DOCKER_LOG": str(self.root / "log"),
            "SECRETS": str(self.secrets),
        }
        command = ["bash", str(self.root / "scripts" / SCRIPT.name), *arguments]
        return run_script(command, least | environ)

    def bootstrap(self, **environ: str) -> str:
        """Run the script successfully. Return all that it called docker with, a line each."""
        script = self.run(**environ)
        assert script.returncode == 0, script.stderr
        text = script.stdout + script.stderr
        calls = (self.root / "log").read_text()
        secrets = ["tg_secret", *re.findall("[0-9a-f]{48}", self.env.read_text())]
        assert len(secrets) == 3
        assert not [secret for secret in secrets if secret in text + calls]
        return calls


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    return Clone(tmp_path)


def test_bootstrap_writes_the_first_token_and_the_keys_once(clone: Clone) -> None:
    clone.bootstrap()
    written = clone.env.read_text()
    assert clone.env.stat().st_mode & 0o077 == 0
    names = re.findall(r"^export (\w+)=\S+$", written, re.MULTILINE)
    assert {
        "TIDEGATE_URL",
        "TIDEGATE_TOKEN",
        "AWS_ENDPOINT_URL",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
    } <= set(names)
    assert (clone.secrets / "s3" / "secret-key").read_text() in written
    calls = clone.bootstrap()
    assert clone.env.read_text() == written
    assert calls.count("first-token") == 1


def test_bootstrap_makes_a_token_for_a_new_installation(clone: Clone) -> None:
    clone.bootstrap()
    shutil.rmtree(clone.secrets)
    made = make_secrets(clone.secrets)
    assert clone.bootstrap().count("first-token") == 2
    assert made["s3/secret-key"] in clone.env.read_text()


def test_bootstrap_starts_the_worker_where_there_is_a_cluster(clone: Clone) -> None:
    assert "--profile" not in clone.bootstrap()
    (clone.root / "config").touch()
    calls = clone.bootstrap(KUBECONFIG=str(clone.root / "config"))
    last = [call for call in calls.splitlines() if " up " in call][-1]
    assert last == "compose --profile cluster up --build --detach --wait s3 api templates worker"
    assert set(last.split("--wait ")[1].split()) <= set(SERVICES)


def test_bootstrap_says_how_to_begin_anew_when_the_token_is_lost(clone: Clone) -> None:
    script = clone.run(NO_TOKEN="yes")
    assert script.returncode == 1
    assert "Anew: docker compose --profile cluster down --volumes" in script.stderr
    assert not clone.env.exists()


def test_bootstrap_takes_no_arguments(clone: Clone) -> None:
    script = clone.run("--fast")
    assert script.returncode == 1
    assert script.stderr == "dev-bootstrap.sh: usage: dev-bootstrap.sh (it takes no arguments)\n"
    assert not (clone.root / "log").exists()


def scripts() -> list[Path]:
    """Every script that people or containers of the compose file run."""
    return [SCRIPT, *sorted((ROOT / "deploy" / "compose").glob("*.sh"))]


@pytest.mark.parametrize("script", scripts(), ids=lambda path: path.name)
def test_a_script_is_one(script: Path) -> None:
    assert os.access(script, os.X_OK)
    shell = script.read_text().splitlines()[0].split("/")[-1].split()[-1]
    subprocess.run([shell, "-n", str(script)], check=True)
