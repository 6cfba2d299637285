"""What people change at an endpoint: make it, move its traffic, scale it, take it away. Each is one
transaction."""

from dataclasses import replace
from typing import Any, assert_never

from tidegate.core import following, rules
from tidegate.core.errors import Problem, Remediation
from tidegate.core.intent import NO_TRAFFIC, CandidateTraffic, EndpointKey, Intent
from tidegate.core.precedence import PROMOTE, Change, Lowering, Promotion, Raising
from tidegate.core.preflight import Request
from tidegate.core.rollout import ActionKind
from tidegate.core.strategy import manual
from tidegate.deployment_service import lookup, specs, tenancy, warnings
from tidegate.deployment_service.calls import Call, Reply
from tidegate.deployment_service.preconditions import check_match, etag, require_match
from tidegate.deployment_service.rollout_changes import (
    Begun,
    Candidate,
    candidate_of,
    named,
    start,
)
from tidegate.deployment_service.who_wins import Running, change_percent
from tidegate.schemas.requests.endpoints import NewEndpoint, PatchEndpoint
from tidegate.schemas.responses import AcceptedOut, EndpointChange
from tidegate.store import endpoints, intents, rollouts
from tidegate.store.engine import Tx
from tidegate.store.values import Appended, Endpoint, Exists
from tidegate.web.problems import ApiError, invalid, refuse, refused

_SET_CANARY = "set canary"  # as the CLI calls a PATCH that moves traffic


def path_of(key: EndpointKey) -> str:
    """Where an endpoint is found."""
    return f"/api/v1/endpoints/{key.namespace}/{key.name}"


def create(tx: Tx, call: Call, key: EndpointKey, body: NewEndpoint) -> Reply:
    """Make an endpoint with its first revision."""
    caps, messages = lookup.capabilities(tx, call.services.settings.worker_timeout)
    mode = body.mode or call.services.settings.default_mode
    model = specs.model_of(tx, body.model_id, body.model_version_id)
    runtime = specs.runtime_of(body.runtime, body.runtime_config)
    scaling = specs.scaling_of(body.autoscaling)
    specs.check_first(Intent(key, 1, mode, 1, scaling=scaling), model, runtime, caps)
    tenancy.check_named(tx, call, key, model, runtime, scaling)
    _check_leftovers(tx, endpoints.get(tx, key), mode.value)
    made = endpoints.create(
        tx,
        key,
        mode=mode,
        spec=body.model_dump(mode="json", exclude_unset=True),
        model=model,
        runtime=runtime,
        scaling=scaling,
        author=call.principal.name,
        message=body.reason or "created",
    )
    if isinstance(made, Exists):
        raise exists(key)
    messages += [
        *warnings.of_alias(body.runtime, runtime),
        *warnings.of_runtime(runtime, caps),
        *warnings.of_scaling(scaling, caps),
    ]
    accepted = lookup.accepted("create", following.of_create(made.revision.number))
    endpoint_change = lookup.changed_endpoint(tx, made.endpoint, accepted, messages)
    asked_of = Request(made.intent, (made.revision,))
    return Reply(201, endpoint_change, etag(made.endpoint.generation), path_of(key), asked_of)


def exists(key: EndpointKey) -> ApiError:
    """409 that says what to do instead."""
    remediation = Remediation(
        "start a rollout to bring a new version, or change the endpoint",
        f"POST {path_of(key)}/rollouts, or PATCH {path_of(key)}",
        f"tidegate rollout start {key.name} -n {key.namespace}",
    )
    return refused(409, "exists", Problem("/name", f"endpoint {key} exists", remediation))


def _check_leftovers(tx: Tx, old: Endpoint | None, mode: str) -> None:
    """A name may come back at once, but neither into a rollout that is still rolling back, whose
    abort would bring its old stable back, nor in the other mode while objects of the old one
    stand."""
    if old is None or old.deleted_at is None:
        return
    if rollouts.current(tx, old.key) is not None:
        raise _still_deleting(
            f"{old.key} is still being deleted: its rollout has not ended", "wait until it has"
        )
    if old.mode.value != mode and lookup.phase(old) != lookup.GONE:
        raise _still_deleting(
            f"{old.key} is still being deleted in {old.mode.value} mode",
            "wait until it is gone, or keep that mode",
        )


