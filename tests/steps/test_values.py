"""How a pipeline's values are read: "" is absent, doubles may be whole, lists are JSON."""

import pytest

from tidegate.steps import arguments, values
from tidegate.steps.errors import UsageError

COMMANDS = (
    ("preflight", "--endpoint=fraud"), ("start", "--endpoint=fraud"), ("reach", "--rollout-id=x", "--step=1"),
    ("smoke", "--rollout-id=x"), ("approval", "--rollout-id=x"), ("finish", "--rollout-id=x"),
    ("undo", "--endpoint=fraud"), ("promote", "--endpoint=fraud"), ("deploy", "--endpoint=fraud"),
)  # fmt: skip


@pytest.mark.parametrize("text", ["true", "True", "TRUE", "1"])
def test_true(text: str) -> None:
    assert values.flag(text) is True


@pytest.mark.parametrize("text", ["false", "False", "0", "", " "])
def test_false(text: str) -> None:
    assert values.flag(text) is False


@pytest.mark.parametrize(("text", "read"), [("5", 5), ("5.0", 5), ("", None)])
def test_whole(text: str, read: int | None) -> None:
    assert values.whole(text) == read


@pytest.mark.parametrize(
    ("text", "read"),
    [("[1.0, 5.0]", (1, 5)), ("[1,5]", (1, 5)), ("1,5", (1, 5)), ("1, 5", (1, 5)), ("", ())],
)
def test_percents(text: str, read: tuple[int, ...]) -> None:
    assert values.percents(text) == read


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (values.flag, "maybe"),
        (values.whole, "5.5"),
        (values.whole, "five"),
        (values.number, "nan"),
        (values.number, "1e999"),
        (values.percents, "[1, 2.5]"),
        (values.percents, '["a"]'),
        (values.percents, "[true]"),
        (values.percents, "[[1]]"),
        (values.percents, "[1"),
        (values.header, "x-beta"),
        (values.header, ": yes"),
    ],
)
def test_what_does_not_fit_is_named(read, text) -> None:
    with pytest.raises(ValueError, match=r".+"):
        read(text)


def test_a_header_has_two_parts() -> None:
    assert values.header("x-beta: a=b") == ("x-beta", "a=b")
    assert values.header("x-beta=yes") == ("x-beta", "yes")
    assert values.header("") is None


@pytest.mark.parametrize("argv", COMMANDS, ids=lambda item: item[0])
def test_every_flag_may_be_empty(argv: tuple[str, ...]) -> None:
    usual = vars(arguments.parse(argv))
    needed = {part.split("=")[0] for part in argv[1:]}
    flags = [
        f"--{name.replace('_', '-')}"
        for name in usual
        if name != "command" and f"--{name.replace('_', '-')}" not in needed
    ]
    empty = [f"{flag}=" for flag in flags]
    assert vars(arguments.parse([*argv, *empty])) == usual


@pytest.mark.parametrize(
    ("argv", "named"),
    [
        ((), "command"),
        (("dance",), "dance"),
        (("reach", "--rollout-id=x", "--step=two"), "--step"),
        (("start",), "--endpoint"),
        (("start", "--endpoint=a", "--colour=red"), "--colour"),
        (("start", "--endpoint=a", "--percents=[5, x]"), "--percents"),
    ],
)
def test_a_wrong_flag_is_named(argv: tuple[str, ...], named: str) -> None:
    with pytest.raises(UsageError, match=named):
        arguments.parse(argv)


def test_what_a_fail_does_is_read_by_metric():
    assert values.on_fail("") == {}
    assert values.on_fail(" restarts=notify,latency = pause ") == {
        "restarts": "notify",
        "latency": "pause",
    }
    for wrong in ("restarts", "restarts=explode", "=pause"):
        with pytest.raises(ValueError, match="latency=pause"):
            values.on_fail(wrong)
