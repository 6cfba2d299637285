"""The fence: a database that is not the cluster's own past writes nothing."""

from dataclasses import replace

import pytest

from tests.core.values import intent
from tidegate.core.drivers.base import fence
from tidegate.core.observed import Observed

STORE = "ours"
INTENT = replace(intent(25), generation=7, mark="m7")


def seen(generation: int | None, mark: str | None = None, store: str = STORE) -> Observed:
    return Observed(generation=generation, store=store, mark=mark)


@pytest.mark.parametrize(
    ("cluster", "known"),
    [
        (seen(None), None),  # nothing is there, or a person took our stamp away
        (seen(7, "m7"), None),
        (seen(6, "m6"), "m6"),
        (seen(6), "m6"),  # stamped before marks were written
        (seen(6, "m6"), None),  # an intent that this store no longer keeps
    ],
)
def test_its_own_past_lets_it_write(cluster: Observed, known: str | None) -> None:
    assert fence(INTENT, cluster, STORE, known) is None


@pytest.mark.parametrize(
    ("cluster", "known", "said"),
    [
        (seen(8, "m8"), None, "generation 8, this store knows only 7"),
        (seen(7, "other"), None, "generation 7 is not ours"),
        (seen(6, "other"), "m6", "generation 6 is not ours"),
        (seen(6, "m6", store="theirs"), "m6", "another store (theirs, ours is ours)"),
    ],
)
def test_another_past_does_not(cluster: Observed, known: str | None, said: str) -> None:
    assert said in (fence(INTENT, cluster, STORE, known) or "")
