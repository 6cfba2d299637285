"""Who may call what: one table of every route, one place that holds callers to it.

A route that is not in the table is closed to everybody.
"""

from collections.abc import Callable
from time import monotonic

import structlog
from fastapi import Request
from starlette.concurrency import run_in_threadpool

from tidegate.core.access import EVERYWHERE, Role, namespaces
from tidegate.deployment_service import lookup
from tidegate.deployment_service.calls import Caller, Services, services_of
from tidegate.store import endpoints, rollouts
from tidegate.store.values import StoredRollout
from tidegate.web.access import (
    ANY_CALLER,
    OPEN,
    Need,
    Where,
    demand,
    demand_somewhere,
    may,
    no_rule,
)
from tidegate.web.auth import Principal
from tidegate.web.problems import ApiError

log = structlog.get_logger("access")

_VIEW = Need(Role.VIEWER, Where.NAMESPACE)
_EDIT = Need(Role.EDITOR, Where.NAMESPACE)
_STEER = Need(Role.EDITOR, Where.ROLLOUT)
_ADMIN = Need(Role.ADMIN, Where.NAMESPACE)
_OWN = Need(Role.ADMIN, Where.INSTALLATION)
_SIGN = Need(Role.APPROVER, Where.ROLLOUT)

NEEDS: dict[str, Need] = {
    # by operation id
    "healthz": OPEN,
    "livez": OPEN,
    "readyz": OPEN,
    "metrics": OPEN,
    "version": OPEN,
    "openapi": ANY_CALLER,
    "whoAmI": ANY_CALLER,
    "listStrategies": ANY_CALLER,
    # models belong to no namespace
    "createModel": Need(Role.EDITOR, Where.SOMEWHERE),
    "listModels": Need(Role.VIEWER, Where.SOMEWHERE),
    "getModel": Need(Role.VIEWER, Where.SOMEWHERE),
    "createModelVersion": Need(
        Role.EDITOR,
        Where.SOMEWHERE,
        "in each where the model has a revision; while it has none, only its creator, or an editor "
        "everywhere",
    ),
    "listModelVersions": Need(Role.VIEWER, Where.SOMEWHERE),
    "createEndpoint": Need(Role.EDITOR, Where.CHOSEN),
    "listAllRollouts": Need(
        Role.VIEWER, Where.CHOSEN, "shows only namespaces that the caller may view"
    ),
    "listEndpoints": Need(
        Role.VIEWER, Where.CHOSEN, "shows only namespaces that the caller may view"
    ),
    "getEndpoint": _VIEW,
    "adoptEndpoint": _EDIT,
    "patchEndpoint": Need(
        Role.EDITOR, Where.NAMESPACE, "approver, where canary_percent is 100 or null"
    ),
    # making it again under the same name would be a promotion that nobody approved
    "deleteEndpoint": Need(Role.APPROVER, Where.NAMESPACE),
    "listRevisions": _VIEW,
    "getHistory": _VIEW,
    "streamEvents": _VIEW,
    "getTraffic": _VIEW,
    "startRollout": Need(
        Role.EDITOR,
        Where.NAMESPACE,
        "approver, where the plan promotes and ends with neither a pass nor a person; in trial a "
        "pass is not enough",
    ),
    "listRollouts": _VIEW,
    "undo": Need(Role.EDITOR, Where.NAMESPACE, "approver, to a revision that never was stable"),
    "getRollout": Need(Role.VIEWER, Where.ROLLOUT),
    "getRolloutSeries": Need(Role.VIEWER, Where.ROLLOUT),
    "pauseRollout": _STEER,
    "resumeRollout": _STEER,
    "abortRollout": _STEER,
    "rejectRollout": _STEER,
    "retryRollout": Need(Role.EDITOR, Where.ROLLOUT, "approver, where starting it needed one"),
    "sendHeartbeat": _STEER,
    "addEvidence": _STEER,
    "promoteRollout": _SIGN,
    "approveRollout": _SIGN,
    "getTenant": _VIEW,
    # not to a tenant's own admin: the list bounds what the tenant may borrow
    "putTenant": Need(Role.ADMIN, Where.INSTALLATION),
    # it switches off what guards the tenant's own traffic
    "putTenantMode": _ADMIN,
    # it accepts what else an approver would have to
    "putTenantAcceptance": _ADMIN,
    "getTrialReport": Need(
        Role.VIEWER, Where.CHOSEN, "shows only namespaces that the caller may view"
    ),
    "logIn": OPEN,
    "verifyCaller": ANY_CALLER,
    "verifyRole": Need(Role.VIEWER, Where.NAMESPACE, "the role in the path"),
    "listUsers": _OWN,
    "addUser": _OWN,
    "setPassword": _OWN,
    "removeUser": _OWN,
    "listBindings": _ADMIN,
    "grantRole": _ADMIN,
    "revokeRole": _ADMIN,
    "listTokens": _ADMIN,
    "createToken": _ADMIN,
    "revokeToken": _ADMIN,
    "verifyLedger": Need(Role.VIEWER, Where.INSTALLATION),
    "doctor": Need(Role.VIEWER, Where.INSTALLATION),
}


