"""The history of an endpoint: who changed and decided what, why, on which counts. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group, RenderableType

from tidegate.cli import show_rollout, words
from tidegate.cli.words import clock, who

if TYPE_CHECKING:
    from tidegate.schemas import responses as out

_TOGETHER = 1.0  # seconds between entries of one transaction, at most
_HEARING = 60.0  # seconds until the controller has heard an action, at most, where a worker lives
_BACK = ("abort", "supersede", "keep-stable")  # decisions after which all traffic goes to stable
_NEAR = 6  # events among which the other half of one is looked for


def name(entry: out.EntryOut) -> str:
    """For `-o name`."""
    return f"ledger/{entry.seq}"


def history(ledger: list[out.EntryOut], rollouts: list[out.RolloutOut]) -> RenderableType:
    """`rollout history`: the ledger, newest first, one line per event, then what each rollout was
    judged on."""
    table = words.table("UTC", "WHO", "WHAT", "WHY")
    day = ""
    for column in table.columns[:2]:
        column.no_wrap = True  # a long reason breaks in its own column, never at the price of these
    for event in events(ledger):
        first = event[0]
        if day != first.at.date().isoformat():
            day = first.at.date().isoformat()
            table.add_row(day)
        table.add_row(
            clock(first.at), who(first.actor), ", ".join(map(what, event)), message(first, ledger)
        )
    return Group(table, *(["", counts(rollouts)] if rollouts else []))


def events(ledger: list[out.EntryOut]) -> list[list[out.EntryOut]]:
    """Entries that are one event: a decision and the intent that it appended, by one author for one
    reason; and a action with the rollout controller's word that it has heard it."""
    entries: list[list[out.EntryOut]] = []
    for entry in ledger:
        near = entries[-_NEAR:]
        same = next((event for event in reversed(near) if _one_event(event, entry)), None)
        if same is not None:
            same[:] = sorted((*same, entry), key=lambda each: bool(each.action == "intent"))
            continue
        event = next((each for each in near if _answers(each[0], entry)), None)
        if event is None:
            entries.append([entry])
        elif entry.kind:  # the person's own word for it
            event[0] = entry
    return entries


def _answers(note: out.EntryOut, action: out.EntryOut) -> bool:
    kind = action.kind or action.action.removeprefix("rollout.")
    same = note.actor == action.actor and note.action == kind and note.action != action.action
    return same and _apart(note, action) < _HEARING


def _one_event(event: list[out.EntryOut], entry: out.EntryOut) -> bool:
    last = event[-1]
    alike = (last.actor, last.message) == (entry.actor, entry.message)
    intents = sum(each.action == "intent" for each in (*event, entry))
    return alike and intents == 1 and _apart(last, entry) < _TOGETHER


def _apart(entry: out.EntryOut, other: out.EntryOut) -> float:
    return abs((entry.at - other.at).total_seconds())


def message(entry: out.EntryOut, ledger: list[out.EntryOut]) -> str:
    """An entry's reason. How a rollback arrived repeats why it began: that stands with its decision
    already."""
    decision = _decided(entry, ledger)
    if decision is not None:
        return f"all traffic is back, {_apart(entry, decision):.1f} s after the decision"
    return entry.message or "-"


def _decided(entry: out.EntryOut, ledger: list[out.EntryOut]) -> out.EntryOut | None:
    """Of the end of a rollout that went back: the decision to, by the same rollout's hand."""
    if entry.action not in show_rollout.ENDED:
        return None
    before = (item for item in ledger if item.seq < entry.seq and item.actor == entry.actor)
    return next((item for item in before if item.action in _BACK), None)


def what(entry: out.EntryOut) -> str:
    """An entry's action in a few words."""
    action = entry.action
    rollout = entry.rollout
    if entry.intent is not None:
        called = ""
        if entry.called:
            called = f"{entry.called}, "
        return called + _intent(entry.intent)
    if rollout is not None:
        return f"start {rollout.strategy} of r{rollout.candidate}"
    name = str(action.removeprefix("rollout."))
    if entry.kind:
        return f"{name.replace('-', ' ')} ({entry.kind})"
    return name


def _intent(intent: out.RecordedIntent) -> str:
    generation = intent.generation
    stable = intent.stable
    candidate = intent.candidate
    if stable is None:
        return f"g{generation}: gone"
    if candidate is None:
        return f"g{generation}: r{stable} 100 %"
    percent = intent.percent
    mirrored = ""
    if intent.mirror_percent:
        mirrored = f", {intent.mirror_percent} % mirrored"
    extra = mirrored + (", by header" if intent.by_header else "")
    return f"g{generation}: r{stable} {100 - percent} %, r{candidate} {percent} %{extra}"


def counts(rollouts: list[out.RolloutOut]) -> RenderableType:
    """What each rollout was judged on."""
    table = words.table("ROLLOUT", "CHANGE", "OUTCOME", "METRIC", "CANDIDATE BAD", "STABLE BAD")
    for rollout in rollouts:
        change = f"{rollout.strategy} r{rollout.base} → r{rollout.candidate}"
        head = (rollout.id[:8], change, show_rollout.phase(rollout))
        verdicts = show_rollout.asked(rollout)
        for number, verdict in enumerate(verdicts):
            metric = f"{verdict.metric} {show_rollout.word(verdict)}"
            bad = (show_rollout.bad(verdict, "candidate"), show_rollout.bad(verdict, "stable"))
            table.add_row(*(head if number == 0 else ("", "", "")), metric, *bad)
        if not verdicts:
            table.add_row(*head, "-", "-", "-")
    return table
