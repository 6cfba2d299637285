"""Commands of another package: added under their names, and said to be missing where they are."""

from importlib.metadata import EntryPoint

import pytest
import typer
import typer.main

from tidegate.cli import plugins
from tidegate.cli.errors import CliError


def entry(name: str, value: str) -> EntryPoint:
    return EntryPoint(name, value, plugins.GROUP)


def run(app: typer.Typer, *arguments: str) -> None:
    app.command("other")(lambda: None)  # one command alone would be the program itself
    typer.main.get_command(app).main(list(arguments), standalone_mode=False)


def test_a_command_that_is_not_installed_says_what_to_install_whatever_follows_it() -> None:
    app = typer.Typer()
    plugins.add(app, "up", [entry("down", "nowhere:nothing")])
    with pytest.raises(CliError) as refused:
        run(app, "up", "--port", "9000", "more")
    assert (
        refused.value.message
        == "`tidegate up` comes with another package: pip install tidegate-local"
    )


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("no_such_package.commands:app", "No module named 'no_such_package'"),
        ("tidegate.cli.plugins:of_another_version", "has no attribute 'of_another_version'"),
    ],
)
def test_a_package_that_cannot_be_loaded_is_no_traceback(value: str, reason: str) -> None:
    app = typer.Typer()
    plugins.add(app, "dev", [entry("dev", value)])
    with pytest.raises(CliError, match=f"`tidegate dev` cannot be loaded .*{reason}"):
        run(app, "dev", "cluster", "up")


def test_groups_and_commands_are_both_taken() -> None:
    app = typer.Typer()
    for name in ("up", "dev"):
        plugins.add(app, name, plugins.installed())
    group = typer.main.get_command(app)
    assert sorted(group.commands) == ["dev", "up"]  # type: ignore[attr-defined]
    assert sorted(group.commands["dev"].commands) == ["cluster", "secret"]  # type: ignore[attr-defined]


def test_the_local_package_brings_exactly_the_commands_that_the_tree_asks_for() -> None:
    assert sorted(entry_point.name for entry_point in plugins.installed()) == [
        "demo",
        "dev",
        "down",
        "up",
    ]
