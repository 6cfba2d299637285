"""Reading an endpoint as the service needs it: rows, intents and rollouts joined to answers."""

from collections.abc import Sequence

from tidegate.core.errors import Problem
from tidegate.core.intent import EndpointKey, Intent
from tidegate.core.ports import Capabilities
from tidegate.core.rollout import Wish, WishKind
from tidegate.core.strategy import Kind
from tidegate.core.traffic import wanted
from tidegate.deployment_service import answers as out
from tidegate.deployment_service import views
from tidegate.deployment_service.warnings import NO_WORKER
from tidegate.deployment_service.who_wins import Running
from tidegate.store import endpoints, experiments, intents, rollouts, workers
from tidegate.store.engine import ReadTx, Tx
from tidegate.store.overview import Overview, overviews
from tidegate.store.values import Endpoint, Finished, StoredRollout
from tidegate.web.problems import ApiError

PENDING, DELETING = "pending", "deleting"
GONE = "gone"  # the worker's `phase` once nothing of a deleted endpoint is left
EVIDENCE = "evidence"  # the ledger's action for counts of the caller's own experiment


def not_found(what: str, name: str, way_out: str) -> ApiError:
    """404 that says how to find what exists."""
    return ApiError(404, "not-found", f"there is no {what} {name[:200]!r}: {way_out}")


def known(tx: ReadTx, key: EndpointKey) -> Endpoint:
    """An endpoint to look at; a deleted one as long as something of it is left."""
    found = endpoints.get(tx, key)
    if found is None or phase(found) == GONE:
        raise _no_endpoint(key)
    return found


def locked(tx: Tx, key: EndpointKey) -> Endpoint:
    """An endpoint to change: nobody else does until this transaction ends."""
    found = endpoints.lock(tx, key)
    if found is None or found.deleted_at is not None:
        raise _no_endpoint(key)
    return found


def _no_endpoint(key: EndpointKey) -> ApiError:
    return not_found("endpoint", str(key), "GET /api/v1/endpoints lists them, POST there makes one")


def phase(endpoint: Endpoint) -> str:
    """How it stands in a word: the worker's, `pending` before its first; `deleting`, then `gone`, after a DELETE."""
    said = str(endpoint.status.get("phase") or PENDING)
    if endpoint.deleted_at is not None:
        return GONE if said == GONE else DELETING
    return PENDING if said in (GONE, DELETING) else said  # its last life's word, before the name was made again


def intent_of(tx: ReadTx, key: EndpointKey) -> Intent:
    """The current intent of an endpoint that exists."""
    stored = intents.current_intent(tx, key)
    assert stored is not None
    return stored.intent


def running(tx: ReadTx, key: EndpointKey) -> Running | None:
    """The rollout that acts, with the wishes its pilot has not heard; None: none does."""
    stored = rollouts.current(tx, key)
    return with_wishes(tx, stored) if stored else None


def with_wishes(tx: ReadTx, stored: StoredRollout) -> Running:
    """A rollout with the wishes its pilot has not heard."""
    return Running(stored, rollouts.wishes(tx, stored.rollout.id, stored.progress.wish))


def capabilities(tx: ReadTx, timeout: float) -> tuple[Capabilities, list[str]]:
    """What the cluster can do by the worker's last word, and a warning when no worker lives."""
    worker = workers.newest(tx)
    if worker is None or worker.age > timeout:
        return Capabilities(), [NO_WORKER]
    return worker.capabilities, []


def endpoint_out(tx: ReadTx, endpoint: Endpoint, warnings: list[str] | None = None) -> out.EndpointOut:
    """An endpoint as answered."""
    return endpoints_out(tx, [endpoint])[0].model_copy(update={"warnings": warnings or []})


def endpoints_out(tx: ReadTx, found: Sequence[Endpoint]) -> list[out.EndpointOut]:
    """Endpoints as answered; the number of queries does not depend on how many."""
    return [_endpoint_out(whole) for whole in overviews(tx, found)]


