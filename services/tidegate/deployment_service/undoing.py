"""POST undo: end what runs, or make an earlier revision stable again. It takes no If-Match."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import assert_never

from tidegate.core import commands, following
from tidegate.core.errors import Problem, Remediation
from tidegate.core.intent import EndpointKey, Intent
from tidegate.core.rollout import ActionKind
from tidegate.core.strategy import undo
from tidegate.core.undoing import (
    MOST_SUGGESTIONS,
    AlreadyRolledBack,
    AlreadyStable,
    Ended,
    EndRollouts,
    GoBack,
    JoinRollout,
    NothingToUndo,
    ResumeUndo,
    Served,
    Situation,
    UndoRefusal,
    decide_undo,
)
from tidegate.deployment_service import lookup, rollout_changes, toward_stable
from tidegate.deployment_service.calls import Call, Reply
from tidegate.deployment_service.views import ended_at
from tidegate.deployment_service.who_wins import Running
from tidegate.schemas.requests.rollouts import Undo
from tidegate.store import rollbacks
from tidegate.store.engine import ReadTx, Tx, clock
from tidegate.store.values import Endpoint
from tidegate.web.problems import ApiError, refused


def go_back(tx: Tx, call: Call, key: EndpointKey, body: Undo) -> Reply:
    """End the rollouts that run, or start one to an earlier revision. Raises ApiError."""
    endpoint = lookup.locked(tx, key)
    intent = lookup.intent_of(tx, key)
    if body.to is not None:
        rollout_changes.existing(tx, key, body.to, "/to")
    running = lookup.all_running(tx, key)
    result = decide_undo(body.to, _situation(tx, key, intent, running))
    if isinstance(result, UndoRefusal):
        raise refusal(key, result)
    match result:
        case EndRollouts(_, stable):
            return _end(tx, call, endpoint, running, stable, body)
        case JoinRollout(rollout, message):
            return rollout_changes.nothing_more(tx, call, rollout, "undo", body.reason, message)
        case ResumeUndo(rollout, cause):
            undo_that_rests = next(each for each in running if each.rollout.id == rollout)
            return _resume(tx, call, undo_that_rests, cause, body)
        case GoBack(number, base):
            if base is not None:
                intent = replace(intent, stable=base, standby=())
            cautions = toward_stable.of_undo(tx, endpoint, running, number)
            return _start(tx, call, endpoint, intent, number, body, tuple(cautions))
        case AlreadyStable():
            return _already_stable(tx, call, key, result, body)
        case _:
            assert_never(result)


def refusal(key: EndpointKey, result: UndoRefusal) -> ApiError:
    """Return 409 with what happened and what `to` may name."""
    if isinstance(result, NothingToUndo):
        return _nothing_to_undo(key, result)
    detail = f"{result.message}: r{result.stable} is stable"
    if result.queued:
        command = commands.abort_by_id(result.queued)
        detail += f"; rollout {result.queued} starts after it (`{command}` ends that one)"
    problem = Problem("/to", detail, _suggestions(key, result))
    if result.rests:
        problem = replace(problem, remediation=_let_go_on(key, result))
    return refused(409, "already-rolled-back", problem)


def _situation(
    tx: ReadTx, key: EndpointKey, intent: Intent, running: tuple[Running, ...]
) -> Situation:
    assert intent.stable is not None
    stored = rollbacks.newest_ended(tx, key)
    ended = None
    if stored is not None:
        seconds = clock(tx) - (ended_at(stored) or 0.0)
        ended = Ended(stored.rollout, stored.progress, seconds)
    opened = tuple(each.open for each in running)
    return Situation(intent.stable, opened, ended, rollbacks.stable_changes(tx, key))


def _end(
    tx: Tx,
    call: Call,
    endpoint: Endpoint,
    running: tuple[Running, ...],
    stable: int,
    body: Undo,
) -> Reply:
    """Everything that runs, or waits behind it, ends toward stable."""
    acting = running[0]
    warnings = tuple(toward_stable.warnings(tx, endpoint, acting.open, dry_run=call.dry_run))
    queued = rollout_changes.queued_behind(running)
    for each in running:
        author = call.principal.name
        lookup.append_action(tx, each, ActionKind.UNDO, author, body.reason, body.run_id or "")
    follows = following.of_ends(stable, acting.rollout, queued)
    return rollout_changes.accepted(tx, acting, "undo", follows, warnings)


def _resume(tx: Tx, call: Call, running: Running, cause: str, body: Undo) -> Reply:
    """The undo that was asked for before goes on."""
    author = call.principal.name
    run_id = body.run_id or ""
    lookup.append_action(tx, running, ActionKind.RESUME, author, body.reason, run_id, called="undo")
    follows = following.of_resumed_undo(running.rollout, cause)
    return rollout_changes.accepted(tx, running, "undo", follows)


def _start(
    tx: Tx,
    call: Call,
    endpoint: Endpoint,
    intent: Intent,
    number: int,
    body: Undo,
    cautions: tuple[str, ...],
) -> Reply:
    candidate = rollout_changes.existing(tx, endpoint.key, number, "/to")
    begun = rollout_changes.start(
        tx,
        call,
        endpoint,
        intent,
        candidate,
        undo(),
        body.reason or "undo",
        supersede=True,
        run_id=body.run_id or "",
        action="undo",
    )
    return rollout_changes.started(tx, call, begun, "undo", cautions)


def _already_stable(
    tx: Tx, call: Call, key: EndpointKey, result: AlreadyStable, body: Undo
) -> Reply:
    message = f"r{result.revision} is stable already, and no rollout runs"
    if result.rollout:
        return rollout_changes.nothing_more(tx, call, result.rollout, "undo", body.reason, message)
    remediation = _list_revisions(key, "leave it, or name another revision with --to")
    raise refused(409, "nothing-to-undo", Problem("/to", message, remediation))


def _nothing_to_undo(key: EndpointKey, result: NothingToUndo) -> ApiError:
    detail = f"no revision before r{result.stable} served well: there is nothing to go back to"
    if result.failing:
        left = ", ".join(f"r{number}" for number in result.failing[:MOST_SUGGESTIONS])
        detail = (
            f"no other revision served well than r{result.stable}, which is stable: "
            f"a rollback left {left}"
        )
    remediation = _list_revisions(key, "look at its revisions, then name one with --to")
    return refused(409, "nothing-to-undo", Problem("/to", detail, remediation))


def _suggestions(key: EndpointKey, result: AlreadyRolledBack) -> Remediation:
    served = result.served[:MOST_SUGGESTIONS]
    request = f"POST /api/v1/endpoints/{key.namespace}/{key.name}/undo"
    if not served:
        text = "leave it, or name a revision with --to: no other one served well"
        return _list_revisions(key, text)
    named = ", ".join(_when(each) for each in served)
    body = f'{{"to": {served[0].revision}}}'
    return Remediation(
        f"leave it, or name the revision: {named}",
        f"{request} {body}",
        commands.undo(key, served[0].revision),
    )


def _list_revisions(key: EndpointKey, text: str) -> Remediation:
    path = f"/api/v1/endpoints/{key.namespace}/{key.name}/revisions"
    return Remediation(text, f"GET {path}", f"tidegate endpoint get {key}")


def _let_go_on(key: EndpointKey, result: AlreadyRolledBack) -> Remediation:
    """An undo rests: the person who wants to go back wants it to go on."""
    suggested = ", ".join(_when(each) for each in result.served[:MOST_SUGGESTIONS])
    text = "let it go on"
    if suggested:
        text = f"let it go on, or name another revision: {suggested}"
    request = f"POST /api/v1/rollouts/{result.rests}/resume"
    return Remediation(text, request, commands.resume(key))


def _when(served: Served) -> str:
    until = datetime.fromtimestamp(served.until, UTC)
    return f"r{served.revision} (stable until {until:%H:%M} UTC)"
