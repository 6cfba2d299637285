"""The progress of a rollout as it is stored."""

from pydantic import ValidationError

from tidegate.core.rollout import Progress
from tidegate.store.codec import Json, loads
from tidegate.store.progress_parts import gathered, is_flat

BASE_LINE = ("analysis", "evidence", "last")


def read_progress(stored: Json | None) -> Progress:
    """The progress from its jsonb column, None where nothing is stored yet.

    A base line that does not fit was stored by a worker of another version, which may store it even
    after the migration of its database. It is left out, so that the next scrape is a new one: what
    its counters meant is not known. Raises pydantic's ValidationError when anything else does not
    fit.
    """
    if stored is None:
        return Progress()
    if is_flat(stored):
        stored = gathered(stored)
    try:
        return loads(Progress, stored)
    except ValidationError as error:
        if any(item["loc"][: len(BASE_LINE)] != BASE_LINE for item in error.errors()):
            raise
    analysis = stored["analysis"]
    evidence = {**analysis["evidence"], "last": None}
    return loads(Progress, {**stored, "analysis": {**analysis, "evidence": evidence}})
