"""ETag, If-Match and If-None-Match (RFC 9110, section 13): the generation is the strong entity
tag."""

from tidegate.core.errors import Problem, Remediation
from tidegate.web.problems import refused


def etag(generation: int) -> str:
    """The entity tag of a generation."""
    return f'"{generation}"'


def _tags(header: str) -> list[str]:
    return [tag.strip() for tag in header.split(",")]


def require_match(header: str | None, generation: int, what: str) -> None:
    """428 without If-Match, 412 when it is stale."""
    if header is None:
        detail = f"{what} needs the header If-Match with the ETag that you decided on"
        remediation = Remediation(
            "look at the endpoint, and send its generation", "GET the endpoint and send its ETag"
        )
        raise refused(428, "if-match-required", Problem("If-Match", detail, remediation))
    check_match(header, generation)


def check_match(header: str | None, generation: int) -> None:
    """412 when If-Match was sent and names another generation. Weak tags never match (strong
    comparison)."""
    if header is None or header.strip() == "*" or etag(generation) in _tags(header):
        return
    detail = f"{header[:80]} is stale: the endpoint has changed meanwhile and is at generation {generation}"
    remediation = Remediation(
        "look at it again and decide anew", f"the present ETag is {etag(generation)}"
    )
    raise refused(
        412, "stale", Problem("If-Match", detail, remediation), {"ETag": etag(generation)}
    )


def unchanged(header: str | None, tag: str) -> bool:
    """Whether If-None-Match allows a 304 (weak comparison)."""
    return header is not None and (
        header.strip() == "*" or tag in [t.removeprefix("W/") for t in _tags(header)]
    )
