"""What README and docs tell people to type, open and send exists: commands, flags, targets, paths,
links, bodies."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import typer.main
from pydantic import BaseModel

from tests.docs.pages import PAGES, ROOT, Page, name, read
from tidegate.cli.tree import app
from tidegate.core.conditions import Code
from tidegate.schemas.requests.endpoints import NewEndpoint, PatchEndpoint
from tidegate.schemas.requests.rollouts import StartRollout

every_page = pytest.mark.parametrize(
    "page", [read(path) for path in PAGES], ids=[name(path) for path in PAGES]
)
SOURCE = ROOT / "services" / "tidegate"
FOLDERS = (
    "services",
    "tests",
    "examples",
    "docs",
    "bench",
    "scripts",
    "requirements",
    "build",
    "core",
    "local",
    "store",
)
MADE = ("build/",)  # by a target, so not there in a fresh clone
MACHINE = re.compile(r"/(?:work|root|tmp|home)/\w")


def resolve(words: list[str]) -> tuple[Any, list[str]]:
    """The command that these words name, and the words after it."""
    command: Any = typer.main.get_command(app)
    rest = words[1:]
    while hasattr(command, "commands") and rest and not rest[0].startswith("-"):
        assert rest[0] in command.commands, (
            f"{' '.join(words)}: {command.name} has no command {rest[0]!r}"
        )
        command = command.commands[rest[0]]
        rest = rest[1:]
    return command, rest


def complaint(words: list[str]) -> str | None:
    """Why the CLI would not understand this line, None when it would."""
    command, rest = resolve(words)
    known = {
        flag: param for param in command.params for flag in (*param.opts, *param.secondary_opts)
    }
    for word in rest:
        flag = word.partition("=")[0]
        if flag.startswith("-") and flag not in ("-h", "--help") and flag not in known:
            return f"{' '.join(words)}: there is no {flag}"
    return None


@every_page
def test_every_command_line_of_the_cli_exists(page: Page) -> None:
    assert [message for words in page.commands("tidegate") if (message := complaint(words))] == []


def test_a_command_that_does_not_exist_is_noticed() -> None:
    assert (
        complaint(["tidegate", "rollout", "start", "x", "--faster"])
        == "tidegate rollout start x --faster: there is no --faster"
    )
    with pytest.raises(AssertionError, match="no command 'begin'"):
        complaint(["tidegate", "rollout", "begin"])


@every_page
def test_every_make_target_exists(page: Page) -> None:
    targets = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert {words[1] for words in page.commands("make")} <= targets


@every_page
def test_every_link_leads_somewhere(page: Page) -> None:
    targets = (link.partition("#")[0] for link in page.links if "://" not in link)
    assert [
        target for target in targets if target and not (page.path.parent / target).exists()
    ] == []


def paths(page: Page) -> set[str]:
    """Everything in backticks that is a path of this repository, and every script of a command
    line."""
    spoken = (word for code in page.codes for word in code.split())
    run = (
        word
        for program in ("python", ".venv/bin/pytest")
        for words in page.commands(program)
        for word in words[1:]
    )
    results = {
        word.rstrip(",.;")
        for word in (*spoken, *run)
        if word.partition("/")[0] in FOLDERS and "/" in word
    }
    return {
        path for path in results if not path.startswith(MADE) and not re.search(r"[<>…*]", path)
    }


@every_page
def test_every_path_exists(page: Page) -> None:
    assert [
        path
        for path in sorted(paths(page))
        if not any((top / path).exists() for top in (ROOT, SOURCE))
    ] == []


@every_page
def test_every_test_that_is_named_exists(page: Page) -> None:
    named = {code for code in page.codes if re.fullmatch(r"test_\w+", code)}
    tests = ""
    if named:
        tests = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    assert [item for item in sorted(named) if f"def {item}(" not in tests] == []


def body_of(text: str) -> BaseModel:
    """A JSON example as the API would read it, by the keys that tell bodies apart."""
    sent = json.loads(text)
    kinds: dict[str, type[BaseModel]] = {
        "name": NewEndpoint,
        "strategy": StartRollout,
        "canary_percent": PatchEndpoint,
    }
    kind = next(kinds[key] for key in kinds if key in sent)
    return kind.model_validate_json(text)


@every_page
def test_every_json_example_is_a_body_that_the_api_takes(page: Page) -> None:
    for language, text in page.blocks:
        if language == "json":
            assert body_of(text)


@pytest.mark.parametrize("path", sorted((ROOT / "examples").rglob("*.json")), ids=name)
def test_every_example_file_is_a_body_that_the_api_takes(path: Path) -> None:
    assert body_of(path.read_text())


def test_the_payload_is_the_same_everywhere() -> None:
    payload = json.loads((ROOT / "examples" / "endpoint.json").read_text())
    rows = [
        json.loads(text) for path in PAGES for kind, text in read(path).blocks if kind == "json"
    ]
    assert [item for item in rows if "name" in item] == [payload, payload]


@pytest.mark.parametrize(
    ("page", "document"), [("api.md", "openapi.json"), ("kubeflow.md", "openapi-templates.json")]
)
def test_every_path_of_the_api_page_exists_and_none_is_missing(page: str, document: str) -> None:
    real = json.loads((ROOT / "docs" / document).read_text())["paths"]
    known = {
        (method.upper(), path.removeprefix("/api/v1")) for path in real for method in real[path]
    }
    messages = set()
    for code in re.findall(r"^\| (`.*?) \|", (ROOT / "docs" / page).read_text(), re.MULTILINE):
        for methods, path, more in re.findall(r"`([A-Z, ]+) (/[^`]+)`((?: `\w+`)*)", code):
            ends = ["", *re.findall(r"`(\w+)`", more)]
            base = path.rpartition("/")[0]
            messages |= {
                (m, f"{base}/{end}" if end else path) for m in methods.split(", ") for end in ends
            }
    open_to_all = {"/healthz", "/livez", "/readyz", "/metrics", "/version"}
    assert messages == {(method, path) for method, path in known if path not in open_to_all}


def test_every_problem_code_of_the_api_pages_is_one_of_the_service() -> None:
    pages = "".join((ROOT / "docs" / name).read_text() for name in ("api.md", "kubeflow.md"))
    rows = re.findall(r"^\| [45]\d\d.*? \| (.*) \|$", pages, re.MULTILINE)
    messages = {code for row in rows for code in re.findall(r"`([a-z-]+)`", row)}
    source = "\n".join(path.read_text() for path in SOURCE.rglob("*.py"))
    assert [code for code in sorted(messages) if f'"{code}"' not in source] == []
    raised = set(re.findall(r'ApiError\(\s*\d{3},\s*"([a-z-]+)"', source))
    assert sorted(raised - messages) == []


def test_every_reason_of_the_operations_page_is_one_that_tidegate_gives() -> None:
    page = (ROOT / "docs" / "operations.md").read_text()
    table = page[page.index("## Reasons") : page.index("## What fails")]
    source = "\n".join(
        path.read_text()
        for package in ("core", "deploy_worker")
        for path in (SOURCE / package).rglob("*.py")
    )
    reasons = [
        reason
        for cell in re.findall(r"^\| (`.*?`) \|", table, re.MULTILINE)
        for reason in cell.split("`, `")
    ]
    parts = [re.split(r"r?\d+|stable|…|[`%;:,()]", reason) for reason in reasons]
    assert len(reasons) > 15
    assert [
        max(words, key=len) for words in parts if max(words, key=len).strip() not in source
    ] == []


def test_every_condition_is_in_the_table_of_the_operations_page() -> None:
    page = (ROOT / "docs" / "operations.md").read_text()
    table = page.partition("### Conditions")[2].partition("\n## ")[0]
    cells = [row.split("|")[1] for row in table.splitlines() if row.startswith("| `")]
    codes = [code for cell in cells for code in re.findall(r"`([a-z-]+)`", cell)]
    assert sorted(codes) == sorted(Code)


def test_every_decision_is_in_the_list() -> None:
    folder = ROOT / "docs" / "adr"
    listed = {Path(link).name for link in read(folder / "README.md").links}
    assert {path.name for path in folder.glob("0*.md")} == listed


@every_page
def test_no_page_names_the_machine_it_was_written_on(page: Page) -> None:
    assert MACHINE.findall(page.path.read_text()) == []
