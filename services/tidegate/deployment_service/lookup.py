"""Reading an endpoint as the service needs it: rows, intents and rollouts joined to answers."""

from collections.abc import Collection, Iterable, Sequence

from tidegate.core.errors import Problem, Remediation
from tidegate.core.intent import EndpointKey, Intent
from tidegate.core.near import hint
from tidegate.core.ports import Capabilities
from tidegate.core.rollout import Action, ActionKind
from tidegate.core.strategy import Kind
from tidegate.core.traffic import desired
from tidegate.deployment_service import action_refusals, revisions, statuses, views, watches
from tidegate.deployment_service.warnings import NO_WORKER
from tidegate.deployment_service.who_wins import Running
from tidegate.schemas import responses as out
from tidegate.store import endpoints, experiments, intents, rollouts, workers
from tidegate.store.engine import ReadTx, Tx
from tidegate.store.overview import Overview, current_intents, overviews, unheard
from tidegate.store.values import Endpoint, Finished, StoredRollout
from tidegate.web.problems import ApiError, refused

GONE = out.EndpointPhase.GONE  # once nothing of a deleted endpoint is left
FIND_ENDPOINT = Remediation(
    "list the endpoints, or make one",
    "GET /api/v1/endpoints, or POST there",
    "tidegate endpoint list, or tidegate endpoint create",
)
FIND_ROLLOUT = Remediation(
    "list the endpoint's rollouts",
    "GET /api/v1/endpoints/{namespace}/{name}/rollouts",
    "tidegate rollout list ENDPOINT",
)
SHORT_ID = 6  # characters of an id that are enough, where no other begins so
EVIDENCE = "evidence"  # the ledger's action for counts of the caller's own experiment


def not_found(
    what: str, name: str, remediation: Remediation, known: Iterable[str] = ()
) -> ApiError:
    """404 that says how to find what exists. known: names that the caller may see, of which near
    ones are suggested."""
    detail = f"there is no {what} {name[:200]!r}{hint(name, known)}"
    return refused(404, "not-found", Problem(what, detail, remediation))


def known(tx: ReadTx, key: EndpointKey) -> Endpoint:
    """An endpoint to look at; a deleted one as long as something of it is left."""
    endpoint = endpoints.get(tx, key)
    if endpoint is None or phase(endpoint) == GONE:
        raise no_endpoint(tx, key)
    return endpoint


def recorded(tx: ReadTx, key: EndpointKey) -> Endpoint:
    """An endpoint whose past is asked for: that of a deleted one stays."""
    endpoint = endpoints.get(tx, key)
    if endpoint is None:
        raise no_endpoint(tx, key)
    return endpoint


def locked(tx: Tx, key: EndpointKey) -> Endpoint:
    """An endpoint to change: nobody else does until this transaction ends."""
    endpoint = endpoints.lock(tx, key)
    if endpoint is None or endpoint.deleted_at is not None:
        raise no_endpoint(tx, key)
    return endpoint


def no_endpoint(tx: ReadTx, key: EndpointKey) -> ApiError:
    """404; the caller may view this namespace, so near names of it are suggested."""
    near = hint(key.name, endpoints.names(tx, key.namespace))
    problem = Problem("endpoint", f"there is no endpoint {str(key)[:200]!r}{near}", FIND_ENDPOINT)
    return refused(404, "not-found", problem)


def phase(endpoint: Endpoint) -> out.EndpointPhase:
    """The endpoint in one word: the worker's, `pending` before its first; `deleting`, then `gone`,
    after a DELETE."""
    word = statuses.phase(endpoint.status) or out.EndpointPhase.PENDING
    if endpoint.deleted_at is not None:
        if word is GONE:
            return GONE
        return out.EndpointPhase.DELETING
    last_life = word in (GONE, out.EndpointPhase.DELETING)  # before the name was made again
    if last_life:
        return out.EndpointPhase.PENDING
    return word


def intent_of(tx: ReadTx, key: EndpointKey) -> Intent:
    """The current intent of an endpoint that exists."""
    stored = intents.current_intent(tx, key)
    assert stored is not None
    return stored.intent