def _still_deleting(detail: str, text: str) -> ApiError:
    return refused(409, "still-deleting", Problem("/name", detail, Remediation(text)))


def patch(
    tx: Tx, call: Call, key: EndpointKey, body: PatchEndpoint, *, force: bool, supersede: bool
) -> Reply:
    """Scale, move traffic, or bring a version; all of it or nothing."""
    _check_patch(body)
    endpoint = lookup.locked(tx, key)
    caps, messages = lookup.capabilities(tx, call.services.settings.worker_timeout)
    intent, running = lookup.intent_of(tx, key), lookup.running(tx, key)
    new, message = intent, body.reason
    if body.autoscaling is not None:
        new = replace(new, scaling=specs.scaling_of(body.autoscaling, intent.scaling))
        tenancy.check_scaling(tx, call, key, new.scaling, intent.scaling)
        messages += warnings.of_scaling(new.scaling, caps, intent.scaling)
    result = _candidate(tx, call, key, body, intent)
    if result is not None and not _is_candidate(running, result):
        check_match(call.if_match, endpoint.generation)
        return _bring(tx, call, endpoint, (intent, new), body, result, supersede, messages)
    change = None
    if "canary_percent" in body.model_fields_set:
        change = change_percent(key, body.canary_percent, intent, running, force=force)
    _precondition(call, endpoint, change, scales=body.autoscaling is not None)
    percent = _percent(change)
    if percent is not None:
        candidate = running.rollout.candidate if running else intent.candidate
        if isinstance(change, Raising):
            _check_with_candidate(tx, call, intent, candidate)
        new = _at(new, candidate, replace(intent.candidate_traffic, percent=percent))
    called = _called(body, change)
    append(
        tx,
        call,
        endpoint,
        intent,
        new,
        message or _default_message(percent),
        _spec(endpoint, body),
        called=called,
    )
    for kind in change.actions if change else ():
        assert running is not None
        lookup.append_action(
            tx, running, kind, call.principal.name, message, called=_SET_CANARY.replace(" ", "-")
        )
    follows = _follows(key, body, new, change, running)
    reply = _reply(tx, key, 200, messages, lookup.accepted(called, follows))
    grows = new.scaling.min_replicas > intent.scaling.min_replicas
    if grows and not isinstance(change, Lowering):
        # More pods at once: is there capacity?
        return replace(reply, preflight=Request(new, named(tx, key, new)))
    return reply


def _check_patch(body: PatchEndpoint) -> None:
    fields = body.model_fields_set - {"reason", "accept_breaking"}
    if not fields:
        raise refuse(
            "/",
            "nothing to change",
            Remediation(
                "say what to change", "canary_percent, model_version_id, revision or autoscaling"
            ),
        )
    if body.model_version_id is not None and body.revision is not None:
        raise refuse(
            "/revision",
            "a revision and a version name two candidates",
            Remediation("leave one out"),
        )
    if body.model_id is not None and body.model_version_id is None:
        raise refuse(
            "/model_id", "names no version", Remediation("add one", "model_version_id", "--version")
        )
    brings = body.model_version_id is not None or body.revision is not None
    if body.accept_breaking and not brings:
        raise refuse("/accept_breaking", "belongs to a new candidate", rules.NAME_CANDIDATE)
    if not brings and fields <= {"model_id", "model_version_id", "revision"}:
        raise refuse("/", "null brings nothing", rules.NAME_CANDIDATE)
    if body.autoscaling is not None and not body.autoscaling.model_fields_set:
        raise refuse(
            "/autoscaling", "is empty", Remediation("send minReplicas, maxReplicas or keda")
        )


