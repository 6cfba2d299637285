"""How an address is shown to people: in answers, conditions, logs and on the terminal.

A password may stand before the host, a token in the parameters, the query or the fragment. None of
them is needed to know the place, so none is ever shown. What cannot be told apart is hidden whole:
a password that holds a slash or a question mark moves the place where the host begins.
"""

import re

HIDDEN = "(hidden)"
CUT = "…"  # stands for what was cut
_DIGEST = re.compile(r"@[a-z0-9+._-]+:[0-9a-f]{32,}/?$")  # of an image or an artifact: no secret
_PARAMETERS = re.compile(r"[;?#]")
_AUTHORITY = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*:)?//(?P<host>[^/]*)(?P<path>/.*)?")
_HOST = re.compile(r"(\[[0-9a-fA-F:.%]+\]|[^:@\[\]]*)(:\d*)?")


def shown_address(address: str) -> str:
    """The address without its user, password, parameters, query and fragment; `?…` says that there
    was more. An address that names a user where its host cannot be told is hidden whole."""
    parameters = _PARAMETERS.search(address)
    place = address
    rest = ""
    if parameters is not None:
        place = address[: parameters.start()]
        rest = address[parameters.start() :]
    if "@" in rest:
        return HIDDEN
    digest = _DIGEST.search(place)
    suffix = ""
    if digest is not None:
        suffix = digest.group()
        place = place[: digest.start()]
    more = ""
    if rest.strip(";?#"):
        more = f"?{CUT}"
    bare = _without_user(place)
    if bare is None:
        return HIDDEN
    return f"{bare}{suffix}{more}"


def _without_user(place: str) -> str | None:
    """The place without a user before its host; None where the host cannot be told."""
    parts = _AUTHORITY.fullmatch(place)
    if parts is None:
        return _after_user(place)
    host = parts["host"].rpartition("@")[2]
    path = parts["path"] or ""
    if _HOST.fullmatch(host) is None or "@" in path:  # `ann:12/34@host` looks like host and port
        return None
    return f"{parts['scheme'] or ''}//{host}{path}"


def _after_user(place: str) -> str | None:
    """Of a place without `//`, such as an image: a user would stand before its first slash."""
    before, _, path = place.rpartition("@")
    if "/" in before:
        return None
    return path
