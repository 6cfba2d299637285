"""One event is one line of the history, however many entries of the ledger it left."""

from typing import Any

from tests.cli import answers as a
from tidegate.cli.show_history import events, message, what
from tidegate.schemas.responses import EntryOut

CONTROLLER = f"system:rollout:{a.ID}"


def entry(*fields: Any, **span: float) -> EntryOut:
    """An entry as the client reads it."""
    return EntryOut.model_validate(a.entry(*fields, **span))


def test_an_abort_is_told_once_by_each_who_had_a_part() -> None:
    back = {"intent": {"generation": 8, "stable": 1}}
    ledger = [
        entry(9, CONTROLLER, "abort", "back to r1: abort by ann: enough", seconds=1),
        entry(8, "ann", "abort", "enough", seconds=1),
        entry(7, CONTROLLER, "intent", "back to r1: abort by ann: enough", back, seconds=1),
        entry(6, "ann", "rollout.abort", "enough", seconds=3),
    ]
    assert [[each.seq for each in event] for event in events(ledger)] == [[9, 7], [8]]


def test_what_only_looks_alike_stays_apart() -> None:
    ledger = [
        entry(9, "ann", "intent", "scaled", minutes=1),
        entry(8, "ann", "intent", "scaled", minutes=1),
        entry(7, "ann", "rollout.pause", "lunch", hours=1),
        entry(6, "ann", "rollout.pause", "lunch", hours=2),
    ]
    assert len(events(ledger)) == 4


def test_how_a_rollback_ended_is_told_by_its_entries_whatever_they_say() -> None:
    ledger = [
        entry(9, CONTROLLER, "aborted", "Alles ist zurück.", seconds=2),
        entry(
            8,
            CONTROLLER,
            "intent",
            "zurück",
            {"intent": {"generation": 8, "stable": 1}},
            seconds=4.5,
        ),
        entry(7, CONTROLLER, "abort", "zurück", seconds=4.5),
        entry(6, "rollout/other", "abort", "(9.9 s after the decision)", seconds=9),
    ]
    assert message(ledger[0], ledger) == "all traffic is back, 2.5 s after the decision"
    assert message(ledger[2], ledger) == "zurück"
    assert message(ledger[0], ledger[:2]) == "Alles ist zurück."


def test_an_action_without_a_reason_is_one_event_with_the_word_that_it_was_heard() -> None:
    ledger = [
        entry(9, "ann", "pause", "no reason given", seconds=1),
        entry(8, "ann", "rollout.pause", "", seconds=3),
    ]
    assert [[each.seq for each in event] for event in events(ledger)] == [[9]]


def test_what_a_person_calls_it_stands_with_what_it_asks_of_the_controller() -> None:
    """`set canary 5` pauses the rollout: one event, under the person's word for it."""
    called = {"intent": {"generation": 8, "stable": 1}, "called": "set canary"}
    ledger = [
        entry(9, "ann", "pause", "p99", seconds=1),
        entry(8, "ann", "rollout.set-canary", "p99", {"rollout": "ro", "kind": "pause"}, seconds=3),
        entry(7, "ann", "intent", "p99", called, seconds=3),
    ]
    words = [[what(each) for each in event] for event in events(ledger)]
    assert ["set canary (pause)", "set canary, g8: r1 100 %"] in words
