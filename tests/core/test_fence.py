"""The fence: a database that is not the cluster's own past writes nothing."""

from dataclasses import replace

import pytest

from tests.core.values import intent
from tidegate.core.conditions import Code, Condition
from tidegate.core.drivers.base import fence
from tidegate.core.observation import Live, Observation, Stamp

STORE = "ours"
INTENT = replace(intent(25), generation=7, mark="m7")


def seen(generation: int | None, mark: str | None = None, store: str = STORE) -> Observation:
    return Observation(stamp=Stamp(generation=generation, store=store, mark=mark))


def said_by(condition: Condition | None) -> str:
    if not condition:
        return ""
    return condition.message


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
def test_its_own_past_lets_it_write(cluster: Observation, known: str | None) -> None:
    assert fence(INTENT, cluster, STORE, known) is None


@pytest.mark.parametrize(
    ("cluster", "known", "code", "message"),
    [
        (seen(8, "m8"), None, Code.DATABASE_OLDER, "generation 8, this store knows only 7"),
        (seen(7, "other"), None, Code.DATABASE_FORKED, "generation 7 is not ours"),
        (seen(6, "other"), "m6", Code.DATABASE_FORKED, "generation 6 is not ours"),
        (
            seen(6, "m6", store="theirs"),
            "m6",
            Code.OTHER_INSTALLATION,
            "another store (theirs, ours is ours)",
        ),
    ],
)
def test_another_past_does_not(
    cluster: Observation, known: str | None, code: Code, message: str
) -> None:
    stop = fence(INTENT, cluster, STORE, known)
    assert stop is not None
    assert stop.code is code
    assert message in said_by(fence(INTENT, cluster, STORE, known))


ISVC = "InferenceService team/fraud-r77"


def test_an_object_of_somebody_else_stops_a_beginning_and_nothing_that_serves() -> None:
    stranger = Observation(foreign=(ISVC,))
    assert f"{ISVC} is in the way and not ours" in said_by(fence(INTENT, stranger, STORE))
    assert fence(INTENT, replace(seen(7, "m7"), foreign=(ISVC,)), STORE) is None
    without_a_route = replace(stranger, live=(Live(1, 1, 1),))
    assert fence(INTENT, without_a_route, STORE) is None
    # It goes: nothing of theirs is written
    assert fence(replace(INTENT, stable=None), stranger, STORE) is None
    in_its_place = replace(seen(7, "m7"), conflict="HTTPRoute team/fraud")
    assert "HTTPRoute team/fraud is in the way" in said_by(fence(INTENT, in_its_place, STORE))
