"""What people ask of a running rollout, heard in the order they asked."""

from typing import assert_never

from tidegate.core import endings
from tidegate.core.rollout import Hold, HoldKind, Note, Outcome, WaitsFor, Wish, WishKind
from tidegate.core.turn import Turn


def hear(turn: Turn, asked: tuple[Wish, ...]) -> tuple[Turn, tuple[Note, ...]]:
    """The turn after every wish that was not consumed yet, and a ledger line for each."""
    notes = []
    for wish in sorted(asked, key=lambda one: one.id):
        if wish.id > turn.progress.wish:
            turn = _grant(turn.having(wish=wish.id), wish)
            notes.append(Note(wish.author, str(wish.kind), wish.why or "no reason given"))
    return turn, tuple(notes)


def _grant(turn: Turn, wish: Wish) -> Turn:
    said = f"{wish.author}: {wish.why}" if wish.why else wish.author
    match wish.kind:
        case WishKind.PAUSE:
            hold = Hold(HoldKind.PAUSED, wish.author, wish.why or "no reason given")
            return turn.having(hold=hold, waited=0.0, waits_for=WaitsFor.NOTHING)
        case WishKind.RESUME:
            return turn.having(hold=None, takeover=None, waited=0.0, waits_for=WaitsFor.NOTHING)
        case WishKind.APPROVE:
            return turn.having(approved_by=wish.author, waited=0.0, waits_for=WaitsFor.NOTHING)
        case WishKind.TAKEOVER:
            return turn.having(takeover=wish.author, hold=None, waited=0.0, waits_for=WaitsFor.NOTHING)
        case WishKind.ABORT | WishKind.REJECT:
            return endings.begin(turn, Outcome.ABORTED, f"{wish.kind} by {said}")
        case WishKind.SUPERSEDE:
            return endings.begin(turn, Outcome.SUPERSEDED, f"superseded by {said}")
        case WishKind.PROMOTE:
            if turn.progress.ending is not None:
                return turn  # it is on its way back; promoting now would turn a running abort around
            return endings.begin(turn, Outcome.PROMOTED, f"promoted by {said}")
        case _:
            assert_never(wish.kind)