def _candidate(
    tx: Tx, call: Call, key: EndpointKey, body: PatchEndpoint, intent: Intent
) -> Candidate | None:
    if body.model_version_id is None and body.revision is None:
        return None
    return candidate_of(
        tx,
        key,
        intent,
        model_id=body.model_id,
        version_id=body.model_version_id,
        revision=body.revision,
    )


def _is_candidate(running: Running | None, candidate: Candidate) -> bool:
    return (
        running is not None
        and candidate.number is not None
        and running.rollout.candidate == candidate.number
    )


def _bring(
    tx: Tx,
    call: Call,
    endpoint: Endpoint,
    intent_and_new: tuple[Intent, Intent],
    body: PatchEndpoint,
    candidate: Candidate,
    supersede: bool,
    messages: list[str],
) -> Reply:
    """A new candidate: a guarded manual rollout, with the percent already asked for."""
    percent = body.canary_percent
    if "canary_percent" in body.model_fields_set and (percent is None or percent == PROMOTE):
        raise refuse(
            "/canary_percent",
            f"{'null' if percent is None else percent} would promote an unproven version, and "
            "nothing moves unguarded",
            Remediation("send 0 to 99, then promote"),
        )
    intent, new = intent_and_new
    called = _called(body, None)
    scaled = body.reason or "scaled"
    spec = _spec(endpoint, body)
    endpoint = append(tx, call, endpoint, intent, new, scaled, spec, called=called)
    started = start(
        tx,
        call,
        endpoint,
        new,
        candidate,
        manual(),
        body.reason,
        supersede=supersede,
        percent=percent or None,
        accept_breaking=body.accept_breaking,
    )
    messages = [*messages, *started.warnings]
    if percent and started.queued:
        messages.append(
            f"{percent} % waits: send it again when the rollout before this one has ended"
        )
    elif percent:
        with_candidate = _at(new, started.candidate, replace(NO_TRAFFIC, percent=percent))
        append(
            tx,
            call,
            endpoint,
            new,
            with_candidate,
            body.reason or f"r{started.candidate} at {percent} %",
            None,
            called=called,
        )
    accepting = lookup.accepted(called, _brought(tx, started, percent))
    made = _reply(tx, endpoint.key, 202, messages, accepting, f"/api/v1/rollouts/{started.id}")
    reply = replace(made, preflight=started.preflight)
    return _without_id(reply) if call.dry_run else reply


def _without_id(reply: Reply) -> Reply:
    """A dry run's rollout: nobody will ever find it under the id that it had here."""
    assert isinstance(reply.body, EndpointChange)
    rollout = reply.body.rollout
    new = None
    if rollout:
        new = rollout.model_copy(update={"id": ""})
    return replace(reply, body=reply.body.model_copy(update={"rollout": new}))


def _at(intent: Intent, candidate: int | None, candidate_traffic: CandidateTraffic) -> Intent:
    """The intent with this candidate there; one that was on standby is the candidate now."""
    standby = tuple(number for number in intent.standby if number != candidate)
    return replace(
        intent, candidate=candidate, candidate_traffic=candidate_traffic, standby=standby
    )


def _percent(change: Change | None) -> int | None:
    """The percent of the next intent; None where a change leaves it as it is, or the controller
    promotes."""
    match change:
        case Lowering(percent) | Raising(percent):
            return percent
        case Promotion() | None:
            return None
        case _:
            assert_never(change)


def _check_with_candidate(tx: Tx, call: Call, intent: Intent, candidate: int | None) -> None:
    """The tenant may still name what the candidate names. Raises ApiError (422)."""
    if candidate is None:
        return
    result = candidate_of(
        tx, intent.key, intent, model_id=None, version_id=None, revision=candidate
    )
    tenancy.check_named(tx, call, intent.key, result.model, result.runtime)


def _precondition(call: Call, endpoint: Endpoint, change: Change | None, *, scales: bool) -> None:
    """A stale If-Match does not matter toward stable: that always works."""
    match change:
        case Promotion():
            require_match(call.if_match, endpoint.generation, "promoting")
        case Lowering() if not scales:
            return
        case Lowering() | Raising() | None:
            check_match(call.if_match, endpoint.generation)
        case _:
            assert_never(change)


