"""Rollouts as people ask for them: start, undo, retry, and actions to the rollout controller of a
running one."""

import uuid
from dataclasses import dataclass, replace

from tidegate.core import following, rules
from tidegate.core.agreement import TenantMode
from tidegate.core.errors import Problem, Remediation
from tidegate.core.guard import Guard
from tidegate.core.intent import EndpointKey, Intent, Model, Revision, Runtime
from tidegate.core.open_rollout import TOWARD_STABLE
from tidegate.core.precedence import (
    RolloutRunning,
    refuse_approval,
    refuse_pause,
    refuse_resume,
    refuse_start,
)
from tidegate.core.preflight import Request
from tidegate.core.rollout import ActionKind, Outcome, Rollout
from tidegate.core.rules import check_runtime
from tidegate.core.strategy import Kind, Strategy
from tidegate.deployment_service import (
    action_refusals,
    experiments,
    lookup,
    pace,
    specs,
    tenancy,
    toward_stable,
    warnings,
)
from tidegate.deployment_service.action_refusals import refusal
from tidegate.deployment_service.calls import Call, Reply
from tidegate.deployment_service.plans import check_copies, check_plan, forecast
from tidegate.deployment_service.preconditions import check_match
from tidegate.deployment_service.statuses import rates, urls
from tidegate.deployment_service.who_wins import Running, check, promotion
from tidegate.schemas.requests.endpoints import RuntimeConfig
from tidegate.schemas.requests.rollouts import Again, Answer, Ask, EvidenceIn, StartRollout
from tidegate.store import endpoints, intents, ledger, revisions, rollouts, trials
from tidegate.store.engine import ReadTx, Tx
from tidegate.store.ledger import Line
from tidegate.store.values import Busy, Endpoint, Finished
from tidegate.web.problems import invalid, refuse, refused

_UPWARD = frozenset({ActionKind.RESUME, ActionKind.APPROVE, ActionKind.PROMOTE})


@dataclass(frozen=True, slots=True)
class Candidate:
    """What is to be tried. number: of the revision that it already is, None: it will be made."""

    model: Model
    runtime: Runtime
    number: int | None


@dataclass(frozen=True, slots=True)
class Begun:
    """A rollout that was started; `queued` behind the one that it supersedes."""

    id: str
    candidate: int
    queued: bool
    warnings: tuple[str, ...]
    preflight: Request


def candidate_of(
    tx: ReadTx,
    key: EndpointKey,
    intent: Intent,
    *,
    model_id: str | None,
    version_id: str | None,
    revision: int | None,
    runtime_name: str | None = None,
    runtime_config: RuntimeConfig | None = None,
) -> Candidate:
    """The candidate that a body names. A version that was a revision before, with the same runtime,
    is that revision. Raises ApiError (422)."""
    if revision is not None:
        return existing(tx, key, revision)
    if version_id is None:
        raise refuse("/model_version_id", "missing", rules.NAME_CANDIDATE)
    stable = existing(tx, key, intent.stable)
    model = specs.model_of(tx, model_id or stable.model.model_id, version_id)
    runtime = stable.runtime
    if runtime_config is not None or runtime_name is not None:
        requested = specs.runtime_of(
            runtime_name or runtime.name, runtime_config or RuntimeConfig()
        )
        left_out = runtime_config is None or runtime_config.security is None
        # nothing is opened by silence
        if left_out:
            runtime = replace(requested, security=runtime.security)
        else:
            runtime = requested
    for stored in revisions.list_revisions(tx, key).items:
        if (stored.revision.model, stored.revision.runtime) == (model, runtime):
            return Candidate(model, runtime, stored.revision.number)
    return Candidate(model, runtime, None)


def existing(
    tx: ReadTx, key: EndpointKey, number: int | None, field: str = "/revision"
) -> Candidate:
    revision = None
    if number is not None:
        revision = revisions.get_revision(tx, key, number)
    if revision is None:
        raise refuse(
            field,
            f"there is no r{number} of {key}",
            Remediation(
                "list its revisions",
                f"GET /api/v1/endpoints/{key.namespace}/{key.name}/revisions",
                f"tidegate endpoint get {key.name} -n {key.namespace}",
            ),
        )
    return Candidate(revision.revision.model, revision.revision.runtime, revision.revision.number)


