"""Tokens that `tidegate login` was given, each for the URL that gave it and for no other; in a file
of mode 0600."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tidegate.cli import private

FILE = "logins.json"


def save(folder: Path, url: str, token: str, ends: float) -> Path:
    """Keep a token. ends: epoch seconds."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / FILE
    known = _known(folder)
    known[url] = {"token": token, "ends": ends}
    private.write(file, json.dumps(known))
    return file


def find(folder: Path, url: str) -> str | None:
    """The token that this URL gave; a token past its end is left to the service to refuse, which
    says so."""
    result = _known(folder).get(url)
    if isinstance(result, Mapping) and result.get("token"):
        return str(result["token"])
    return None


def forget(folder: Path, url: str) -> bool:
    """Forget the token that this URL gave; whether there was one."""
    known = _known(folder)
    if known.pop(url, None) is None:
        return False
    private.write(folder / FILE, json.dumps(known))
    return True


def _known(folder: Path) -> dict[str, Any]:
    try:
        content = json.loads((folder / FILE).read_text())
    except (OSError, ValueError):
        return {}
    if isinstance(content, dict):
        return content
    return {}
