"""Words and habits that may only become rarer: `python -m scripts.words`, run by `make lint`.
 What is counted stands in `scripts/words.json`, for each word and top folder. A count above it
fails, and the message names file and line. `--lower` writes the present counts where they are
lower; nothing but an edit by hand raises one.
"""

import ast
import json
import re
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from scripts.banned_words import CODE, TERMS, Word

COUNTS = Path("scripts/words.json")
COLUMNS = 100
SHOWN = 8  # occurrences that one complaint lists
CODE_FOLDERS = ("bench", "local", "pipelines", "scripts", "services", "tests")
DOCUMENT_KEYS = ("description", "summary", "title")
_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+")
_PATTERNS = {word.name: re.compile(word.pattern, re.IGNORECASE) for word in TERMS if word.pattern}


@dataclass(frozen=True, slots=True, order=True)
class Occurrence:
    """One occurrence of something that is counted. rule: `<code|text|style>: <name>`. line: from
    1."""

    rule: str
    path: str
    line: int

    @property
    def folder(self) -> str:
        """The top folder, or the name of a file at the root."""
        return self.path.partition("/")[0]


Counts = dict[str, dict[str, int]]  # rule -> folder -> count


def parts(identifier: str) -> frozenset[str]:
    """Return the words of a snake_case or CamelCase identifier, in lower case."""
    return frozenset(part.lower() for part in _PART.findall(identifier))


def bindings(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Yield every name that a module defines or assigns, with its line. Imports bind other people's
    names."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                yield name, node.lineno
            case ast.arg(arg=name):
                yield name, node.lineno
            case (
                ast.FunctionDef(name=name)
                | ast.AsyncFunctionDef(name=name)
                | ast.ClassDef(name=name)
            ):
                yield name, node.lineno
            case (
                ast.ExceptHandler(name=str(name))
                | ast.MatchAs(name=str(name))
                | ast.MatchStar(name=str(name))
            ):
                yield name, node.lineno


def code(path: str, source: str) -> Iterator[Occurrence]:
    """Yield the banned names that a Python file binds, its own name among them, and its habits of
    style."""
    tree = ast.parse(source)
    for name, line in [(Path(path).stem, 1), *bindings(tree)]:
        if name.strip("_") in CODE:
            yield Occurrence(f"code: {name.strip('_')}", path, line)
        words = parts(name)
        yield from (
            Occurrence(f"code: {word.name}", path, line) for word in TERMS if word.parts & words
        )
    yield from style(path, source, tree)


def style(path: str, source: str, tree: ast.Module) -> Iterator[Occurrence]:
    """Yield conditional expressions (nested ones once more), assignments of a tuple to a tuple,
    walruses and lines of more than 100 columns."""
    for node in ast.walk(tree):
        match node:
            case ast.IfExp():
                yield Occurrence("style: conditional expressions", path, node.lineno)
                if any(
                    isinstance(inner, ast.IfExp) for inner in ast.walk(node) if inner is not node
                ):
                    yield Occurrence("style: nested conditional expressions", path, node.lineno)
            case ast.Assign(targets=[ast.Tuple()], value=ast.Tuple()):
                yield Occurrence("style: tuple assignments", path, node.lineno)
            case ast.NamedExpr():
                yield Occurrence("style: walruses", path, node.lineno)
    for number, line in enumerate(source.splitlines(), 1):
        if len(line) > COLUMNS:
            yield Occurrence(f"style: lines over {COLUMNS} columns", path, number)


def text(path: str, source: str, first: int = 1) -> Iterator[Occurrence]:
    """Yield the banned words of a text. first: the number of its first line in the file."""
    for number, line in enumerate(source.splitlines(), first):
        for name, pattern in _PATTERNS.items():
            yield from (Occurrence(f"text: {name}", path, number) for _ in pattern.finditer(line))


def strings(path: str, source: str) -> Iterator[Occurrence]:
    """Yield the banned words in the strings of a Python file, docstrings included."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from text(path, node.value, node.lineno)


def document(path: str, source: str) -> Iterator[Occurrence]:
    """Yield the banned words that an OpenAPI document tells people: descriptions, and names of
    fields."""
    for number, line in enumerate(source.splitlines(), 1):
        key, colon, value = line.strip().partition('": ')
        if not colon:
            continue
        spoken = ""
        if key.strip('"') in DOCUMENT_KEYS:
            spoken = value
        yield from text(path, f"{spoken} {key.strip(chr(34))}", number)


def scan(path: str, source: str) -> Iterator[Occurrence]:
    """Yield everything that counts in one file of the repository."""
    top = path.partition("/")[0]
    if path.startswith("docs/openapi"):
        yield from document(path, source)
    elif path.endswith(".md") or path.endswith("NOTES.txt"):
        yield from text(path, source)
    elif path.endswith(".py") and top in CODE_FOLDERS and "/migrations/versions/" not in path:
        if path != "scripts/banned_words.py":
            yield from code(path, source)
        if path.startswith("services/tidegate/cli/"):
            yield from strings(path, source)


def tracked() -> Iterator[tuple[str, str]]:
    """Yield path and text of every file that git knows and that may be scanned."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        check=True,
        capture_output=True,
        text=True,
    )
    for path in sorted(listed.stdout.splitlines()):
        readable = path.endswith((".py", ".md", "NOTES.txt")) or path.startswith("docs/openapi")
        if readable and Path(path).is_file():
            yield path, Path(path).read_text()


