"""The check of the model contract: its result is kept once, and a breaking one ends the rollout
before anything moved.

An undo is left out: what served before is wanted back, whatever it promises.
"""

from dataclasses import replace

from tidegate.core import endings
from tidegate.core.contract import Compatibility, Contract
from tidegate.core.known import RolloutState
from tidegate.core.observation import Observation
from tidegate.core.rollout import STARTING, Decision, Note, Outcome, Progress, Rollout, WaitsFor
from tidegate.core.turn import Turn

WAY_OUT = (
    "clients of stable would fail: give its model a name of its own, "
    "or accept it (accept_breaking, --accept-breaking)"
)


def asked(rollout: Rollout, progress: Progress) -> bool:
    """Whether the contract has yet to be compared: also where a person promotes before the
    candidate is ready."""
    if rollout.strategy.proven or progress.contract is not None:
        return False
    going = progress.end.toward in (None, Outcome.PROMOTED) and progress.outcome is None
    return going and progress.step.index == STARTING


def due(running: RolloutState | None, observation: Observation) -> Rollout | None:
    """The rollout whose contract is to be compared now: its candidate is up and gets nothing
    yet."""
    if running is None or not asked(running.rollout, running.progress):
        return None
    served = observation.traffic.served if observation.traffic else ()
    candidate = running.rollout.candidate
    if observation.up(candidate) and candidate not in served:
        return running.rollout
    return None


def hear(turn: Turn) -> tuple[Turn, tuple[Note, ...]]:
    """The turn after the comparison, where this reconcile brings one, with a line of the ledger."""
    contract = turn.checks.contract
    if contract is None or turn.progress.contract is not None or turn.rollout.strategy.proven:
        return turn, ()
    if contract.compatibility is Compatibility.BREAKING and turn.rollout.accept_breaking:
        accepted = replace(contract, accepted_by=turn.rollout.author)
        note = Note(
            turn.rollout.author,
            "accept-breaking",
            f"breaks the contract of stable: {contract.message}",
        )
        return turn.having(contract=accepted), (note,)
    turn = turn.having(contract=contract)
    if contract.compatibility is Compatibility.BREAKING:
        turn = endings.begin(turn, Outcome.ABORTED, refusal(turn.rollout, contract))
    return turn, (Note(turn.author, "contract", f"{contract.compatibility}: {contract.message}"),)


def follow(turn: Turn) -> Decision:
    """`endings.follow`; but a promotion that a person asked for before the comparison waits for it,
    without traffic and for as long as a candidate may take to get ready."""
    message = _awaits(turn)
    rollout = turn.rollout
    if not message:
        return endings.follow(turn)
    if rollout.candidate not in turn.intent.desired:
        return endings.stage(turn)
    limit = rollout.strategy.deadlines.ready
    if turn.overdue(WaitsFor.READY, limit):
        late = f"r{rollout.candidate} was not ready to be promoted within {limit:.0f} s: {message}"
        return endings.follow(endings.begin(turn, Outcome.ABORTED, late))
    return turn.waiting(WaitsFor.READY, f"r{rollout.candidate} is not promoted yet: {message}")


def _awaits(turn: Turn) -> str:
    """Why a promotion has to wait for the comparison, '' where it has not."""
    rollout = turn.rollout
    seen = turn.observation
    candidate = turn.rollout.candidate
    owed = turn.checks.compares and not rollout.accept_breaking and asked(rollout, turn.progress)
    if not seen.up(rollout.base):
        return ""  # nobody can compare, and going forward may be the repair
    # Too late to hold anything back
    served = seen.traffic is not None and candidate in seen.traffic.served
    if (
        not owed
        or served
        or turn.intent.stable != rollout.base
        or turn.progress.end.toward is not Outcome.PROMOTED
    ):
        return ""
    message = seen.failure(candidate)
    failure = ""
    if message:
        failure = f" ({message})"
    return turn.checks.uncompared or f"its contract is compared when it has a ready pod{failure}"


def refusal(rollout: Rollout, contract: Contract) -> str:
    """Why nothing moves, in one line with the way out."""
    return f"r{rollout.candidate} breaks the contract of r{rollout.base}: {contract.message}; {WAY_OUT}"
