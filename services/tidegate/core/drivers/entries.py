"""Which entry of a head a Knative revision was made for.

KServe's status names no generation of the InferenceService, and it shows the revision that it saw
last. After stable, candidate and stable again in quick writes it can still show stable's first
revision as created and ready, while the candidate's is on its way: all traffic for the head would
then go to the candidate, as soon as that is ready. So every head enters with a number of its own.
It stands in the revision template, so the Knative revision that the head is made into carries it.
"""

from tidegate.core.drivers.rendering import ENTRY, generation_of
from tidegate.core.ports import Manifest, Snapshot


def of_head(isvc: Manifest) -> str | None:
    """The number that the present head entered with; None where it was written without one."""
    return _entry(isvc["spec"]["predictor"])


def of_revision(revision: Manifest) -> str | None:
    """The number of the entry that a Knative revision was made for."""
    return _entry(revision["metadata"])


def following(isvc: Manifest | None, snapshot: Snapshot) -> str:
    """A number that no head has had: the next one, also where somebody took the last one away."""
    highest = max(
        (_number(of_revision(revision)) for revision in snapshot.all("Revision")), default=0
    )
    if isvc is not None:
        highest = max(highest, _number(of_head(isvc)))
    return str(highest + 1)


def _entry(holder: Manifest) -> str | None:
    return (holder.get("annotations") or {}).get(ENTRY)


def _number(entry: str | None) -> int:
    """Zero where there is none, or somebody has made it unreadable."""
    return generation_of(entry) or 0