def running(tx: ReadTx, key: EndpointKey) -> Running | None:
    """The rollout that acts, with the actions its controller has not heard; None: none does."""
    stored = rollouts.current(tx, key)
    if not stored:
        return None
    return with_actions(tx, stored)


def all_running(tx: ReadTx, key: EndpointKey) -> tuple[Running, ...]:
    """Every rollout that has not ended, the acting one first."""
    return tuple(with_actions(tx, stored) for stored in rollouts.unfinished(tx, key))


def with_actions(tx: ReadTx, stored: StoredRollout) -> Running:
    """A rollout with the actions its controller has not heard."""
    return Running(stored, rollouts.actions(tx, stored.rollout.id, stored.progress.action))


def capabilities(tx: ReadTx, timeout: float) -> tuple[Capabilities, list[str]]:
    """What the cluster can do by the worker's last word, and a warning when no worker lives."""
    worker = workers.newest(tx)
    if worker is None or worker.age > timeout:
        return Capabilities(), [NO_WORKER]
    return worker.capabilities, []


def endpoint_out(tx: ReadTx, endpoint: Endpoint) -> out.EndpointOut:
    """An endpoint as answered."""
    return endpoints_out(tx, [endpoint])[0]


def changed_endpoint(
    tx: ReadTx, endpoint: Endpoint, accepted: out.AcceptedOut, warnings: Sequence[str] = ()
) -> out.EndpointChange:
    """An endpoint as a change answers it."""
    resource = endpoint_out(tx, endpoint)
    content = {**dict(resource), "warnings": list(warnings), "accepted": accepted}
    return out.EndpointChange.model_validate(content)


def endpoints_out(tx: ReadTx, results: Sequence[Endpoint]) -> list[out.EndpointOut]:
    """Endpoints as answered; the number of queries does not depend on how many."""
    return [_endpoint_out(whole) for whole in overviews(tx, results)]


def _endpoint_out(whole: Overview) -> out.EndpointOut:
    endpoint = whole.endpoint
    intent = whole.intent.intent
    stable, candidate = (
        _revision_out(whole, number) for number in (intent.stable, intent.candidate)
    )
    return out.EndpointOut(
        namespace=endpoint.key.namespace,
        name=endpoint.key.name,
        mode=intent.mode,
        generation=endpoint.generation,
        phase=phase(endpoint),
        message=statuses.message(endpoint.status),
        spec=_spec(endpoint, stable),
        canary_percent=None if intent.candidate is None else intent.candidate_traffic.percent,
        autoscaling=revisions.autoscaling(intent.scaling),
        stable=stable,
        candidate=candidate,
        standby=list(intent.standby),
        traffic=_traffic(intent, endpoint),
        urls=statuses.urls(endpoint.status),
        status=statuses.status(endpoint.status),
        author=intent.author,
        reason=intent.message,
        since=statuses.when(whole.intent.at),
        rollout=_acting(whole.rollout, intent, endpoint, whole.pending) if whole.rollout else None,
        watch=_watch(endpoint),
        created_at=statuses.when(endpoint.created_at),
        created_by=endpoint.created_by,
    )


def _watch(endpoint: Endpoint) -> out.WatchOut | None:
    watch = statuses.watch(endpoint.status)
    if watch is None:
        return None
    return watches.answered(watch)


def _traffic(intent: Intent, endpoint: Endpoint) -> out.BothTraffics:
    return out.BothTraffics(
        desired=statuses.traffic(desired(intent)),
        routed=statuses.traffic(statuses.routed_traffic(endpoint.status)),
    )


def _spec(endpoint: Endpoint, stable: out.RevisionOut | None) -> out.SpecOut:
    """The payload as accepted, with the model that is stable now."""
    served = {}
    if stable:
        served = {"model_id": stable.model_id, "model_version_id": stable.model_version_id}
    return out.SpecOut.model_validate({"name": endpoint.key.name, **endpoint.spec, **served})


def _revision_out(whole: Overview, number: int | None) -> out.RevisionOut | None:
    revision = None
    if number is not None:
        revision = whole.revisions.get(number)
    if not revision:
        return None
    return revisions.stored(revision)


