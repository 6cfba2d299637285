"""The routes under /api/v1: thin; what they do is in the modules beside this one."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass, replace
from itertools import islice
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from tidegate.core.access import Role
from tidegate.template_service import landing, run_rights, submitting, uploading
from tidegate.template_service import schemas as out
from tidegate.template_service.callers import Caller, Callers
from tidegate.template_service.catalog import Catalog, Entry
from tidegate.template_service.kfp import Kfp, KfpError
from tidegate.template_service.rendering import Rendered, render
from tidegate.template_service.run_rights import Installed
from tidegate.template_service.settings import TemplateSettings
from tidegate.template_service.submitting import Run, Target
from tidegate.web.problems import ApiError, responses

PREFIX = "/api/v1"
router = APIRouter()
AWAY = {"description": "KFP, or the deployment-service that knows the tokens, does not answer"}
READ = responses(400, 401, 403, 404, 405, 422, 500, 502, 503)
READ[503] |= AWAY
WRITE = {**READ, **responses(408, 409, 413, 415)}
EVENT = {
    "type": "object",
    "description": "`data` is JSON text: the run as GET answers it",
    "properties": {"event": {"const": "run"}, "data": {"type": "string"}},
}
EVENTS: dict[int | str, dict[str, Any]] = {
    200: {"description": "Server-sent events", "content": {"text/event-stream": {"schema": EVENT}}}
}
TO_ALL = out.UploadIn()


@dataclass(frozen=True, slots=True)
class Services:
    """What the app was made with. kfp: the connections; None: there is no KFP."""

    catalog: Catalog
    settings: TemplateSettings
    callers: Callers
    http: Any


@dataclass(frozen=True, slots=True)
class Call:
    """One call."""

    services: Services
    caller: Caller
    role: Role

    def check(self, place: str | None) -> None:
        """403 for a caller without the role that this route needs there; None: everywhere."""
        self.caller.check(self.role, place or "")

    @property
    def kfp(self) -> Kfp:
        """KFP as this caller sees it. Raises ApiError where there is none."""
        if self.services.http is None:
            raise ApiError(
                503,
                "no-kfp",
                "no KFP is known here: set TIDEGATE_KFP_URL; templates can be rendered",
            )
        return Kfp(self.services.http, lambda: self.services.callers.headers(self.caller))

    def run_out(self, run: Run) -> out.RunOut:
        """A run with the link to its page."""
        ui = self.services.settings.kfp_ui_url.rstrip("/")
        url = None
        if ui:
            url = f"{ui}/#/runs/details/{run.run_id}"
        fields = {
            name: getattr(run, name)
            for name in out.RunOut.model_fields
            if name not in ("url", "tasks")
        }
        return out.RunOut(
            url=url, tasks=[out.TaskOut(**asdict(task)) for task in run.tasks], **fields
        )


def _call(request: Request) -> Call:
    return Call(request.app.state.services, request.state.principal, request.state.need.role)


Asked = Annotated[Call, Depends(_call)]
NamespaceOf = Annotated[
    str, Query(max_length=63, description="Of the runs, in a KFP of several users.")
]
Limit = Annotated[int, Query(ge=1, le=200)]


@router.get(
    "/templates",
    operation_id="listTemplates",
    response_model=out.TemplatesOut,
    responses=READ,
    tags=["templates"],
)
def index(call: Asked) -> out.TemplatesOut:
    """Every template of the catalog."""
    catalog = call.services.catalog
    image = call.services.settings.image or catalog.image
    return out.TemplatesOut(items=[out.TemplateOut.of(entry) for entry in catalog], image=image)


@router.get(
    "/templates/{name}",
    operation_id="getTemplate",
    response_model=out.TemplateDetail,
    responses=READ,
    tags=["templates"],
)
def show(call: Asked, name: str) -> out.TemplateDetail:
    """One template with its parameters."""
    entry = call.services.catalog.entry(name)
    return out.TemplateDetail(
        **out.TemplateOut.of(entry).model_dump(), parameters=list(entry.parameters)
    )


@router.get(
    "/templates/{name}/download",
    operation_id="downloadTemplate",
    response_class=PlainTextResponse,
    responses=READ,
    tags=["templates"],
)
def download(call: Asked, name: str) -> Response:
    """The template as it was compiled, for `kfp run create -f` or the page "Upload pipeline"."""
    entry = call.services.catalog.entry(name)
    return _file(entry, call.services.catalog.text(entry))


@router.post(
    "/templates/{name}/render",
    operation_id="renderTemplate",
    response_model=out.RenderedOut,
    responses=WRITE,
    tags=["templates"],
)
def render_template(call: Asked, name: str, body: out.RenderIn) -> out.RenderedOut:
    """The template with these values as its defaults; every value that does not fit is named."""
    made = _rendered(call, name, body)
    entry = made.entry
    return out.RenderedOut(
        template=entry.name, version=entry.version, parameters=made.parameters, yaml=made.text()
    )


@router.post(
    "/templates/{name}/runs",
    operation_id="submitTemplate",
    response_model=out.RunOut,
    status_code=201,
    responses=WRITE,
    tags=["runs"],
)
def submit(call: Asked, name: str, body: out.SubmitIn) -> out.RunOut:
    """Start a run of the template in KFP. With the parameter `submission_id` of an earlier
    submission, that one is looked for first."""
    made = _rendered(call, name, body)
    experiment = body.experiment or call.services.settings.kfp_experiment
    target = Target(body.namespace, experiment, body.name, body.service_account)
    submitting.check(target)
    place = submitting.place(call.kfp, body.namespace)
    call.check(place)
    run_rights.check_run(
        call.caller, _installed(call), made, body.image, body.service_account, place
    )
    target = replace(target, namespace=place)
    tidegate = landing.Tidegate(call.caller.find)
    return call.run_out(landing.submit(call.kfp, made, target, call.caller.name, tidegate))


@router.get(
    "/runs", operation_id="listRuns", response_model=out.RunsOut, responses=READ, tags=["runs"]
)
def runs(call: Asked, namespace: NamespaceOf = "", limit: Limit = 50) -> out.RunsOut:
    """The runs that were started by Tidegate, newest first."""
    place = submitting.place(call.kfp, namespace)
    call.check(place)
    results = submitting.runs(call.kfp, place, call.services.settings.kfp_experiment)
    return out.RunsOut(items=[call.run_out(run) for run in islice(results, limit)])


@router.get(
    "/runs/{run_id}",
    operation_id="getRun",
    response_model=out.RunOut,
    responses=READ,
    tags=["runs"],
)
def run(call: Asked, run_id: str) -> out.RunOut:
    """One run with its tasks."""
    return call.run_out(_observe(call, run_id))


@router.get(
    "/runs/{run_id}/events",
    operation_id="watchRun",
    response_class=StreamingResponse,
    responses={**READ, **EVENTS},
    tags=["runs"],
)
async def watch(call: Asked, run_id: str) -> Response:
    """Server-sent events: the run, whenever it changed, until it ends."""
    first = await run_in_threadpool(_observe, call, run_id)
    headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
    return StreamingResponse(_stream(call, first), media_type="text/event-stream", headers=headers)


@router.post(
    "/uploads",
    operation_id="uploadCatalog",
    response_model=out.UploadsOut,
    responses=WRITE,
    tags=["runs"],
)
def upload(call: Asked, body: Annotated[out.UploadIn, Body()] = TO_ALL) -> out.UploadsOut:
    """Upload the catalog as pipelines of KFP; what is there already is left alone."""
    place = uploading.place(call.kfp, body.namespace)
    call.check(place)
    run_rights.check_image(call.caller, _installed(call), body.image)
    image = body.image or call.services.settings.image
    made = uploading.upload(call.kfp, call.services.catalog, place, image)
    return out.UploadsOut(items=[out.UploadedOut(**asdict(uploaded)) for uploaded in made])


def _rendered(call: Call, name: str, body: out.RenderIn) -> Rendered:
    return render(
        call.services.catalog, name, body.parameters, body.image or call.services.settings.image
    )


def _installed(call: Call) -> Installed:
    settings = call.services.settings
    return Installed(settings.image or call.services.catalog.image, settings.url)


def _file(entry: Entry, text: str) -> Response:
    headers = {
        "Content-Disposition": f'attachment; filename="{entry.name}.yaml"',
        "ETag": f'"{entry.digest}"',
    }
    return PlainTextResponse(text, headers=headers)


def _observe(call: Call, run_id: str) -> Run:
    """A run that the caller may see: KFP is asked with the service's own rights for callers with a
    token."""
    result = submitting.observe(call.kfp, run_id)
    if not call.caller.proxied:
        call.check(call.kfp.namespace_of(result.experiment_id))
    return result


async def _stream(call: Call, run: Run) -> AsyncIterator[str]:
    """Ends with the run, at the limit, or where it may not be seen any more; who does not answer is
    asked again."""
    settings = call.services.settings
    loop = asyncio.get_running_loop()
    end = loop.time() + settings.stream_limit
    view = None
    yield "retry: 1000\n\n"
    while True:
        if run != view:
            yield f"event: run\ndata: {json.dumps(call.run_out(run).model_dump())}\n\n"
            view = run
        else:
            yield ": still here\n\n"
        if run.ended or loop.time() >= end:
            return
        await asyncio.sleep(min(settings.poll, max(end - loop.time(), 0)))
        try:
            run = await run_in_threadpool(_observe, call, run.run_id)
        except (KfpError, ApiError) as error:
            if error.status in (400, 401, 403, 404):
                return
