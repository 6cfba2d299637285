"""Files that hold secrets: for their owner alone, and never half written."""

import os
from pathlib import Path


def write(file: Path, text: str) -> None:
    """Replace a file, of mode 0600 from its first byte on. Raises OSError."""
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as opened:
        opened.write(text)
    draft.replace(file)
