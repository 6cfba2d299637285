"""What a person is told who goes back to stable: that always works, and may not do what it seems
to."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from tidegate.core import commands
from tidegate.core.intent import EndpointKey
from tidegate.core.observation import Live
from tidegate.core.open_rollout import OpenRollout
from tidegate.core.strategy import Kind
from tidegate.core.undoing import last_left
from tidegate.deployment_service import statuses
from tidegate.deployment_service.who_wins import Running
from tidegate.store import intents, rollbacks
from tidegate.store.engine import ReadTx
from tidegate.store.values import Endpoint


def warnings(
    tx: ReadTx, endpoint: Endpoint, acting: OpenRollout, *, dry_run: bool
) -> Iterator[str]:
    """Warnings about the end of a rollout toward its base. acting: as it was before. dry_run: it
    does not end, and still takes a promotion."""
    rollout = acting.rollout
    if rollout.strategy.kind is Kind.UNDO:
        yield (
            f"this ends the undo to r{rollout.candidate}: r{rollout.base}, which it led away from, "
            "keeps all traffic"
        )
    yield from _of_dead_stable(tx, endpoint, acting, dry_run=dry_run)


def of_undo(
    tx: ReadTx, endpoint: Endpoint, running: Sequence[Running], number: int
) -> Iterator[str]:
    """Warnings about an undo that starts. running: what it supersedes. number: where it leads."""
    left = last_left(rollbacks.stable_changes(tx, endpoint.key), number)
    if left is not None and left.rollback:
        at = datetime.fromtimestamp(left.at, UTC)
        yield f"a rollback left r{number} at {at:%H:%M} UTC: it may fail again"
    if not intents.was_stable(tx, endpoint.key, number):
        yield f"r{number} was never stable: it gets all traffic without judged steps"
    if not running or running[0].open.going_back:
        return
    acting = running[0].open
    command = commands.forward(endpoint.key, acting.rollout, acting.progress)
    if acting.rollout.candidate == number and command:
        yield (
            f"r{number} loses its traffic first, with the rollout that tries it: `{command}` "
            "gives it all traffic at once"
        )
    if not acting.rollout.strategy.urgent:
        yield from _of_dead_stable(tx, endpoint, acting, dry_run=False)


def _of_dead_stable(
    tx: ReadTx, endpoint: Endpoint, acting: OpenRollout, *, dry_run: bool
) -> Iterator[str]:
    rollout = acting.rollout
    lives = {live.revision: live for live in statuses.lives(endpoint.status)}
    base = lives.get(rollout.base)
    if base is None or base.up:
        return
    warning = _dead_stable(base)
    candidate = lives.get(rollout.candidate)
    if candidate is not None and candidate.up:
        warning += f"; {_way_forward(tx, endpoint.key, acting, dry_run=dry_run)}"
    yield warning


def _dead_stable(base: Live) -> str:
    failure = ""
    if base.trouble.failure:
        failure = f" ({base.trouble.failure})"
    return f"stable r{base.revision} has no ready pod{failure}: nobody answers until it has one"


def _way_forward(tx: ReadTx, key: EndpointKey, acting: OpenRollout, *, dry_run: bool) -> str:
    """What leads to the candidate. A rollout that goes back takes no promotion any more."""
    number = acting.rollout.candidate
    command = commands.forward(key, acting.rollout, acting.progress)
    if dry_run and command and not acting.leaving:
        return f"`{command}` goes forward to r{number} instead"
    if intents.was_stable(tx, key, number):
        return f"`{commands.undo(key, number)}` gives r{number} all traffic after it"
    return f"`{commands.start_over(key, number)}` begins with r{number} anew after it"
