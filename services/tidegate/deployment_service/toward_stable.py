"""What a person is told who goes back to stable: that always works, and may not do what it seems
to."""

from collections.abc import Iterator

from tidegate.core import commands
from tidegate.core.open_rollout import OpenRollout
from tidegate.core.strategy import Kind
from tidegate.deployment_service import statuses
from tidegate.store.values import Endpoint


def warnings(endpoint: Endpoint, acting: OpenRollout) -> Iterator[str]:
    """Warnings about the end of a rollout toward its base."""
    rollout = acting.rollout
    if rollout.strategy.kind is Kind.UNDO:
        yield (
            f"this ends the undo to r{rollout.candidate}: r{rollout.base}, which it led away from, "
            "keeps all traffic"
        )
    yield from _dead_stable(endpoint, acting)


def _dead_stable(endpoint: Endpoint, acting: OpenRollout) -> Iterator[str]:
    rollout = acting.rollout
    lives = {live.revision: live for live in statuses.lives(endpoint.status)}
    base = lives.get(rollout.base)
    candidate = lives.get(rollout.candidate)
    if base is None or base.up:
        return
    failure = ""
    if base.failure:
        failure = f" ({base.failure})"
    warning = f"stable r{rollout.base} has no ready pod{failure}: nobody answers until it has one"
    command = commands.forward(endpoint.key, rollout, acting.progress)
    if command and candidate is not None and candidate.up:
        warning += f"; `{command}` goes forward to r{rollout.candidate} instead"
    yield warning
