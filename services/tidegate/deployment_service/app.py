"""The app: everything put together, with its dependencies as arguments so that tests bring their
own."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.security import HTTPBearer
from prometheus_client import CollectorRegistry
from starlette.responses import JSONResponse

from tidegate.core.errors import Remediation
from tidegate.core.ports import Fact, Registry, State
from tidegate.deployment_service.access import enforce
from tidegate.deployment_service.calls import Services
from tidegate.deployment_service.doctor import cluster_facts
from tidegate.deployment_service.events import Hub
from tidegate.deployment_service.identity import DIRECT, Identities, Transports
from tidegate.deployment_service.preflight import Asker, StoreAsker
from tidegate.deployment_service.refusals import NotAllowedError, on_refusal
from tidegate.deployment_service.routes import (
    PREFIX,
    auth,
    endpoints,
    models,
    people,
    reading,
    rollouts,
    series,
    strategies,
    system,
    tenants,
    trials,
)
from tidegate.settings import Settings
from tidegate.store import workers
from tidegate.store.engine import Store
from tidegate.store.errors import BadPageToken, StoreUnavailable
from tidegate.store.migrate import at_head
from tidegate.web import probes, problems
from tidegate.web.access import Forbidden
from tidegate.web.auth import AuthMiddleware, Principal, Strangers
from tidegate.web.bodies import BodyMiddleware
from tidegate.web.document import document
from tidegate.web.problems import ApiError
from tidegate.web.telemetry import HttpMetrics, TelemetryMiddleware

# of the document, not of the package: releases that change nothing here change no document
API_VERSION = "1.0"


def create_app(
    store: Store,
    registry: Registry,
    settings: Settings,
    *,
    extra_open: frozenset[str] = frozenset(),
    asker: Asker | None = None,
    transports: Transports = DIRECT,
) -> FastAPI:
    """The REST service over this store. `extra_open`: further paths that need no token. asker: who
    looks at the cluster; None: the worker, through the store. transports: to those who say whose a
    token is. Raises ValueError for settings of these that cannot be."""
    hub, identities = Hub(), Identities(store, settings, transports)
    asker = asker or StoreAsker(store, settings.worker_timeout, settings.preflight_timeout)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        if settings.listen_url:
            hub.start(settings.listen_url)
        yield
        hub.stop()

    app = FastAPI(
        title="Tidegate",
        version=API_VERSION,
        description="Rolls models out on KServe: by degrees, with proof, and back.",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        redirect_slashes=False,
    )
    app.state.services = Services(store, registry, settings, hub, asker, identities)
    metrics = CollectorRegistry()
    strangers = Strangers(metrics)
    app.state.strangers = strangers
    problems.install(app)
    app.add_exception_handler(Forbidden, on_refusal)
    app.add_exception_handler(NotAllowedError, on_refusal)
    app.add_exception_handler(StoreUnavailable, _unavailable)
    app.add_exception_handler(BadPageToken, _bad_token)
    app.include_router(_api())
    app.include_router(probes.router(lambda: _checks(store, settings, hub), metrics))
    app.add_middleware(BodyMiddleware, limit=settings.body_limit)
    app.add_middleware(
        AuthMiddleware,
        lookup=lambda secret: _lookup(identities, secret),
        open_paths=probes.PATHS | auth.OPEN_PATHS | extra_open,
        strangers=strangers,
    )
    app.add_middleware(TelemetryMiddleware, metrics=HttpMetrics(metrics))
    app.openapi = lambda: document(app)  # type: ignore[method-assign]
    return app


def _api() -> APIRouter:
    # The middleware says who calls, `enforce` what that caller may; the scheme is only documented.
    scheme = HTTPBearer(auto_error=False, scheme_name="token")
    api = APIRouter(prefix=PREFIX, dependencies=[Depends(scheme), Depends(enforce)])
    for router in (
        models.router,
        endpoints.router,
        rollouts.of_endpoint,
        reading.router,
        series.of_endpoint,
        rollouts.everywhere,
        rollouts.router,
        series.of_rollout,
        strategies.router,
        tenants.router,
        trials.router,
        system.router,
        auth.router,
        people.router,
    ):
        api.include_router(router)
    return api


def _lookup(identities: Identities, secret: str) -> Principal | None:
    try:
        return identities.lookup(secret)
    except StoreUnavailable as error:  # a middleware calls this, outside the handlers of exceptions
        raise _database_error(error) from error


def _checks(store: Store, settings: Settings, hub: Hub) -> Mapping[str, probes.Check]:
    stopping = probes.Check(not hub.stopping, "stopping" if hub.stopping else "taking requests")
    try:
        with store.read() as tx:
            worker = workers.newest(tx)
            facts = cluster_facts(tx, settings.worker_timeout)
        migrated = at_head(store.url)
    except StoreUnavailable as error:
        return {"service": stopping, "database": probes.Check(False, str(error))}
    alive = worker is not None and worker.age <= settings.worker_timeout
    message = "none has ever reported"
    if worker is not None:
        message = f"{worker.owner} reported {worker.age:.0f} s ago"
    return {
        "service": stopping,
        "database": probes.Check(True, "answers"),
        "migrations": probes.Check(
            migrated, "at head" if migrated else "not at head: run the migration"
        ),
        "worker": probes.Check(alive, message, required=False),
        **{
            f"cluster: {fact.name}": probes.Check(
                fact.state is not State.MISSING, _describe(fact), False
            )
            for fact in facts
        },
    }


def _describe(fact: Fact) -> str:
    return "; ".join(part for part in (f"{fact.state}: {fact.detail}", fact.way_out) if part)


def _database_error(error: Exception) -> ApiError:
    detail = f"{error}; nothing is known to be stored: look, then repeat"
    return ApiError(503, "database-unavailable", detail, headers={"Retry-After": "5"})


async def _unavailable(request: Request, exc: Exception) -> JSONResponse:
    return problems.answer(request, _database_error(exc))


async def _bad_token(request: Request, exc: Exception) -> JSONResponse:
    return problems.answer(
        request, problems.refuse("page_token", str(exc), Remediation("begin again without it"))
    )
