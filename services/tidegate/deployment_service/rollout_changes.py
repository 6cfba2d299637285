"""Rollouts as people ask for them: start, undo, retry, and actions to the rollout controller of a
running one."""

import uuid
from dataclasses import dataclass, replace

from tidegate.core import rules
from tidegate.core.errors import Problem, Remediation
from tidegate.core.guard import Guard
from tidegate.core.intent import EndpointKey, Intent, Model, Revision, Runtime
from tidegate.core.precedence import RolloutRunning, refuse_approval, refuse_start
from tidegate.core.preflight import Request
from tidegate.core.rollout import ActionKind, Outcome, Rollout
from tidegate.core.rules import check_runtime
from tidegate.core.strategy import Strategy, undo
from tidegate.deployment_service import experiments, lookup, specs, tenancy, warnings
from tidegate.deployment_service.calls import Call, Reply
from tidegate.deployment_service.plans import check_copies, check_plan, forecast
from tidegate.deployment_service.preconditions import check_match
from tidegate.deployment_service.statuses import rate
from tidegate.deployment_service.who_wins import Running, check, promotion, refusal
from tidegate.schemas.requests.endpoints import RuntimeConfig
from tidegate.schemas.requests.rollouts import Again, Ask, EvidenceIn, StartRollout, Undo
from tidegate.store import intents, revisions, rollouts
from tidegate.store.engine import ReadTx, Tx
from tidegate.store.values import Busy, Endpoint, Finished, StoredRollout
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
        return _existing(tx, key, revision)
    if version_id is None:
        raise refuse("/model_version_id", "missing", rules.NAME_CANDIDATE)
    stable = _existing(tx, key, intent.stable)
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


def _existing(
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
) -> Begun:
    """Store a rollout of this candidate; the rollout controller starts it. percent: a person's,
    that comes with it. accept_breaking: of stable's contract. Raises ApiError (409, 422)."""
    caps, messages = lookup.capabilities(tx, call.services.settings.worker_timeout)
    running = lookup.running(tx, endpoint.key)
    check(refuse_start(running.open if running else None, supersede=supersede))
    # What is on standby runs: going back to it is open
    if candidate.number is None or candidate.number not in intent.standby:
        tenancy.check_named(tx, call, endpoint.key, candidate.model, candidate.runtime)
    number, author = candidate.number, call.principal.name
    if number is None:
        number = revisions.add_revision(
            tx, endpoint.key, candidate.model, candidate.runtime, author=author
        ).number
    hopeless, slow = forecast(plan, rate(endpoint.status))
    assert intent.stable is not None
    stable = _existing(tx, endpoint.key, intent.stable).runtime
    problems = (
        *check_plan(plan, number, intent, caps),
        *specs.check_scheme(candidate.model, caps),
        *check_runtime(candidate.runtime, intent.mode, caps, stable),
        *check_copies(plan, caps, candidate.runtime.protocol),
        *hopeless,
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
    )
    match rollouts.start(tx, endpoint.key, rollout, supersede=supersede):
        case Busy(current):
            raise refusal(RolloutRunning.of(current.rollout))
        case started:
            if candidate.number is None:
                messages += warnings.of_runtime(candidate.runtime, caps, stable)
            messages += slow
            asked_of = Request(
                intent, named(tx, endpoint.key, intent, number), replace(rollout, id=""), percent
            )
            return Begun(rollout.id, number, started.queued, tuple(messages), asked_of)


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
    return _started(tx, call, begun, tuple(alias))


def _started(tx: Tx, call: Call, begun: Begun, messages: tuple[str, ...] = ()) -> Reply:
    rollout_change = lookup.changed_rollout(
        tx, lookup.rollout_by_id(tx, begun.id), [*messages, *begun.warnings]
    )
    if call.dry_run:
        # Nobody will ever find it under the one it had here
        rollout_change = rollout_change.model_copy(update={"id": ""})
    return Reply(
        202, rollout_change, location=f"/api/v1/rollouts/{begun.id}", preflight=begun.preflight
    )


