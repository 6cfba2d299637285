"""An InferenceService of somebody else becomes an endpoint: the worker looks, one transaction
stores."""

from dataclasses import replace

from tidegate.core import following, rules
from tidegate.core.adopting import Found
from tidegate.core.errors import Problem, Remediation
from tidegate.core.intent import EndpointKey, Intent, Mode, Revision
from tidegate.core.preflight import Request
from tidegate.core.shown_address import shown_address
from tidegate.deployment_service import lookup, specs, tenancy, warnings
from tidegate.deployment_service.calls import Call, Reply
from tidegate.deployment_service.endpoint_changes import exists, path_of
from tidegate.deployment_service.preconditions import etag
from tidegate.schemas.requests.endpoints import AdoptEndpoint
from tidegate.store import endpoints, models
from tidegate.store.engine import ReadTx, Tx
from tidegate.store.values import Exists
from tidegate.web.problems import ApiError, invalid, refuse, refused

_NAMED = 5  # of its labels and annotations, in a warning


def check_new(tx: ReadTx, key: EndpointKey) -> None:
    """409 where the name serves already: what lies in the cluster is Tidegate's then, and nobody
    needs to look."""
    endpoint = endpoints.get(tx, key)
    if endpoint is not None and endpoint.deleted_at is None:
        raise exists(key)


def adopt(tx: Tx, call: Call, key: EndpointKey, body: AdoptEndpoint, existing: Found) -> Reply:
    """Make an endpoint whose r0 is what was found."""
    problems = rules.check_name(key.name)
    if problems:
        raise invalid(problems)
    tenancy.check_adopted(tx, call, key, existing)
    caps, messages = lookup.capabilities(tx, call.services.settings.worker_timeout)
    existing = _named(tx, existing, body.model_id)
    problems = rules.check(Intent(key, 1, existing.mode, 0, scaling=existing.scaling), None, caps)
    if problems:
        raise invalid(problems)
    made = endpoints.adopt(
        tx,
        key,
        existing,
        spec={"name": key.name, "namespace": key.namespace, "adopted": True},
        author=call.principal.name,
        message=body.reason or "adopted",
    )
    if isinstance(made, Exists):
        raise exists(key)
    if isinstance(made, Revision):
        raise _another(key)
    messages += [
        *_addresses(key, existing),
        *_unshared(key, existing),
        *warnings.of_scaling(existing.scaling, caps),
    ]
    accepted = lookup.accepted("adopt", following.ADOPT)
    endpoint_change = lookup.changed_endpoint(tx, made.endpoint, accepted, messages)
    return Reply(
        201,
        endpoint_change,
        etag(made.endpoint.generation),
        path_of(key),
        Request(made.intent, (made.revision,)),
    )


def _named(tx: Tx, existing: Found, model_id: str | None) -> Found:
    """With the model whose versions come next."""
    if model_id is None:
        return existing
    if models.get_model(tx, model_id) is None:
        raise refuse("/model_id", f"there is no model {model_id!r}", specs.REGISTER_MODEL)
    return replace(existing, model=replace(existing.model, model_id=model_id))


def _another(key: EndpointKey) -> ApiError:
    problem = Problem(
        "/name",
        f"r0 of {key} was another InferenceService, which this name began with before, and "
        "revision numbers never "
        "repeat",
        Remediation("give this one another name, or deploy its model as a new endpoint"),
    )
    return refused(409, "exists", problem)


def _addresses(key: EndpointKey, existing: Found) -> list[str]:
    """What its clients must know."""
    if existing.mode is Mode.KNATIVE:
        return []
    old = ""
    if existing.url:
        old = f" ({shown_address(existing.url)})"
    return [
        f"the InferenceService's own address{old} goes on to r0 alone; rollouts move the address "
        "of the endpoint's "
        f"HTTPRoute {key.name}-tidegate: move clients there, and delete the InferenceService {key} "
        "yourself when it "
        "serves nobody any more, for Tidegate never does"
    ]


def _unshared(key: EndpointKey, existing: Found) -> list[str]:
    """Which of its labels and annotations are on r0's pods alone from now on."""
    if not existing.unshared:
        return []
    names = ", ".join(existing.unshared[:_NAMED])
    more = ""
    if len(existing.unshared) > _NAMED:
        more = f" and {len(existing.unshared) - _NAMED} more"
    return [
        f"labels and annotations of InferenceService {key} stay on r0 alone: {names}{more}; later "
        "revisions do not carry them"
    ]