def start(
    tx: Tx,
    call: Call,
    endpoint: Endpoint,
    intent: Intent,
    candidate: Candidate,
    plan: Strategy,
    reason: str,
    *,
    supersede: bool = False,
    attempt: int = 1,
    guard: Guard | None = None,
    percent: int | None = None,
    accept_breaking: bool = False,
    run_id: str = "",
    action: str = "start",
) -> Begun:
    """Store a rollout of this candidate; the rollout controller starts it. percent: a person's,
    that comes with it. accept_breaking: of stable's contract. action: what the person calls it.
    Raises ApiError (409, 422)."""
    plan = pace.with_policy(tx, endpoint.key, plan)
    caps, messages = lookup.capabilities(tx, call.services.settings.worker_timeout)
    running = lookup.running(tx, endpoint.key)
    check(endpoint.key, refuse_start(running.open if running else None, supersede=supersede))
    back = _is_back(tx, endpoint.key, intent, candidate, plan)
    if not back:
        tenancy.check_named(tx, call, endpoint.key, candidate.model, candidate.runtime)
    number, author = candidate.number, call.principal.name
    if number is None:
        number = revisions.add_revision(
            tx, endpoint.key, candidate.model, candidate.runtime, author=author
        ).number
    hopeless, slow = forecast(plan, rates(endpoint.status), urls(endpoint.status))
    assert intent.stable is not None
    stable = existing(tx, endpoint.key, intent.stable).runtime
    problems = (*check_plan(plan, number, intent, caps), *hopeless)
    if not back or plan.kind is not Kind.UNDO:
        problems += (
            *specs.check_scheme(candidate.model, caps),
            *check_runtime(candidate.runtime, intent.mode, caps, stable),
            *check_copies(plan, caps, candidate.runtime.protocol),
        )
    if problems:
        raise invalid(problems)
    rollout = Rollout(
        str(uuid.uuid4()),
        plan,
        intent.stable,
        number,
        author,
        reason,
        attempt,
        guard,
        accept_breaking,
        run_id,
        trials.mode(tx, endpoint.key.namespace) is TenantMode.TRIAL and bool(plan.metrics),
    )
    match rollouts.start(tx, endpoint.key, rollout, supersede=supersede, action=action):
        case Busy(current):
            raise refusal(endpoint.key, RolloutRunning.of(current.rollout))
        case started:
            if candidate.number is None:
                messages += warnings.of_runtime(candidate.runtime, caps, stable)
            messages += slow
            asked_of = Request(
                intent, named(tx, endpoint.key, intent, number), replace(rollout, id=""), percent
            )
            return Begun(rollout.id, number, started.queued, tuple(messages), asked_of)


def _is_back(
    tx: ReadTx, key: EndpointKey, intent: Intent, candidate: Candidate, plan: Strategy
) -> bool:
    """Whether a rollout leads back to a revision that exists: one that is on standby runs, and an
    undo leads to one that has served. Checks for new revisions are not for these."""
    if candidate.number is None:
        return False
    if candidate.number in intent.standby:
        return True
    return plan.kind is Kind.UNDO and intents.was_stable(tx, key, candidate.number)


def named(tx: ReadTx, key: EndpointKey, intent: Intent, *more: int) -> tuple[Revision, ...]:
    """Every revision that an intent names, and these."""
    numbers = dict.fromkeys((*intent.desired, *more))
    stored_revisions = (revisions.get_revision(tx, key, number) for number in numbers)
    return tuple(stored.revision for stored in stored_revisions if stored is not None)


def begin(
    tx: Tx, call: Call, key: EndpointKey, body: StartRollout, plan: Strategy, *, supersede: bool
) -> Reply:
    """POST rollouts."""
    if body.revision is not None and (
        body.model_version_id or body.model_id or body.runtime or body.runtime_config
    ):
        raise refuse(
            "/revision",
            "a revision has its model and runtime",
            Remediation("leave those out, or leave the revision out"),
        )
    endpoint = lookup.locked(tx, key)
    check_match(call.if_match, endpoint.generation)
    intent = lookup.intent_of(tx, key)
    candidate = candidate_of(
        tx,
        key,
        intent,
        model_id=body.model_id,
        version_id=body.model_version_id,
        revision=body.revision,
        runtime_name=body.runtime,
        runtime_config=body.runtime_config,
    )
    guard = None
    if body.guard is not None:
        guard = Guard(body.guard.on_heartbeat_timeout, body.guard.heartbeat_timeout_seconds)
    plan, cannot = pace.from_rates(body, plan, rates(endpoint.status))
    begun = start(
        tx,
        call,
        endpoint,
        intent,
        candidate,
        plan,
        body.reason,
        supersede=supersede,
        guard=guard,
        accept_breaking=body.accept_breaking,
        run_id=body.run_id or "",
    )
    alias = warnings.of_alias(body.runtime, candidate.runtime) if body.runtime is not None else ()
    return started(tx, call, begun, "start", (*alias, *cannot))