def go_back(tx: Tx, call: Call, key: EndpointKey, body: Undo) -> Reply:
    """POST undo: end the running rollout, or make an older revision stable again. Toward stable: no
    If-Match."""
    endpoint = lookup.locked(tx, key)
    intent = lookup.intent_of(tx, key)
    running = lookup.running(tx, key)
    if running is not None and body.to in (None, running.rollout.base):
        lookup.append_action(
            tx,
            running,
            ActionKind.ABORT,
            call.principal.name,
            body.reason or "undo",
            body.run_id or "",
        )
        return _pending(tx, running.stored)
    if body.to is not None:
        number = body.to
    else:
        number = _previous_stable(tx, key, intent)
    if number == intent.stable:
        raise refuse("/to", f"r{number} already is stable", Remediation("name another revision"))
    candidate = _existing(tx, key, number, "/to")
    reason = body.reason or "undo"
    run_id = body.run_id or ""
    begun = start(
        tx, call, endpoint, intent, candidate, undo(), reason, supersede=True, run_id=run_id
    )
    return _started(tx, call, begun)


def _previous_stable(tx: ReadTx, key: EndpointKey, intent: Intent) -> int:
    token: str | None = None
    while True:
        page = intents.history(tx, key, page_token=token)
        for stored in page.items:
            if stored.intent.stable is None:
                break  # it was deleted then: what served before is not what "undo" means
            if stored.intent.stable != intent.stable:
                return stored.intent.stable
        else:
            token = page.next_token
            if token is not None:
                continue
        detail = f"r{intent.stable} is the first that served: there is nothing to go back to"
        remediation = Remediation("name a revision", "'to'", "--to")
        raise refused(409, "nothing-to-undo", Problem("/to", detail, remediation))


def act(
    tx: Tx, call: Call, rollout_id: str, kind: ActionKind, body: Ask, *, force: bool = False
) -> Reply:
    """An action to the rollout controller of a running rollout. Upward ones respect If-Match; the
    others always work."""
    running, endpoint = _live(tx, call, rollout_id)
    if kind in _UPWARD:
        check_match(call.if_match, endpoint.generation)
    kinds: tuple[ActionKind, ...] = (kind,)
    if kind is ActionKind.PROMOTE:
        kinds = promotion(running, force=force).actions
    if kind is ActionKind.APPROVE:
        check(refuse_approval(running.open))
    for each in kinds:
        lookup.append_action(tx, running, each, call.principal.name, body.reason, body.run_id or "")
    return _pending(tx, running.stored)


def _live(tx: Tx, call: Call, rollout_id: str) -> tuple[Running, Endpoint]:
    rollout = lookup.rollout_by_id(tx, rollout_id)
    endpoint = lookup.locked(tx, rollout.key)
    rollout = lookup.rollout_by_id(tx, rollout_id)  # again, under the endpoint's lock
    if rollout.outcome is not None:
        raise lookup.ended(rollout, rollout.outcome.value)
    return lookup.with_actions(tx, rollout), endpoint


def _pending(tx: Tx, stored: StoredRollout) -> Reply:
    return Reply(
        202, lookup.changed_rollout(tx, stored), location=f"/api/v1/rollouts/{stored.rollout.id}"
    )


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
        raise refused(409, code, Problem("rollout", detail, Remediation("start another rollout")))
    candidate = _existing(tx, old.key, old.rollout.candidate)
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
    )
    return _started(tx, call, begun)


def heartbeat(tx: Tx, call: Call, rollout_id: str, *, release: bool) -> Reply:
    """A heartbeat of the pipeline that drives a rollout."""
    rollout = lookup.rollout_by_id(tx, rollout_id)
    match rollouts.heartbeat(tx, rollout_id, author=call.principal.name, release=release):
        case Finished(outcome):
            raise lookup.ended(rollout, outcome.value)
    return Reply(200, lookup.changed_rollout(tx, rollout))


def experiment(tx: Tx, call: Call, rollout_id: str, body: EvidenceIn) -> Reply:
    """POST evidence."""
    running, endpoint = _live(tx, call, rollout_id)
    return experiments.add(tx, call, running, endpoint, body)
