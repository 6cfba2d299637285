"""An InferenceService of somebody else becomes an endpoint: the worker looks, one transaction
stores."""

from dataclasses import replace

from tidegate.core import rules
from tidegate.core.adopting import Found
from tidegate.core.errors import Problem, Remediation
from tidegate.core.intent import EndpointKey, Intent, Mode, Revision
from tidegate.core.preflight import Request
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
    found = endpoints.get(tx, key)
    if found is not None and found.deleted_at is None:
        raise exists(key)


def adopt(tx: Tx, asked: Call, key: EndpointKey, body: AdoptEndpoint, found: Found) -> Reply:
    """Make an endpoint whose r0 is what was found."""
    if problems := rules.check_name(key.name):
        raise invalid(problems)
    tenancy.check_adopted(tx, asked, key, found)
    caps, said = lookup.capabilities(tx, asked.services.settings.worker_timeout)
    found = _named(tx, found, body.model_id)
    if problems := rules.check(Intent(key, 1, found.mode, 0, scaling=found.scaling), None, caps):
        raise invalid(problems)
    made = endpoints.adopt(
        tx,
        key,
        found,
        spec={"name": key.name, "namespace": key.namespace, "adopted": True},
        author=asked.principal.name,
        message=body.reason or "adopted",
    )
    if isinstance(made, Exists):
        raise exists(key)
    if isinstance(made, Revision):
        raise _another(key)
    said += [
        *_addresses(key, found),
        *_unshared(key, found),
        *warnings.of_scaling(found.scaling, caps),
    ]
    shown = lookup.changed_endpoint(tx, made.endpoint, said)
    return Reply(
        201,
        shown,
        etag(made.endpoint.generation),
        path_of(key),
        Request(made.intent, (made.revision,)),
    )


def _named(tx: Tx, found: Found, model_id: str | None) -> Found:
    """With the model whose versions come next."""
    if model_id is None:
        return found
    if models.get_model(tx, model_id) is None:
        raise refuse("/model_id", f"there is no model {model_id!r}", specs.REGISTER_MODEL)
    return replace(found, model=replace(found.model, model_id=model_id))


def _another(key: EndpointKey) -> ApiError:
    problem = Problem(
        "/name",
        f"r0 of {key} was another InferenceService, which this name began with before, and "
        "revision numbers never "
        "repeat",
        Remediation("give this one another name, or deploy its model as a new endpoint"),
    )
    return refused(409, "exists", problem)


def _addresses(key: EndpointKey, found: Found) -> list[str]:
    """What its clients must know."""
    if found.mode is Mode.KNATIVE:
        return []
    old = f" ({found.url})" if found.url else ""
    return [
        f"the InferenceService's own address{old} goes on to r0 alone; rollouts move the address "
        "of the endpoint's "
        f"HTTPRoute {key.name}-tidegate: move clients there, and delete the InferenceService {key} "
        "yourself when it "
        "serves nobody any more, for Tidegate never does"
    ]


def _unshared(key: EndpointKey, found: Found) -> list[str]:
    """Which of its labels and annotations are on r0's pods alone from now on."""
    if not found.unshared:
        return []
    names = ", ".join(found.unshared[:_NAMED])
    more = f" and {len(found.unshared) - _NAMED} more" if len(found.unshared) > _NAMED else ""
    return [
        f"labels and annotations of InferenceService {key} stay on r0 alone: {names}{more}; later "
        "revisions do not carry them"
    ]
