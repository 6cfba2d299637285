"""The pages that people read, cut into what can be checked: fenced blocks, inline code, links,
command lines."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = tuple(
    sorted(
        [
            *(ROOT / name for name in ("README.md", "CONTRIBUTING.md")),
            *(ROOT / "docs").rglob("*.md"),
            *(ROOT / "examples").rglob("*.md"),
        ]
    )
)
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


@dataclass(frozen=True, slots=True)
class Page:
    """One page. `blocks`: (language, text) of each fence; `prose`: the rest."""

    path: Path
    blocks: tuple[tuple[str, str], ...]
    prose: str

    @property
    def codes(self) -> tuple[str, ...]:
        """Everything in backticks outside of fences; a line break within counts as a space."""
        return tuple(_CODE.findall(re.sub(r"\n(?!\n|\||-)", " ", self.prose)))

    @property
    def links(self) -> tuple[str, ...]:
        """Targets of links."""
        return tuple(_LINK.findall(self.prose))

    def commands(self, program: str) -> Iterator[list[str]]:
        """Every command line of a program, in words, without what a reader's shell would not give
        it."""
        rows = [
            line.strip().removeprefix("$ ") for _, text in self.blocks for line in text.splitlines()
        ]
        for line in (*rows, *self.codes):
            if line.startswith(f"{program} ") and not line.startswith(f"{program}:"):
                words = shlex.split(line.replace("…", ""), comments=True)
                yield [word for word in words if word not in ("&", "|")]


def read(path: Path) -> Page:
    """One page from its file."""
    text = path.read_text()
    blocks = tuple((language, body) for language, body in _FENCE.findall(text))
    return Page(path, blocks, _FENCE.sub("", text))


def name(path: Path) -> str:
    """How a test calls a page."""
    return path.relative_to(ROOT).as_posix()
