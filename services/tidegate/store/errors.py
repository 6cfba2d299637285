"""What can go wrong with the store itself, as one class; wrong input and lost races are values
instead."""

from tidegate.core.errors import TidegateError


class StoreUnavailable(TidegateError):  # noqa: N818  (named as people say it)
    """Postgres did not answer, was busy past the time limits, or is not migrated. Nothing is known
    to be committed: look again before repeating what is not idempotent."""


class BadPageToken(TidegateError):  # noqa: N818  (named as people say it)
    """A `page_token` that this list did not hand out: begin again without one."""


class NotFound(TidegateError):  # noqa: N818  (named as people say it)
    """The row that an operation names does not exist; callers look it up first, so this is a race
    or a bug."""