def changed_rollout(
    tx: ReadTx,
    stored: StoredRollout,
    accepted: out.AcceptedOut,
    warnings: Sequence[str] = (),
) -> out.RolloutChange:
    """A rollout as a change answers it."""
    resource = rollout_out(tx, stored)
    content = {**dict(resource), "warnings": list(warnings), "accepted": accepted}
    return out.RolloutChange.model_validate(content)


def accepted(action: str, follows: str) -> out.AcceptedOut:
    """What was accepted, and what follows."""
    return out.AcceptedOut(action=action, follows=follows)


def rollout_out(tx: ReadTx, stored: StoredRollout) -> out.RolloutOut:
    """A rollout as answered, with the counts of its experiment where it is an A/B."""
    return rollouts_out(tx, [stored])[0]


def rollouts_out(tx: ReadTx, stored_rollouts: Sequence[StoredRollout]) -> list[out.RolloutOut]:
    """Rollouts as answered; the number of queries does not depend on how many."""
    ids = {stored.endpoint_id for stored in stored_rollouts}
    endpoint_of = endpoints.by_ids(tx, ids)
    intent_by_id = current_intents(tx, ids)
    running = [stored.rollout.id for stored in stored_rollouts if stored.outcome is None]
    compared = [
        stored.rollout.id for stored in stored_rollouts if stored.rollout.strategy.kind is Kind.AB
    ]
    pending = unheard(tx, running)
    counts = {}
    if compared:
        counts = experiments.sent_to(tx, compared)
    rows = []
    for stored in stored_rollouts:
        intent = intent_by_id[stored.endpoint_id]
        endpoint = endpoint_of[stored.endpoint_id]
        answer = _acting(stored, intent, endpoint, pending.get(stored.rollout.id, ()))
        sent = counts.get(stored.rollout.id, ())
        rows.append(answer.model_copy(update={"experiment": [_experiment(item) for item in sent]}))
    return rows


def _acting(
    stored: StoredRollout, intent: Intent, endpoint: Endpoint, pending: tuple[Action, ...]
) -> out.RolloutOut:
    rollout = views.rollout(stored, intent, endpoint.status)
    return rollout.model_copy(update={"pending": [action.kind for action in pending]})


def rollout_by_id(tx: ReadTx, rollout_id: str) -> StoredRollout:
    """A rollout by its whole id. Raises ApiError (404)."""
    rollout = rollouts.get(tx, rollout_id)
    if rollout is None:
        raise not_found("rollout", rollout_id, FIND_ROLLOUT)
    return rollout


def rollout_by_beginning(tx: ReadTx, beginning: str, namespaces: Collection[str]) -> StoredRollout:
    """The one rollout in these namespaces whose id begins so. Raises ApiError (404)."""
    stored_rollouts = rollouts.beginning(tx, beginning, namespaces)
    if len(stored_rollouts) == 1:
        return stored_rollouts[0]
    if stored_rollouts:
        ids = ", ".join(stored.rollout.id for stored in stored_rollouts)
        detail = f"{beginning[:80]!r} begins the ids of several rollouts: {ids}"
        problem = Problem("rollout_id", detail, Remediation("give more of the id"))
        raise refused(404, "ambiguous", problem)
    raise not_found("rollout", beginning, FIND_ROLLOUT)


def _experiment(sent: experiments.Sent) -> out.ExperimentOut:
    return out.ExperimentOut(
        revision=sent.counts.revision,
        successes=sent.counts.successes,
        units=sent.counts.units,
        interval_start=sent.counts.start,
        interval_end=sent.counts.end,
        author=sent.author,
        at=statuses.at(sent.at),
    )


def append_action(
    tx: Tx,
    request: Running,
    kind: ActionKind,
    author: str,
    reason: str,
    run_id: str = "",
    step: int | None = None,
    called: str = "",
) -> None:
    """Append an action, or 409 when the rollout has ended meanwhile. step: the number of the step
    that it answers. called: as the person calls it, where that is not its kind."""
    match rollouts.add_action(
        tx,
        request.rollout.id,
        kind,
        author=author,
        reason=reason,
        run_id=run_id,
        step=step,
        called=called,
    ):
        case Finished(outcome):
            raise action_refusals.ended(request.stored.key, request.rollout.id, outcome.value)