async def enforce(request: Request) -> None:
    """The dependency of every route of the API. Raises Forbidden."""
    operation = getattr(request.scope["route"], "operation_id", None) or ""
    need = NEEDS.get(operation)
    if need is OPEN:
        return
    services = services_of(request)
    who = request.state.principal
    if need is None:
        raise no_rule(operation or request.url.path)
    if need.where is Where.ROLLOUT or who.also is not None:
        await run_in_threadpool(_enforce, services, who, need, request.path_params)
    else:
        _enforce(services, who, need, request.path_params)


def _enforce(services: Services, who: Principal, need: Need, path: dict[str, str]) -> None:
    match need.where:
        case Where.OPEN | Where.CALLER:
            return
        case Where.SOMEWHERE | Where.CHOSEN:
            demand_somewhere(who, need.role)
        case Where.NAMESPACE:
            demand(who, need.role, path["namespace"], services.settings.tenants)
        case Where.ROLLOUT:
            rollout = _rollout(services, who, path["rollout_id"])
            demand(who, need.role, rollout.key.namespace, services.settings.tenants)
            # From here on the whole id, where a caller gave its beginning
            path["rollout_id"] = rollout.rollout.id
        case Where.INSTALLATION:
            demand(who, need.role, EVERYWHERE)


def _rollout(services: Services, who: Principal, rollout_id: str) -> StoredRollout:
    """The rollout of an id, or of its beginning where the caller may view only one that begins so.

    Rollouts of other tenants neither make a beginning ambiguous nor are found by it. Raises
    ApiError (404). May block: a Kubernetes identity is asked for at its API server.
    """
    with services.store.read() as tx:
        rollout = rollouts.get(tx, rollout_id)
        if rollout is not None:
            return rollout
        if len(rollout_id) < lookup.SHORT_ID:
            raise lookup.not_found("rollout", rollout_id, lookup.FIND_ROLLOUT)
        places = rollouts.namespaces_of_beginning(tx, rollout_id)
    tenants = services.settings.tenants
    viewable = [place for place in places if may(who, Role.VIEWER, place, tenants)]
    with services.store.read() as tx:
        return lookup.rollout_by_beginning(tx, rollout_id, viewable)


def visible(caller: Caller, namespace: str | None) -> tuple[str, ...] | None:
    """The namespaces that a list shows: this one, or all that the caller may view; None: every one.
    Raises Forbidden."""
    who = caller.principal
    services = caller.services
    if namespace is not None:
        caller.demand(Role.VIEWER, namespace)
        return (namespace,)
    results = caller.choice()
    if not services.settings.tenants and namespaces(who.grants, Role.VIEWER) is None:
        if who.also is None or not who.also(Role.VIEWER, EVERYWHERE):
            return None
        with services.store.read() as tx:
            results = endpoints.used_namespaces(tx)
    return tuple(item for item in results if who.also is None or not who.also(Role.VIEWER, item))


class Still:
    """Whether the caller of a long answer may still have it: asked again, at most every `every`
    seconds, for tokens end and roles are taken away. secret: the caller's token, kept as long as
    the answer lasts."""

    def __init__(
        self,
        caller: Caller,
        secret: str,
        every: float = 15.0,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._asked = caller
        self._secret = secret
        self._every = every
        self._clock = clock
        self._seen = clock()

    def may_view(self, namespace: str) -> bool:
        """May block. Raises StoreUnavailable."""
        if self._clock() - self._seen < self._every:
            return True
        self._seen = self._clock()
        try:
            who = self._asked.services.identities.lookup(self._secret)
            if who is not None:
                demand(who, Role.VIEWER, namespace, self._asked.services.settings.tenants)
        except ApiError as error:
            return error.status >= 500  # nobody can say: the stream's own end is near enough
        return who is not None
