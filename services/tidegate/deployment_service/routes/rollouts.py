"""Rollouts of an endpoint, one rollout, and what people ask of it."""

from typing import Annotated

from fastapi import APIRouter, Body, Query
from starlette.responses import Response

from tidegate.core.access import Role
from tidegate.core.agreement import TenantMode
from tidegate.core.intent import EndpointKey
from tidegate.core.rollout import ActionKind
from tidegate.core.strategy import Kind, Strategy, proves
from tidegate.deployment_service import lookup, rollout_changes, undoing
from tidegate.deployment_service.access import visible
from tidegate.deployment_service.calls import (
    IfMatch,
    PageSize,
    PageToken,
    ReadCall,
    WriteCall,
    mutate,
    respond,
)
from tidegate.deployment_service.plans import strategy_of
from tidegate.deployment_service.routes import READ, writes
from tidegate.deployment_service.routes.endpoints import Force, Supersede
from tidegate.schemas import responses as out
from tidegate.schemas.requests.fields import RunId, SubmissionId
from tidegate.schemas.requests.rollouts import (
    Again,
    Answer,
    Ask,
    EvidenceIn,
    HeartbeatIn,
    StartRollout,
    Undo,
)
from tidegate.store import intents, rollouts, trials

of_endpoint = APIRouter(prefix="/endpoints/{namespace}/{name}", tags=["rollouts"])
everywhere = APIRouter(prefix="/rollouts", tags=["rollouts"])
router = APIRouter(prefix="/rollouts/{rollout_id}", tags=["rollouts"])

Asked = Annotated[Ask, Body()]
Answered = Annotated[Answer, Body()]
NOTHING = Ask()
NO_STEP = Answer()


@of_endpoint.post("/rollouts", operation_id="startRollout", **writes(202, out.RolloutChange))
def start(
    call: WriteCall,
    namespace: str,
    name: str,
    body: StartRollout,
    supersede: Supersede = False,
    if_match: IfMatch = None,
) -> Response:
    """Start the rollout of a candidate. A dry run answers the plan, with the time each step about
    takes."""
    key, plan = EndpointKey(namespace, name), strategy_of(body, namespace)
    _check_proves(call, plan, namespace)
    return mutate(
        call,
        lambda tx: rollout_changes.begin(tx, call, key, body, plan, supersede=supersede),
        moves=True,
    )


@of_endpoint.get(
    "/rollouts", operation_id="listRollouts", response_model=out.RolloutsPage, responses=READ
)
def index(
    caller: ReadCall,
    namespace: str,
    name: str,
    page_token: PageToken,
    page_size: PageSize = 20,
    run_id: Annotated[
        RunId | None, Query(description="Only those that this pipeline run started or acted on.")
    ] = None,
    submission_id: Annotated[
        SubmissionId | None,
        Query(description="Only those of pipeline runs that this submission began."),
    ] = None,
) -> Response:
    """Rollouts of an endpoint, newest first."""
    key = EndpointKey(namespace, name)
    with caller.services.store.read() as tx:
        lookup.recorded(tx, key)
        page = rollouts.list_rollouts(
            tx,
            key,
            run_id=run_id,
            submission_id=submission_id,
            page_token=page_token,
            limit=page_size,
        )
        items = lookup.rollouts_out(tx, page.items)
    return respond(out.RolloutsPage(items=items, next_page_token=page.next_token))


@everywhere.get("", operation_id="listAllRollouts", response_model=out.RolloutsPage, responses=READ)
def index_all(
    caller: ReadCall,
    page_token: PageToken,
    page_size: PageSize = 20,
    namespace: Annotated[str | None, Query(description="Only this tenant.")] = None,
    running: Annotated[bool, Query(description="Only those that have not ended.")] = False,
) -> Response:
    """Rollouts of every endpoint in the namespaces that the caller may view, newest first."""
    namespaces = visible(caller, namespace)
    with caller.services.store.read() as tx:
        page = rollouts.list_all(
            tx, namespaces=namespaces, running=running, page_token=page_token, limit=page_size
        )
        items = lookup.rollouts_out(tx, page.items)
    return respond(out.RolloutsPage(items=items, next_page_token=page.next_token))


@of_endpoint.post("/undo", operation_id="undo", **writes(202, out.RolloutChange))
def go_back(
    call: WriteCall,
    namespace: str,
    name: str,
    body: Annotated[Undo, Body()] = Undo(),  # noqa: B008
) -> Response:
    """End the running rollout, or make an older revision stable again (default: the last one that
    served well). Without `to` it is refused while a rollback runs, and ten minutes after one."""
    key = EndpointKey(namespace, name)
    if body.to is not None:
        _check_proven(call, key, body.to)
    return mutate(call, lambda tx: undoing.go_back(tx, call, key, body))


@router.get("", operation_id="getRollout", response_model=out.RolloutOut, responses=READ)
def show(caller: ReadCall, rollout_id: str) -> Response:
    """One rollout: steps, verdicts, what it waits for, how it ended."""
    with caller.services.store.read() as tx:
        rollout = lookup.rollout_by_id(tx, rollout_id)
        return respond(lookup.rollout_out(tx, rollout))


