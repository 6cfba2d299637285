"""The pilot's look at the model contract: kept once, and a breaking one ends the rollout before anything moved.

An undo is left out: what served before is wanted back, whatever it promises.
"""

from dataclasses import replace

from tidegate.core import endings
from tidegate.core.contract import Contract, Standing
from tidegate.core.rollout import STARTING, Note, Outcome, Progress, Rollout
from tidegate.core.strategy import Kind
from tidegate.core.turn import Turn

WAY_OUT = (
    "clients of stable would fail: give its model a name of its own, or accept it (accept_breaking, --accept-breaking)"
)


def asked(rollout: Rollout, progress: Progress) -> bool:
    """Whether the contract has yet to be compared."""
    if rollout.strategy.kind is Kind.UNDO or progress.contract is not None:
        return False
    return progress.step == STARTING and progress.ending is None and progress.outcome is None


def hear(turn: Turn) -> tuple[Turn, tuple[Note, ...]]:
    """The turn after the comparison, where this look brings one, with a line of the ledger."""
    found = turn.observed.contract
    if found is None or turn.progress.contract is not None or turn.rollout.strategy.kind is Kind.UNDO:
        return turn, ()
    if found.standing is Standing.BREAKING and turn.rollout.accept_breaking:
        accepted = replace(found, accepted_by=turn.rollout.author)
        note = Note(turn.rollout.author, "accept-breaking", f"breaks the contract of stable: {found.why}")
        return turn.having(contract=accepted), (note,)
    turn = turn.having(contract=found)
    if found.standing is Standing.BREAKING:
        turn = endings.begin(turn, Outcome.ABORTED, refusal(turn.rollout, found))
    return turn, (Note(turn.author, "contract", f"{found.standing}: {found.why}"),)


def refusal(rollout: Rollout, contract: Contract) -> str:
    """Why nothing moves, in one line with the way out."""
    return f"r{rollout.candidate} breaks the contract of r{rollout.base}: {contract.why}; {WAY_OUT}"