def _endpoint_out(whole: Overview) -> out.EndpointOut:
    endpoint, intent = whole.endpoint, whole.intent.intent
    stable, candidate = (_revision_out(whole, number) for number in (intent.stable, intent.candidate))
    served = {"model_id": stable.model_id, "model_version_id": stable.model_version_id} if stable else {}
    observed = views.observed_traffic(endpoint.status)
    return out.EndpointOut(
        namespace=endpoint.key.namespace,
        name=endpoint.key.name,
        mode=intent.mode,
        generation=endpoint.generation,
        phase=phase(endpoint),
        message=str(endpoint.status.get("message") or ""),
        spec={**endpoint.spec, **served},
        scaling=views.scaling(intent.scaling),
        stable=stable,
        candidate=candidate,
        keep=list(intent.keep),
        traffic=out.BothTraffics(desired=views.traffic(wanted(intent)), observed=views.traffic(observed)),
        urls=views.urls(endpoint.status),
        status=dict(endpoint.status),
        author=intent.author,
        reason=intent.why,
        since=views.when(whole.intent.at),
        rollout=_acting(whole.rollout, intent, endpoint, whole.pending) if whole.rollout else None,
        created_at=views.when(endpoint.created_at),
        created_by=endpoint.created_by,
    )


def _revision_out(whole: Overview, number: int | None) -> out.RevisionOut | None:
    found = whole.revisions.get(number) if number is not None else None
    return views.revision(found.revision, found.created_at, found.created_by) if found else None


def rollout_out(tx: ReadTx, stored: StoredRollout, warnings: list[str] | None = None) -> out.RolloutOut:
    """A rollout as answered, with the counts of its experiment where it is an A/B."""
    endpoint = endpoints.get(tx, stored.key)
    assert endpoint is not None
    shown = _shown(tx, stored, intent_of(tx, stored.key), endpoint)
    counts = _experiment(tx, stored.rollout.id) if stored.rollout.strategy.kind is Kind.AB else []
    return shown.model_copy(update={"warnings": warnings or [], "experiment": counts})


def _shown(tx: ReadTx, stored: StoredRollout, intent: Intent, endpoint: Endpoint) -> out.RolloutOut:
    pending = with_wishes(tx, stored).pending if stored.outcome is None else ()
    return _acting(stored, intent, endpoint, pending)


def _acting(stored: StoredRollout, intent: Intent, endpoint: Endpoint, pending: tuple[Wish, ...]) -> out.RolloutOut:
    shown = views.rollout(stored, intent, endpoint.status)
    return shown.model_copy(update={"pending": [wish.kind for wish in pending]})


def rollout_by_id(tx: ReadTx, rollout_id: str) -> StoredRollout:
    """A rollout, or 404."""
    found = rollouts.get(tx, rollout_id)
    if found is None:
        raise not_found("rollout", rollout_id, "GET /api/v1/endpoints/{namespace}/{name}/rollouts lists them")
    return found


def _experiment(tx: ReadTx, rollout_id: str) -> list[out.ExperimentOut]:
    return [
        out.ExperimentOut(
            revision=one.counts.revision,
            successes=one.counts.successes,
            units=one.counts.units,
            interval_start=one.counts.start,
            interval_end=one.counts.end,
            author=one.author,
            at=views.when(one.at),
        )
        for one in experiments.sent(tx, rollout_id)
    ]


def wish(tx: Tx, asked: Running, kind: WishKind, author: str, why: str) -> None:
    """Append a wish, or 409 when the rollout has ended meanwhile."""
    match rollouts.add_wish(tx, asked.rollout.id, kind, author=author, why=why):
        case Finished(outcome):
            raise ended(asked.stored, outcome.value)


def ended(stored: StoredRollout, outcome: str) -> ApiError:
    """409: what has ended takes no more wishes."""
    detail = (
        f"rollout {stored.rollout.id} has ended ({outcome}): undo goes back to an older revision, retry makes a new "
        "attempt of what did not get through"
    )
    return ApiError(409, "rollout-ended", detail, (Problem("rollout", detail),))
