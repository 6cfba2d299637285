"""The help of every command: what each word is for, what holds where it is left out, and an example
that is one."""

import re
import shlex
from typing import Any

import pytest

from tests.cli.fakes import Cli
from tidegate.cli.examples import EXAMPLES, walk
from tidegate.cli.tree import commands
from tidegate.core.strategy import Kind
from tidegate.schemas.requests.endpoints import NewEndpoint
from tidegate.schemas.requests.rollouts import AnalysisIn, StartRollout

COMMANDS = dict(walk(commands()))
every_command = pytest.mark.parametrize("path", COMMANDS)


def options_of(help_text: str) -> dict[str, str]:
    """Each option's paragraph, by its long name."""
    body = help_text.partition("\nOptions:\n")[2]
    paragraphs = re.split(r"\n(?=  -)", f"\n{body}")[1:]
    lines = (" ".join(each.partition("\n\n")[0].split()) for each in paragraphs)
    # Help breaks lines behind a hyphen, too
    spoken = [re.sub(r"(?<=\w)- ", "-", line) for line in lines]
    return {
        name: text
        for text in spoken
        for name in re.findall(r"--[a-z0-9-]+", text.partition("  ")[0])[:2]
    }


def default_of(option: Any) -> str | None:
    """How help calls the default of an option; None where nothing or "no" is it."""
    value = option.default
    if value in (None, "", False, ()):
        return None
    if value is True:
        return str(option.opts[0]).lstrip("-")
    return str(getattr(value, "value", value))


def test_examples_are_of_commands_that_exist_and_none_is_missing() -> None:
    assert set(EXAMPLES) == set(COMMANDS)


@every_command
def test_an_example_is_a_line_that_the_command_takes_and_ends_its_help(path: str, cli: Cli) -> None:
    line = EXAMPLES[path]
    assert line.startswith(f"tidegate {path}")
    words = shlex.split(line.removeprefix(f"tidegate {path}"))
    # Raises where a word is wrong or missing
    COMMANDS[path].make_context(path, words, help_option_names=["-h", "--help"])
    assert cli(*path.split(), "--help").out.endswith(f"\n  Example:\n    {line}\n")


@every_command
def test_a_default_is_shown_where_there_is_one(path: str, cli: Cli) -> None:
    view = options_of(cli(*path.split(), "--help").out)
    for option in COMMANDS[path].params:
        default = None
        if option.param_type_name == "option":
            default = default_of(option)
        if default is not None:
            assert f"[default: {default}" in view[option.opts[0]], option.opts


@every_command
def test_every_word_of_a_command_says_what_it_is(path: str) -> None:
    assert [parameter.name for parameter in COMMANDS[path].params if not parameter.help] == []


def test_a_default_that_is_not_shown_is_noticed(cli: Cli) -> None:
    view = options_of(cli("rollout", "list", "--help").out)
    assert "[default: 20" in view["--limit"]
    assert "default" not in view["--all"]


def test_defaults_of_the_service_are_told_as_the_service_has_them(cli: Cli) -> None:
    start = options_of(cli("rollout", "start", "--help").out)
    plan = StartRollout.model_fields
    assert f"default: {AnalysisIn.model_fields['alpha'].default}." in start["--alpha"]
    assert f"default: {plan['strategy'].default}." in start["--strategy"]
    assert all(kind in start["--strategy"] for kind in Kind if kind is not Kind.UNDO)
    create = options_of(cli("endpoint", "create", "--help").out)
    assert f"default: {NewEndpoint.model_fields['runtime'].default}." in create["--runtime"]
