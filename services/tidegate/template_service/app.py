"""The app: everything put together, with its dependencies as arguments so that tests bring their
own."""

import threading
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import httpx2
from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.security import HTTPBearer
from prometheus_client import CollectorRegistry
from starlette.responses import JSONResponse

from tidegate.core.shown_address import shown_address
from tidegate.template_service import routes
from tidegate.template_service.access import enforce
from tidegate.template_service.callers import Callers
from tidegate.template_service.catalog import Catalog, UnknownTemplateError
from tidegate.template_service.kfp import KfpError, UncertainError, connect
from tidegate.template_service.landing import AlreadyBegunError
from tidegate.template_service.releases import KfpTooOldError
from tidegate.template_service.rendering import InvalidParametersError
from tidegate.template_service.settings import TemplateSettings
from tidegate.template_service.submitting import NotOursError
from tidegate.web import probes, problems
from tidegate.web.auth import AuthMiddleware, Strangers
from tidegate.web.bodies import BodyMiddleware
from tidegate.web.document import document
from tidegate.web.problems import ApiError, invalid
from tidegate.web.telemetry import HttpMetrics, TelemetryMiddleware

API_VERSION = "1.0"


def create_app(
    settings: TemplateSettings,
    *,
    kfp: httpx2.BaseTransport | None = None,
    deployment_service: httpx2.BaseTransport | None = None,
    extra_open: frozenset[str] = frozenset(),
) -> FastAPI:
    """The template-service. kfp, deployment_service: the way there; None: the network.
    `extra_open`: further paths that need no token. Raises CatalogError."""
    catalog, callers = Catalog(settings.catalog), Callers(settings, deployment_service)
    http = connect(settings.kfp_url, kfp) if settings.kfp_url else None

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        if http is not None:
            http.close()

    app = FastAPI(
        title="Tidegate templates",
        version=API_VERSION,
        description="Rollout templates for Kubeflow Pipelines: list, render, submit, watch.",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        redirect_slashes=False,
    )
    app.state.stopping = stopping = threading.Event()
    app.state.services = routes.Services(catalog, settings, callers, http)
    metrics = CollectorRegistry()
    problems.install(app)
    expected = (KfpError, KfpTooOldError, InvalidParametersError, AlreadyBegunError)
    for kind in (*expected, UnknownTemplateError, NotOursError):
        app.add_exception_handler(kind, _answer)
    # The middleware says who calls, `enforce` what that caller may; the scheme is only documented.
    scheme = HTTPBearer(auto_error=False, scheme_name="token")
    api = APIRouter(prefix=routes.PREFIX, dependencies=[Depends(scheme), Depends(enforce)])
    api.include_router(routes.router)
    app.include_router(api)
    app.include_router(probes.router(lambda: _checks(catalog, http, stopping), metrics))
    app.add_middleware(BodyMiddleware, limit=settings.body_limit)
    app.add_middleware(
        AuthMiddleware,
        lookup=callers.by_token,
        open_paths=probes.PATHS | extra_open,
        strangers=Strangers(metrics),
        proxied=callers.by_proxy,
    )
    app.add_middleware(TelemetryMiddleware, metrics=HttpMetrics(metrics))
    app.openapi = lambda: document(app)  # type: ignore[method-assign]
    return app


def _checks(
    catalog: Catalog, http: httpx2.Client | None, stopping: threading.Event
) -> Mapping[str, probes.Check]:
    """KFP is shown and not required: templates are served and rendered without it."""
    message = "none: set TIDEGATE_KFP_URL to submit"
    if http:
        message = f"submits to {shown_address(str(http.base_url))}"
    leaves = stopping.is_set()
    return {
        "service": probes.Check(not leaves, "stopping" if leaves else "taking requests"),
        "catalog": probes.Check(True, f"{len(list(catalog))} templates"),
        "kfp": probes.Check(http is not None, message, required=False),
    }


def from_kfp(error: KfpError) -> ApiError:
    """KFP's refusal as ours. Its 401 is not the caller's token that is wrong, so it is not passed
    on as a 401."""
    match error.status:
        case 0:
            return ApiError(503, "kfp-unreachable", error.detail, headers={"Retry-After": "5"})
        case 400:
            return ApiError(422, "kfp-refused", error.detail)
        case 401:
            return ApiError(502, "kfp-unauthorized", error.detail)
        case 403:
            return ApiError(403, "kfp-forbidden", error.detail)
        case 404:
            return ApiError(404, "not-found", error.detail)
        case 409:
            return ApiError(409, "kfp-conflict", error.detail)
    return ApiError(502, "kfp-failed", error.detail)


def translated(error: Exception) -> ApiError:
    """An expected failure as the answer that it gets."""
    match error:
        case UncertainError():
            return ApiError(502, "submission-uncertain", error.detail)
        case KfpError():
            return from_kfp(error)
        case AlreadyBegunError():
            return ApiError(409, "already-submitted", str(error))
        case KfpTooOldError():
            return ApiError(409, "kfp-too-old", str(error))
        case InvalidParametersError(problems=results):
            return invalid(results)
    return ApiError(404, "not-found", str(error))


async def _answer(request: Request, exc: Exception) -> JSONResponse:
    return problems.answer(request, translated(exc))
