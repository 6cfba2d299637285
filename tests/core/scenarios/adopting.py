"""Endpoints that begin with somebody else's InferenceService."""

from tests.core.scenarios.book import CANARY, reach, scenario
from tests.simulation.simulation import Quality, Simulation
from tidegate.core import strategy
from tidegate.core.intent import Mode
from tidegate.core.rollout import ActionKind
from tidegate_local.played.api import ISVC, POD


def as_it_was(t: Simulation) -> tuple[object, list[str]]:
    """The adopted object as its owner knows it, and its pods."""
    theirs = t.lab.get(ISVC, "fraud")
    return (
        theirs["spec"],
        theirs["metadata"].get("labels"),
        theirs["metadata"]["annotations"],
    ), t.lab.names(POD)


@scenario()
def adopted_then_replaced_and_undone(t: Simulation) -> None:
    t.adopt()
    before = as_it_was(t)
    t.run(60)
    assert as_it_was(t) == before, "adoption changed something of its owner's"
    t.start(CANARY, t.revision())
    t.until_over()
    t.run(120)
    if t.mode is Mode.STANDARD:
        assert as_it_was(t)[0] == before[0], "its owner's object was written"
    t.start(strategy.undo(), 0, message="back to what it was")
    t.until_over()


@scenario()
def adopted_then_a_bad_candidate(t: Simulation) -> None:
    t.adopt()
    t.start(CANARY, t.revision(Quality(bad=0.3)))
    t.until_over()


@scenario()
def adopted_then_aborted_by_a_person(t: Simulation) -> None:
    t.adopt()
    t.start(CANARY, t.revision())
    reach(t, 0)
    t.action(ActionKind.ABORT, reason="wrong version")
    t.until_over()


@scenario()
def adopted_then_deleted(t: Simulation) -> None:
    t.adopt()
    before = as_it_was(t)
    t.delete()
    t.run(60)
    assert as_it_was(t) == before, "what was adopted goes on as its owner's"
    t.note(f"left: {t.left()}")
