"""Where the figures go: a file in build/ and one line on the terminal."""

import json
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_BUILD = Path(__file__).resolve().parent.parent / "build"


def keep(name: str, figures: dict[str, Any]) -> None:
    """Write build/bench-<name>.json."""
    _BUILD.mkdir(exist_ok=True)
    path = _BUILD / f"bench-{name}.json"
    path.write_text(json.dumps(figures, indent=1) + "\n")
    print(f"wrote build/{path.name}")


def line(what: str, ours: float, bare: float, unit: str) -> dict[str, float]:
    """Print and return one comparison; ratio: ours over bare."""
    print(
        f"{what:<58s} {ours:>10,.1f} {unit:<5s} bare {bare:>10,.1f} {unit:<5s} ratio "
        f"{ours / bare:>6.2f}"
    )
    return {"ours": ours, "bare": bare, "ratio": ours / bare}


def milliseconds(seconds: Sequence[float]) -> float:
    """The median, in milliseconds."""
    return 1000 * statistics.median(seconds)
