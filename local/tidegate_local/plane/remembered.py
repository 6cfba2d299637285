"""What the user chose at the last `tidegate up`: the next one starts the plane in the same way.

Clients keep the API's address, and endpoints live in the database: a plane that comes back
elsewhere, or with another database, has lost both.
"""

import json
from dataclasses import replace
from pathlib import Path

from tidegate.core.errors import TidegateError
from tidegate_local.home import write_private
from tidegate_local.plane.options import Options

_FILE = "options.json"
_KEPT = ("api_port", "workers", "limit", "database_url")


class RememberedError(TidegateError):
    """What an earlier start kept cannot be read; says which file, and what to do."""


def chosen(
    home: Path,
    *,
    api_port: int | None = None,
    workers: int | None = None,
    limit: int | None = None,
    database_url: str | None = None,
) -> Options:
    """The options of this start: what is given, else what the last start had, else the usual."""
    values = {
        "api_port": api_port,
        "workers": workers,
        "limit": limit,
        "database_url": database_url,
    }
    options = _last(home)
    return replace(options, **{name: value for name, value in values.items() if value is not None})  # type: ignore[arg-type]


def remember(options: Options) -> None:
    """Keep them for the next start. The database's address may hold a password: the file is ours
    alone."""
    kept = {name: getattr(options, name) for name in _KEPT}
    write_private(options.home / _FILE, json.dumps(kept, indent=1))


def _last(home: Path) -> Options:
    file = home / _FILE
    try:
        kept = json.loads(file.read_text())
        return Options(
            home,
            api_port=int(kept["api_port"]),
            workers=int(kept["workers"]),
            limit=int(kept["limit"]),
            database_url=str(kept["database_url"]),
        )
    except FileNotFoundError:
        return Options(home)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RememberedError(
            f"{file} cannot be read ({error}): delete it, and the plane starts as usual"
        ) from None
