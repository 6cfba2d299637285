"""ETag, If-Match and If-None-Match (RFC 9110, section 13): the generation is the strong entity tag."""

from tidegate.core.errors import Problem
from tidegate.web.problems import ApiError


def etag(generation: int) -> str:
    """The entity tag of a generation."""
    return f'"{generation}"'


def _tags(header: str) -> list[str]:
    return [tag.strip() for tag in header.split(",")]


def require_match(header: str | None, generation: int, what: str) -> None:
    """428 without If-Match, 412 when it is stale."""
    if header is None:
        raise ApiError(
            428,
            "if-match-required",
            f"{what} needs the header If-Match with the ETag that you decided on: GET the endpoint and send its ETag",
            (Problem("If-Match", "missing: send the ETag of the endpoint"),),
        )
    check_match(header, generation)


def check_match(header: str | None, generation: int) -> None:
    """412 when If-Match was sent and names another generation. Weak tags never match (strong comparison)."""
    if header is None or header.strip() == "*" or etag(generation) in _tags(header):
        return
    raise ApiError(
        412,
        "stale",
        f"If-Match {header[:80]} is stale: the endpoint is at generation {generation}; GET it again and decide anew",
        (Problem("If-Match", f"the current ETag is {etag(generation)}"),),
        {"ETag": etag(generation)},
    )


def unchanged(header: str | None, tag: str) -> bool:
    """Whether If-None-Match allows a 304 (weak comparison)."""
    return header is not None and (header.strip() == "*" or tag in [t.removeprefix("W/") for t in _tags(header)])
