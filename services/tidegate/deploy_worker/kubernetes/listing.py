"""A whole collection, read page by page."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tidegate.core.ports import Unavailable
from tidegate.deploy_worker.kubernetes.api import Answer, Api, Query

PAGE = 500
MOST_PAGES = 40  # an observation ends, also on a cluster of any size


class Unread(Exception):  # noqa: N818  (it ends one reading, and is caught where that began)
    """A page was not given. answer: what was said instead; None where there were too many pages."""

    def __init__(self, message: str, answer: Answer | Unavailable | None = None) -> None:
        super().__init__(message)
        self.answer = answer

    @property
    def denied(self) -> bool:
        """No role permits it."""
        return isinstance(self.answer, Answer) and self.answer.unauthorised


def pages(
    api: Api, path: str, timeout: float, query: Query | None = None, late: Callable[[], bool] = bool
) -> Iterator[Mapping[str, Any]]:
    """Every object, one after another, so that no more than a page is held. timeout: seconds of one
    page. late: whether to give up before the next page. Raises Unread."""
    for number, body in enumerate(bodies(api, path, timeout, query), 1):
        yield from body.get("items") or ()
        if not _following(body):
            return
        if late():
            raise Unread("reading them took too long")
        if number == MOST_PAGES:
            raise Unread(f"there are more than {PAGE * MOST_PAGES}")


def bodies(
    api: Api, path: str, timeout: float, query: Query | None = None
) -> Iterator[Mapping[str, Any]]:
    """Every page as the server answers it, however many there are; each is asked for when it is
    taken. Raises Unread, with that answer."""
    parameters = {"limit": str(PAGE), **(query or {})}
    while True:
        answer = api.call("GET", path, query=parameters, timeout=timeout)
        if isinstance(answer, Unavailable):
            raise Unread(answer.detail, answer)
        if not answer.ok:
            raise Unread(answer.words, answer)
        yield answer.body
        following = _following(answer.body)
        if not following:
            return
        parameters = {**parameters, "continue": following}


def _following(body: Mapping[str, Any]) -> str | None:
    return (body.get("metadata") or {}).get("continue")
