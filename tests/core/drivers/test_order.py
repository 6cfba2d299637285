"""Knative's order of writes as a table: from each state, the one next state of (head, percent)."""

from dataclasses import replace

import pytest

from tests.core.values import intent
from tidegate.core.drivers.order import Next, Pointers, next_write
from tidegate.core.intent import CandidateTraffic, Intent

ROLLOUT = intent(25)
BACK = intent(candidate=None, candidate_traffic=CandidateTraffic())
PROMOTED = intent(stable=2, candidate=None, candidate_traffic=CandidateTraffic())


def at(
    head: int, percent: int | None, pinned: int | None, *, ready: bool = True, share: int = 0
) -> Pointers:
    """ready: created == ready == head."""
    return Pointers(
        head, percent, pinned, caught_up=ready, steady=ready and pinned == head, latest_share=share
    )


def crashed(head: int, percent: int, pinned: int, share: int) -> Pointers:
    """The head was ready and is not any more: the route is stuck at its share."""
    return replace(at(head, percent, pinned, share=share), stuck=True)


TABLE: list[tuple[str, Intent, Pointers, Next]] = [
    ("home, nothing to do", BACK, at(1, None, 1), Next(1, None)),
    ("first deployment starts", BACK, at(1, None, None, ready=False), Next(1, None, "r1 starts")),
    (
        "a candidate enters at 0, model and percent in one write",
        ROLLOUT,
        at(1, None, 1),
        Next(2, 0),
    ),
    (
        "not before stable has settled",
        ROLLOUT,
        at(1, None, 1, ready=False),
        Next(1, None, "r1 starts"),
    ),
    ("it starts without a share", ROLLOUT, at(2, 0, 1, ready=False), Next(2, 0, "r2 starts")),
    ("ready: it gets its share", ROLLOUT, at(2, 0, 1), Next(2, 25)),
    ("its share is there", ROLLOUT, at(2, 25, 1, share=25), Next(2, 25)),
    ("a hand-set share is put right", ROLLOUT, at(2, 80, 1, share=80), Next(2, 25)),
    (
        "restarted in the middle: silent until ready",
        ROLLOUT,
        at(2, 25, 1, ready=False),
        Next(2, 0, "r2 starts"),
    ),
    ("abort 1: silence it", BACK, at(2, 25, 1, share=25), Next(2, 0, "r2 loses its share")),
    (
        "abort 2: wait until it is silent",
        BACK,
        at(2, 0, 1, share=25),
        Next(2, 0, "r2 loses its share"),
    ),
    (
        "a candidate that crashed is silenced first",
        BACK,
        crashed(2, 25, 1, 25),
        Next(2, 0, "r2 loses its share"),
    ),
    (
        "its share never goes while it is the head: stable back in",
        BACK,
        crashed(2, 0, 1, 25),
        Next(1, 0),
    ),
    ("abort 3: stable back in, still at 0", BACK, at(2, 0, 1), Next(1, 0)),
    ("abort 4: wait for the restored one", BACK, at(1, 0, 1, ready=False), Next(1, 0, "r1 starts")),
    ("abort 5: drop the percent", BACK, at(1, 0, 1), Next(1, None)),
    ("promotion: drop the percent", PROMOTED, at(2, 50, 1, share=50), Next(2, None)),
    (
        "promotion waits for a candidate that is not ready",
        PROMOTED,
        at(2, 50, 1, ready=False),
        Next(2, 50, "r2 starts"),
    ),
    ("promotion is followed", PROMOTED, at(2, None, 1), Next(2, None, "r2 starts")),
    ("promoted", PROMOTED, at(2, None, 2), Next(2, None)),
    ("undone in flight: silent at once", BACK, at(2, None, 1), Next(2, 0, "r2 loses its share")),
    (
        "undone in flight, to another: wait, or the pointer flips",
        BACK,
        at(2, None, 3),
        Next(2, None, "r2 settles"),
    ),
    ("undone after promotion: stable enters at 0", BACK, at(2, None, 2), Next(1, 0)),
    (
        "pointer wandered during a rollout: back to stable first",
        ROLLOUT,
        at(2, 25, 7, share=25),
        Next(2, 0, "r2 loses its share"),
    ),
    (
        "nothing was ever rolled out: another first model",
        PROMOTED,
        at(1, None, None),
        Next(2, None),
    ),
]


@pytest.mark.parametrize(
    ("goal", "state", "expected"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE]
)
def test_next_write(goal: Intent, state: Pointers, expected: Next) -> None:
    assert next_write(goal, state) == expected