@router.post("/pause", operation_id="pauseRollout", **writes(202, out.RolloutChange))
def pause(call: WriteCall, rollout_id: str, body: Asked = NOTHING) -> Response:
    """Stop upward moves; a failing candidate is still rolled back."""
    return _act(call, rollout_id, ActionKind.PAUSE, body)


@router.post("/resume", operation_id="resumeRollout", **writes(202, out.RolloutChange))
def resume(
    call: WriteCall, rollout_id: str, body: Asked = NOTHING, if_match: IfMatch = None
) -> Response:
    """End a pause or an override: the rollout controller goes on."""
    return _act(call, rollout_id, ActionKind.RESUME, body)


@router.post("/promote", operation_id="promoteRollout", **writes(202, out.RolloutChange))
def promote(
    call: WriteCall,
    rollout_id: str,
    body: Answered = NO_STEP,
    force: Force = False,
    if_match: IfMatch = None,
) -> Response:
    """Make the candidate stable: the answer where a step waits for one, which it names; else an
    override."""
    return _act(call, rollout_id, ActionKind.PROMOTE, body, force=force)


@router.post("/abort", operation_id="abortRollout", **writes(202, out.RolloutChange))
def abort(call: WriteCall, rollout_id: str, body: Asked = NOTHING) -> Response:
    """Back to stable. Always works, but for what was promoted: that is undone."""
    return _act(call, rollout_id, ActionKind.ABORT, body)


@router.post("/approve", operation_id="approveRollout", **writes(202, out.RolloutChange))
def approve(
    call: WriteCall, rollout_id: str, body: Answered = NO_STEP, if_match: IfMatch = None
) -> Response:
    """Say yes to the step that waits for a person, and name it: each step is approved once."""
    return _act(call, rollout_id, ActionKind.APPROVE, body)


@router.post("/reject", operation_id="rejectRollout", **writes(202, out.RolloutChange))
def reject(call: WriteCall, rollout_id: str, body: Asked = NOTHING) -> Response:
    """Say no: back to stable."""
    return _act(call, rollout_id, ActionKind.REJECT, body)


@router.post("/retry", operation_id="retryRollout", **writes(202, out.RolloutChange))
def retry(
    call: WriteCall,
    rollout_id: str,
    body: Annotated[Again, Body()] = Again(),  # noqa: B008
    if_match: IfMatch = None,
) -> Response:
    """A new attempt with fresh evidence, of a rollout that did not get through."""
    with call.services.store.read() as tx:
        old = lookup.rollout_by_id(tx, rollout_id)
    if old.rollout.strategy.kind is Kind.UNDO:
        _check_proven(call, old.key, old.rollout.candidate)
    else:
        _check_proves(call, old.rollout.strategy, old.key.namespace)
    moves = old.rollout.strategy.kind is not Kind.UNDO  # the way back waits for no preflight
    return mutate(call, lambda tx: rollout_changes.retry(tx, call, rollout_id, body), moves=moves)


@router.post("/heartbeat", operation_id="sendHeartbeat", **writes(200, out.RolloutChange))
def heartbeat(
    call: WriteCall,
    rollout_id: str,
    body: Annotated[HeartbeatIn, Body()] = HeartbeatIn(),  # noqa: B008
) -> Response:
    """A heartbeat of the pipeline that drives this rollout: see `guard`."""
    return mutate(
        call, lambda tx: rollout_changes.heartbeat(tx, call, rollout_id, release=body.release)
    )


@router.post("/evidence", operation_id="addEvidence", **writes(201, out.RolloutChange))
def evidence(call: WriteCall, rollout_id: str, body: EvidenceIn) -> Response:
    """Counts of your own experiment with an A/B, for one revision and interval. Both revisions over
    the same interval are judged once, where `metrics.experiment` was asked; the same counts again
    change nothing."""
    return mutate(call, lambda tx: rollout_changes.experiment(tx, call, rollout_id, body))


def _check_proves(call: WriteCall, plan: Strategy, namespace: str) -> None:
    """A plan that promotes by itself, with neither proof nor a person at its end, is its author's
    own promotion. In trial no verdict is a proof."""
    with call.services.store.read() as tx:
        trial = trials.mode(tx, namespace) is TenantMode.TRIAL
    if not proves(plan, trial=trial):
        call.demand(Role.APPROVER, namespace)


def _check_proven(call: WriteCall, key: EndpointKey, number: int) -> None:
    """Back to what has served is toward stable; to what never did is a promotion without judged
    steps."""
    with call.services.store.read() as tx:
        proven = intents.was_stable(tx, key, number)
    if not proven:
        call.demand(Role.APPROVER, key.namespace)


def _act(
    call: WriteCall, rollout_id: str, kind: ActionKind, body: Ask, *, force: bool = False
) -> Response:
    return mutate(
        call, lambda tx: rollout_changes.act(tx, call, rollout_id, kind, body, force=force)
    )
