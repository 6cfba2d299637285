"""Golden files: text that was read and accepted once. The one switch that renews them is
UPDATE_GOLDEN=1.

After a deliberate change: `UPDATE_GOLDEN=1 .venv/bin/pytest -q …`, then read the difference like
code.
"""

import os
from pathlib import Path

SWITCH = "UPDATE_GOLDEN"


def check_golden(path: Path, text: str) -> None:
    """Compare a text with its golden file; write the file instead where UPDATE_GOLDEN is set."""
    if os.environ.get(SWITCH):
        path.write_text(text)
    accepted = ""
    if path.exists():
        accepted = path.read_text()
    assert text == accepted, (
        f"{path.name} differs: read the difference, then accept it with {SWITCH}=1"
    )