def started(tx: Tx, call: Call, begun: Begun, action: str, cautions: tuple[str, ...] = ()) -> Reply:
    """The answer of what started a rollout, with what follows."""
    stored = lookup.rollout_by_id(tx, begun.id)
    follows = following.of_start(stored.key, stored.rollout, queued=begun.queued)
    accepting = lookup.accepted(action, follows)
    lines = dict.fromkeys((*cautions, *begun.warnings))
    rollout_change = lookup.changed_rollout(tx, stored, accepting, list(lines))
    if call.dry_run:
        # Nobody will ever find it under the one it had here
        rollout_change = rollout_change.model_copy(update={"id": ""})
    return Reply(
        202, rollout_change, location=f"/api/v1/rollouts/{begun.id}", preflight=begun.preflight
    )


def act(
    tx: Tx, call: Call, rollout_id: str, kind: ActionKind, body: Ask, *, force: bool = False
) -> Reply:
    """An action to the rollout controller of a running rollout. Upward ones respect If-Match; the
    others always work."""
    if kind in TOWARD_STABLE:
        ended = _ended_back(tx, call, rollout_id, kind, body)
        if ended is not None:
            return ended
    running, endpoint = _live(tx, call, rollout_id, back=kind not in _UPWARD)
    if kind in _UPWARD:
        check_match(call.if_match, endpoint.generation)
    step = None
    if isinstance(body, Answer):
        step = body.step
    kinds = _actions(tx, running, kind, force=force, step=step)
    cautions: tuple[str, ...] = ()
    if kind in TOWARD_STABLE:
        cautions = tuple(toward_stable.warnings(tx, endpoint, running.open, dry_run=call.dry_run))
    follows = _follows(tx, running, kind)
    for each in kinds:
        author = call.principal.name
        run_id = body.run_id or ""
        lookup.append_action(tx, running, each, author, body.reason, run_id, step=step)
    return accepted(tx, running, str(kind), follows, cautions)


def _actions(
    tx: ReadTx, running: Running, kind: ActionKind, *, force: bool, step: int | None
) -> tuple[ActionKind, ...]:
    """What an action asks of the controller. Raises ApiError (409, 422) where it is refused."""
    key = running.stored.key
    match kind:
        case ActionKind.PROMOTE:
            return promotion(running, force=force, step=step).actions
        case ActionKind.APPROVE:
            check(key, refuse_approval(running.open, step))
        case ActionKind.PAUSE:
            check(key, refuse_pause(running.open, lookup.intent_of(tx, key)))
        case ActionKind.RESUME:
            check(key, refuse_resume(running.open))
    return (kind,)


def _ended_back(tx: Tx, call: Call, rollout_id: str, kind: ActionKind, body: Ask) -> Reply | None:
    """The answer of an action toward stable where the rollout went there already: that is never
    refused. None where it runs, or was promoted. Also of a deleted endpoint, which `locked`
    refuses."""
    endpoints.lock(tx, lookup.rollout_by_id(tx, rollout_id).key)
    stored = lookup.rollout_by_id(tx, rollout_id)  # under the lock: it may end until then
    if stored.outcome is None or stored.outcome is Outcome.PROMOTED:
        return None
    message = f"the rollout has ended already ({stored.outcome})"
    return nothing_more(tx, call, rollout_id, str(kind), body.reason, message)


def nothing_more(
    tx: Tx, call: Call, rollout_id: str, action: str, reason: str, message: str
) -> Reply:
    """The answer where nothing is left to do for an action that is accepted, with its line in the
    ledger."""
    stored = lookup.rollout_by_id(tx, rollout_id)
    line = Line(call.principal.name, f"rollout.{action}", reason, {"rollout": rollout_id})
    ledger.append(tx, stored.endpoint_id, line)
    follows = f"nothing more is needed: {message}"
    rollout_change = lookup.changed_rollout(tx, stored, lookup.accepted(action, follows))
    return Reply(202, rollout_change, location=f"/api/v1/rollouts/{rollout_id}")