def append(
    tx: Tx,
    call: Call,
    endpoint: Endpoint,
    old: Intent,
    new: Intent,
    message: str,
    spec: dict[str, Any] | None,
    *,
    called: str,
) -> Endpoint:
    """Append an intent under the caller's name, if it says anything new; the endpoint afterwards.
    called: what the caller calls the change. Raises ApiError."""
    if replace(new, author=old.author, message=old.message) == old:
        return endpoint
    caps, _ = lookup.capabilities(tx, call.services.settings.worker_timeout)
    problems = rules.check(new, old, caps)
    if problems:
        raise invalid(problems)
    signed = replace(new, author=call.principal.name, message=message)
    done = intents.append_intent(tx, signed, endpoint.generation, called=called)
    assert isinstance(done, Appended)  # the endpoint's row is locked
    if spec is not None:
        endpoints.set_spec(tx, endpoint.key, spec)
    result = endpoints.get(tx, endpoint.key)
    assert result is not None
    return result


def _spec(endpoint: Endpoint, body: PatchEndpoint) -> dict[str, Any] | None:
    if body.autoscaling is None:
        return None
    changed = body.autoscaling.model_dump(exclude_unset=True)
    return {**endpoint.spec, "autoscaling": {**endpoint.spec.get("autoscaling", {}), **changed}}


def _called(body: PatchEndpoint, change: Change | None) -> str:
    """What the caller calls a PATCH."""
    brings = body.model_version_id is not None or body.revision is not None
    if change is not None or brings:
        return _SET_CANARY
    return "scale"


def _follows(
    key: EndpointKey,
    body: PatchEndpoint,
    new: Intent,
    change: Change | None,
    running: Running | None,
) -> str:
    """What follows a PATCH that brings nothing new."""
    lines = []
    if body.autoscaling is not None:
        lines.append(following.of_scaling(new.scaling))
    if change is not None:
        percent = PROMOTE
        if body.canary_percent is not None:
            percent = body.canary_percent
        if running is not None:
            lines.append(following.of_percent(key, percent, change, running.open))
        else:
            lines.append(f"{percent} % of the traffic goes to r{new.candidate}")
    return "; ".join(lines) or "nothing changes: it is the candidate already"


def _brought(tx: Tx, started: Begun, percent: int | None) -> str:
    """What follows a PATCH that brings a candidate."""
    stored = lookup.rollout_by_id(tx, started.id)
    follows = following.of_start(stored.key, stored.rollout, queued=started.queued)
    if percent and not started.queued:
        number = started.candidate
        return f"r{number} gets ready, then {percent} % of the traffic goes to it"
    return follows


def _default_message(percent: int | None) -> str:
    if percent is None:
        return "scaled"
    return f"{percent} %"


def delete(tx: Tx, call: Call, key: EndpointKey, reason: str) -> Reply:
    """Take an endpoint away: its rollout is aborted, then nothing is wanted any more."""
    endpoint = lookup.locked(tx, key)
    require_match(call.if_match, endpoint.generation, "deleting")
    intent = lookup.intent_of(tx, key)
    opened = lookup.all_running(tx, key)
    follows = following.of_delete([each.open for each in opened])
    for running in opened[:1]:
        message = reason or "the endpoint is deleted"
        lookup.append_action(
            tx, running, ActionKind.ABORT, call.principal.name, message, called="delete"
        )
    gone = replace(intent, stable=None, candidate=None, candidate_traffic=NO_TRAFFIC, standby=())
    append(tx, call, endpoint, intent, gone, reason or "deleted", None, called="delete")
    return _reply(tx, key, 202, [], lookup.accepted("delete", follows))


def _reply(
    tx: Tx,
    key: EndpointKey,
    status: int,
    messages: list[str],
    accepted: AcceptedOut,
    location: str | None = None,
) -> Reply:
    endpoint = endpoints.get(tx, key)
    assert endpoint is not None
    body = lookup.changed_endpoint(tx, endpoint, accepted, messages)
    return Reply(status, body, etag(endpoint.generation), location)
