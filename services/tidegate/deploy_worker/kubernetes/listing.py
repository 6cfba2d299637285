"""A whole collection, read page by page."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tidegate.core.ports import Unavailable
from tidegate.deploy_worker.kubernetes.api import Answer, Api, Query

PAGE = 500
MOST_PAGES = 40  # a look ends, also on a cluster of any size


class Unread(Exception):  # noqa: N818  (it ends one reading, and is caught where that began)
    """A page was not given. answer: what was said instead; None where there were too many pages."""

    def __init__(self, why: str, answer: Answer | Unavailable | None = None) -> None:
        super().__init__(why)
        self.answer = answer

    @property
    def denied(self) -> bool:
        """No role permits it."""
        return isinstance(self.answer, Answer) and self.answer.unauthorised


def pages(
    api: Api, path: str, timeout: float, query: Query | None = None, late: Callable[[], bool] = bool
) -> Iterator[Mapping[str, Any]]:
    """Every object, one after another, so that no more than a page is held. timeout: seconds of one page. late: whether
    to give up before the next page. Raises Unread."""
    asked = {"limit": str(PAGE), **(query or {})}
    for _ in range(MOST_PAGES):
        answer = api.call("GET", path, query=asked, timeout=timeout)
        if isinstance(answer, Unavailable):
            raise Unread(answer.detail, answer)
        if not answer.ok:
            raise Unread(answer.words, answer)
        yield from answer.body.get("items") or ()
        following = (answer.body.get("metadata") or {}).get("continue")
        if not following:
            return
        if late():
            raise Unread("reading them took too long")
        asked = {**asked, "continue": following}
    raise Unread(f"there are more than {PAGE * MOST_PAGES}")