def count(occurrences: Iterable[Occurrence]) -> Counts:
    """Return how often each rule is met in each folder, in the order of their names."""
    totals = Counter((each.rule, each.folder) for each in occurrences)
    counts: dict[str, dict[str, int]] = defaultdict(dict)
    for rule, folder in sorted(totals):
        counts[rule][folder] = totals[rule, folder]
    return dict(counts)


def complaints(
    occurrences: Iterable[Occurrence],
    allowed: Mapping[str, Mapping[str, int]],
    new: frozenset[tuple[str, int]],
) -> list[str]:
    """Return a message for each count that is above what is allowed; [] when none is.

    new: (path, line) of the lines that changed since the counts were written; their occurrences are
    named first.
    """
    groups: dict[tuple[str, str], list[Occurrence]] = defaultdict(list)
    for each in sorted(occurrences):
        groups[each.rule, each.folder].append(each)
    messages = []
    for (rule, folder), group in sorted(groups.items()):
        limit = allowed.get(rule, {}).get(folder, 0)
        if len(group) > limit:
            messages.append(_complaint(rule, folder, group, limit, new))
    return messages


def _complaint(
    rule: str, folder: str, group: list[Occurrence], limit: int, new: frozenset[tuple[str, int]]
) -> str:
    fresh = [each for each in group if (each.path, each.line) in new]
    places = [f"  {each.path}:{each.line}" for each in (fresh or group)[:SHOWN]]
    more = len(fresh or group) - len(places)
    if more > 0:
        places.append(f"  and {more} more")
    where = "all of them"
    if fresh:
        where = "on changed lines"
    return "\n".join(
        [f"{rule}: {len(group)} in {folder}, allowed {limit}; {_advice(rule)} ({where}):", *places]
    )


def _advice(rule: str) -> str:
    kind, _, name = rule.partition(": ")
    if kind == "style":
        return "write one idea a line"
    term: Word | None = next((word for word in TERMS if word.name == name), None)
    if term is not None and name not in CODE:
        return f"say {term.say}"
    return "name what the value is"


def changed_lines() -> frozenset[tuple[str, int]]:
    """Return (path, line) of every line that differs from the commit which last wrote the
    counts."""
    last = _git("log", "-1", "--format=%H", "--", str(COUNTS)).strip() or "HEAD"
    lines: set[tuple[str, int]] = set()
    path = ""
    for row in _git("diff", "--unified=0", "--no-color", last).splitlines():
        if row.startswith("+++ "):
            path = row.removeprefix("+++ ").removeprefix("b/")
        hunk = re.match(r"@@ -\S+ \+(\d+)(?:,(\d+))? @@", row)
        if hunk is not None:
            start = int(hunk[1])
            size = int(hunk[2] or 1)
            lines.update((path, number) for number in range(start, start + size))
    for path in _git("ls-files", "--others", "--exclude-standard").splitlines():
        lines.update(
            (path, number) for number in range(1, 1 + len(Path(path).read_bytes().splitlines()))
        )
    return frozenset(lines)


def _git(*arguments: str) -> str:
    ran = subprocess.run(["git", *arguments], check=False, capture_output=True, text=True)
    if ran.returncode != 0:
        return ""
    return ran.stdout


def lowered(
    counts: Mapping[str, Mapping[str, int]], allowed: Mapping[str, Mapping[str, int]]
) -> Counts:
    """Return the allowed counts, each as low as the present one; what is not met any more goes."""
    lower: Counts = {}
    for rule, folders in sorted(allowed.items()):
        present = counts.get(rule, {})
        limits = {folder: min(limit, present.get(folder, 0)) for folder, limit in folders.items()}
        remaining = {folder: limit for folder, limit in sorted(limits.items()) if limit}
        if remaining:
            lower[rule] = remaining
    return lower


def rates(counts: Mapping[str, Mapping[str, int]], lines: int) -> list[str]:
    """Return the habits of style per 1,000 lines of Python, a line each."""
    return [
        f"{rule.removeprefix('style: ')}: {1000 * sum(folders.values()) / lines:.1f} per 1,000 "
        "lines"
        for rule, folders in counts.items()
        if rule.startswith("style: ")
    ]


def main(arguments: list[str]) -> int:
    """Check, or with `--lower` write lower counts; `--rates` tells habits of style per 1,000
    lines."""
    files = list(tracked())
    occurrences = [each for path, source in files for each in scan(path, source)]
    counts = count(occurrences)
    if "--rates" in arguments:
        lines = sum(len(source.splitlines()) for path, source in files if path.endswith(".py"))
        print("\n".join(rates(counts, lines)))
        return 0
    allowed: Counts = counts
    if COUNTS.exists():
        allowed = json.loads(COUNTS.read_text())
    if "--lower" in arguments:
        COUNTS.write_text(json.dumps(lowered(counts, allowed), indent=1, sort_keys=True) + "\n")
        return 0
    messages = complaints(occurrences, allowed, changed_lines())
    for message in messages:
        print(message)
    if messages:
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