def _live(tx: Tx, call: Call, rollout_id: str, *, back: bool = False) -> tuple[Running, Endpoint]:
    rollout = lookup.rollout_by_id(tx, rollout_id)
    endpoint = lookup.locked(tx, rollout.key)
    rollout = lookup.rollout_by_id(tx, rollout_id)  # again, under the endpoint's lock
    if rollout.outcome is not None:
        outcome = rollout.outcome.value
        raise action_refusals.ended(rollout.key, rollout_id, outcome, back=back)
    return lookup.with_actions(tx, rollout), endpoint


def accepted(
    tx: Tx, running: Running, action: str, follows: str, cautions: tuple[str, ...] = ()
) -> Reply:
    """The answer of an action that was appended, as the person calls it, with what follows."""
    stored = running.stored
    accepting = lookup.accepted(action, follows)
    rollout_change = lookup.changed_rollout(tx, stored, accepting, cautions)
    return Reply(202, rollout_change, location=f"/api/v1/rollouts/{stored.rollout.id}")


def _follows(tx: ReadTx, running: Running, kind: ActionKind) -> str:
    stored = running.stored
    if kind not in TOWARD_STABLE:
        return following.of_action(kind, stored.rollout, stored.progress)
    opened = lookup.all_running(tx, stored.key)
    if opened[0].rollout.id != running.rollout.id:
        return following.of_waiting(running.rollout)
    intent = lookup.intent_of(tx, stored.key)
    assert intent.stable is not None
    after = running.open.stable_after(intent.stable)
    return following.of_end(after, queued_behind(opened))


def queued_behind(opened: tuple[Running, ...]) -> tuple[Rollout, ...]:
    """The rollouts that start after the one that acts, as far as nobody has ended them, too."""
    return tuple(each.rollout for each in opened[1:] if not each.open.going_back)


def retry(tx: Tx, call: Call, rollout_id: str, body: Again) -> Reply:
    """A new attempt of what did not get through, with fresh evidence. Who accepts a broken contract
    says so anew: the record is of this person."""
    old = lookup.rollout_by_id(tx, rollout_id)
    endpoint = lookup.locked(tx, old.key)
    check_match(call.if_match, endpoint.generation)
    if old.outcome is None or old.outcome is Outcome.PROMOTED:
        state = "was promoted"
        if old.outcome is None:
            state = "is still running"
        detail = (
            f"rollout {rollout_id} {state}: "
            "only one that was aborted, kept-stable or superseded can be tried again"
        )
        code = "promoted"
        if old.outcome is None:
            code = "not-ended"
        raise refused(409, code, Problem("rollout", detail, action_refusals.instead_of_retry(old)))
    candidate = existing(tx, old.key, old.rollout.candidate)
    intent = lookup.intent_of(tx, old.key)
    reason = body.reason or f"retry of {rollout_id}"
    plan = old.rollout.strategy
    attempt = old.rollout.attempt + 1
    accept = body.accept_breaking
    begun = start(
        tx,
        call,
        endpoint,
        intent,
        candidate,
        plan,
        reason,
        attempt=attempt,
        accept_breaking=accept,
        run_id=body.run_id or "",
        action="retry",
    )
    return started(tx, call, begun, "retry")


def heartbeat(tx: Tx, call: Call, rollout_id: str, *, release: bool) -> Reply:
    """A heartbeat of the pipeline that drives a rollout."""
    rollout = lookup.rollout_by_id(tx, rollout_id)
    match rollouts.heartbeat(tx, rollout_id, author=call.principal.name, release=release):
        case Finished(outcome):
            raise action_refusals.ended(rollout.key, rollout_id, outcome.value)
    accepting = lookup.accepted(
        "heartbeat", following.of_heartbeat(rollout.rollout, release=release)
    )
    return Reply(200, lookup.changed_rollout(tx, rollout, accepting))


def experiment(tx: Tx, call: Call, rollout_id: str, body: EvidenceIn) -> Reply:
    """POST evidence."""
    running, endpoint = _live(tx, call, rollout_id)
    return experiments.add(tx, call, running, endpoint, body)
