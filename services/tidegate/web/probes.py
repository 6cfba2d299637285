"""/healthz /livez /readyz /metrics /version: open, outside the API's prefix, the same in every
service."""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.responses import JSONResponse, PlainTextResponse, Response

from tidegate.schemas.responses.probes import Alive, CheckBody, Readiness, Version

CHECKS_TIMEOUT_S = 8.0
PATHS = frozenset({"/healthz", "/livez", "/readyz", "/metrics", "/version"})


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at. Only `required` ones decide readiness."""

    ok: bool
    detail: str
    required: bool = True


Checks = Callable[[], Mapping[str, Check]]


def package_version() -> str:
    """The installed distribution's version."""
    try:
        return version("tidegate")
    except PackageNotFoundError:  # run from the source tree
        return "0+source"


async def _in_time(thread: ThreadPoolExecutor, checks: Checks) -> Mapping[str, Check]:
    observation = asyncio.get_running_loop().run_in_executor(thread, checks)
    try:
        return await asyncio.wait_for(observation, CHECKS_TIMEOUT_S)
    except TimeoutError:
        detail = f"could not be looked at within {CHECKS_TIMEOUT_S:g} s"
        return {"service": Check(False, detail)}


def router(checks: Checks, registry: CollectorRegistry) -> APIRouter:
    """The probes. `checks` may block: it has a thread of its own, so that slow work of others, which
    fills their pools, is neither seen as a death nor as a database that is away."""
    probes = APIRouter(tags=["probes"])
    thread = ThreadPoolExecutor(1, "readiness")

    @probes.get("/healthz", operation_id="healthz", response_model=Alive)
    @probes.get("/livez", operation_id="livez", response_model=Alive)
    async def alive() -> Alive:
        """The process answers; says nothing about its database."""
        return Alive()

    @probes.get(
        "/readyz",
        operation_id="readyz",
        response_model=Readiness,
        responses={503: {"model": Readiness, "description": "Not ready"}},
    )
    async def ready(verbose: bool = False) -> Response:
        """Whether requests can be served: the database, its migrations, and (shown only) the
        worker."""
        result = await _in_time(thread, checks)
        is_ready = all(check.ok for check in result.values() if check.required)
        view = {
            name: CheckBody(ok=c.ok, detail=c.detail, required=c.required)
            for name, c in result.items()
        }
        body = Readiness(ready=is_ready, checks=view if verbose else None)
        return JSONResponse(body.model_dump(), 200 if is_ready else 503)

    @probes.get("/metrics", operation_id="metrics", response_class=PlainTextResponse)
    async def metrics() -> Response:
        """Prometheus metrics of this process."""
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    @probes.get("/version", operation_id="version", response_model=Version)
    async def show_version() -> Version:
        """What runs here."""
        return Version(name="tidegate", version=package_version())

    return probes
