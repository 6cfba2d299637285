"""The tiers of the tests: every test belongs to exactly one of those that make up the whole."""

import itertools
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAKEFILE = (ROOT / "Makefile").read_text()
WHOLE = ("test", "test-cluster", "test-cluster-long", "test-long")
MARKS = ("real", "cluster", "long")
KINDS = [
    dict(zip(MARKS, marks, strict=True)) for marks in itertools.product((False, True), repeat=3)
]


def command(target: str) -> str:
    """The line of the Makefile that runs pytest for a target."""
    match = re.search(rf"^{target}:.*\n\t(.*\$\(PYTEST\).*)\n(?!\t)", MAKEFILE, re.MULTILINE)
    assert match, target
    return match[1]


def chooses(target: str, marks: dict[str, bool]) -> bool:
    """Whether a target runs a test that carries these marks. pytest's expressions are Python's."""
    match = re.search(r' -m "([a-z ]+)"$', command(target))
    assert match, command(target)
    return bool(eval(match[1], {"__builtins__": {}}, marks))


@pytest.mark.parametrize(
    "marks", KINDS, ids=lambda marks: "-".join(k for k, v in marks.items() if v) or "none"
)
def test_every_test_belongs_to_one_tier(marks: dict[str, bool]) -> None:
    assert [chooses(target, marks) for target in WHOLE].count(True) == 1


@pytest.mark.parametrize(
    "marks", KINDS, ids=lambda marks: "-".join(k for k, v in marks.items() if v) or "none"
)
def test_fast_is_the_part_of_test_that_starts_no_process(marks: dict[str, bool]) -> None:
    assert chooses("test-fast", marks) == (chooses("test", marks) and not marks["real"])


@pytest.mark.parametrize("target", ["test-fast", *WHOLE])
def test_a_tier_leaves_tests_out_by_their_marks_only(target: str) -> None:
    known = r'@\$\(PYTEST\)( \$\(PARALLEL\))?( --durations=\d+)? -m "[a-z ]+"'
    assert re.fullmatch(known, command(target))


def test_pytest_knows_these_marks_and_no_others_and_looks_everywhere() -> None:
    options = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]
    assert {line.split(":")[0] for line in options["markers"]} == set(MARKS)
    assert options["testpaths"] == ["tests"]
    assert options["addopts"] == "-ra --strict-markers --import-mode=importlib"


def test_no_file_with_tests_is_overlooked(request: pytest.FixtureRequest) -> None:
    """By its name, or because a conftest ignores it."""
    overlooked = []
    for path in (ROOT / "tests").rglob("*.py"):
        text = path.read_text()
        if re.search(r"^\s*def test_", text, re.MULTILINE) and not path.name.startswith("test_"):
            overlooked.append(path)
        if path.name == "conftest.py":
            assert "collect_ignore" not in text, path
    assert overlooked == []


def test_a_file_that_needs_the_built_control_plane_says_so() -> None:
    """Whoever asks for a Go program is skipped where it is not built: in a tier that builds none,
    for ever."""
    cluster = {
        path
        for path in (ROOT / "tests/cluster").glob("test_*.py")
        if "No cluster is needed" not in path.read_text()
    }
    needy = {
        path
        for path in (ROOT / "tests").rglob("test_*.py")
        if "from tests.built import" in path.read_text()
    }
    assert len(cluster) > 20
    for path in cluster | needy:
        assert "pytest.mark.cluster" in path.read_text(), path


def test_nobody_asks_for_go_programs_past_the_helper() -> None:
    asks = re.compile(r"\bbuild\.(missing|ensure)\(")
    results = {
        path.name for path in (ROOT / "tests").rglob("*.py") if asks.search(path.read_text())
    }
    assert results == {"built.py", "test_build.py"}
