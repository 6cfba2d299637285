"""Where the API is: flags, then `TIDEGATE_*`, then the local plane's `plane.json`."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tidegate.cli import logins
from tidegate.cli.errors import CliError, usage
from tidegate.core.shown_address import shown_address

PLANE = "plane.json"
NO_PLANE = (
    "no API is known: `tidegate up` starts a local one, or set TIDEGATE_URL (and TIDEGATE_TOKEN)"
)


@dataclass(frozen=True, slots=True)
class Target:
    """The API to call. namespace: the plane's own, None where only the API knows. local: found
    through plane.json."""

    url: str
    token: str
    namespace: str | None = None
    local: bool = False


def home(environ: Mapping[str, str] = os.environ) -> Path:
    """The local plane's folder: `TIDEGATE_HOME`, else `$XDG_STATE_HOME/tidegate`, else
    `~/.local/state/tidegate`."""
    chosen = environ.get("TIDEGATE_HOME")
    if chosen:
        return Path(chosen).expanduser()
    base = environ.get("XDG_STATE_HOME")
    return (Path(base) if base else Path.home() / ".local" / "state") / "tidegate"


@dataclass(frozen=True, slots=True)
class Plane:
    """The local plane's object store."""

    s3_url: str | None
    bucket: str | None


def plane(environ: Mapping[str, str]) -> Plane | None:
    """The local plane; None where there is none."""
    path = home(environ) / PLANE
    if not path.exists():
        return None
    result = _plane(path)
    return Plane(result.get("s3_url"), result.get("bucket"))


def find(environ: Mapping[str, str], url: str | None = None, token: str | None = None) -> Target:
    """The target of this call. The plane's token goes to the plane only, never to a URL from
    elsewhere. Raises CliError that says what to do."""
    url = url or environ.get("TIDEGATE_URL")
    token = token or environ.get("TIDEGATE_TOKEN") or _from_file(environ.get("TIDEGATE_TOKEN_FILE"))
    if url:
        url = _checked(url)
        token = token or logins.find(home(environ), url)
        if not token:
            raise CliError(
                f"no token for {shown_address(url)}: `tidegate login`, set TIDEGATE_TOKEN or "
                "TIDEGATE_TOKEN_FILE, "
                "or give --token"
            )
        return Target(url, token)
    plane = _plane(home(environ) / PLANE)
    token = token or _from_file(str(plane["token_file"]) if plane.get("token_file") else None)
    if not token:
        raise CliError(f"{PLANE} names no token_file: repeat `tidegate up`, or give --token")
    return Target(str(plane["api_url"]), token, plane.get("namespace"), local=True)


def address(environ: Mapping[str, str], url: str | None = None) -> str:
    """The API's URL, for whoever has no token yet. Raises CliError that says what to do."""
    url = url or environ.get("TIDEGATE_URL")
    if url:
        return _checked(url)
    return str(_plane(home(environ) / PLANE)["api_url"])


def _checked(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise usage(
            f"url {shown_address(url)!r} is not an http or https URL: give one such as "
            "https://tidegate.example.com"
        )
    return url.rstrip("/")


def _from_file(name: str | None) -> str | None:
    if not name:
        return None
    try:
        return Path(name).expanduser().read_text().strip()
    except OSError as error:
        raise CliError(
            f"cannot read the token file {name}: {error.strerror or error}; check "
            "TIDEGATE_TOKEN_FILE"
        ) from None


def _plane(path: Path) -> dict[str, Any]:
    try:
        plane = json.loads(path.read_text())
    except FileNotFoundError:
        raise CliError(NO_PLANE) from None
    except (OSError, ValueError) as error:
        raise CliError(
            f"cannot read {path}: {error}; repeat `tidegate up`, or set TIDEGATE_URL"
        ) from None
    if not isinstance(plane, dict) or not plane.get("api_url"):
        state = "unknown"
        step = ""
        if isinstance(plane, dict):
            state = plane.get("state", "unknown")
            step = plane.get("step", "")
        raise CliError(
            f"the local plane is not ready ({state}{': ' + step if step else ''}): wait for "
            "`tidegate up`, repeat it, "
            "or set TIDEGATE_URL"
        )
    return plane
