"""A stand-in of the API of Kubeflow Pipelines (v2beta1), by hand: what it stores, refuses and
answers follows the published document and the rules of the API server (2.17). The real client of
kfp is run against it, too.

Only what a rule needs is here: no pipeline runs, the tests say what becomes of a run.
"""

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx2

from tests.template_service import argo
from tests.template_service.fake_answers import Json, Refused, by, check_shape
from tests.template_service.fake_pipelines import Pipelines
from tests.template_service.fake_workflow import PHASES, Outcome, Workflow, outcome_of

NEVER = "1970-01-01T00:00:00Z"
KINDS: dict[str, tuple[type, ...]] = {
    "STRING": (str,),
    "NUMBER_INTEGER": (int, float),
    "NUMBER_DOUBLE": (int, float),
    "BOOLEAN": (bool,),
    "LIST": (list,),
    "STRUCT": (dict,),
}

WORDS = {
    **{
        "STRING": "string",
        "NUMBER_INTEGER": "double or integer",
        "NUMBER_DOUBLE": "double or integer",
    },
    **{"BOOLEAN": "bool", "LIST": "list", "STRUCT": "struct"},
}


@dataclass
class FakeKfp(Pipelines):
    """multi_user: runs live in namespaces. users: the namespaces of each user, by `kubeflow-userid`
    or by token; readers: those in which a user may only read. release: its tag. knows_optional: as
    2.15 does. objects: pipelines are kept as objects of Kubernetes."""

    multi_user: bool = False
    release: str = "2.17.0"
    knows_optional: bool = True
    objects: bool = False
    users: dict[str, set[str]] = field(default_factory=dict)
    readers: dict[str, set[str]] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    page_size: int = 2
    experiments: list[Json] = field(default_factory=list)
    runs: list[Json] = field(default_factory=list)
    pipelines: list[Json] = field(default_factory=list)
    versions: list[Json] = field(default_factory=list)
    seen: list[Json] = field(default_factory=list)
    workflows: dict[str, Workflow] = field(default_factory=dict)
    received: dict[str, Json] = field(default_factory=dict)  # by run: what its tasks get
    unlisted: list[Json] = field(default_factory=list)  # workflows whose run was not stored
    # POST of a run ends so, after it has begun: "unlisted" (500), "listed" (504), "silent"
    loses: str = ""
    down: bool = False

    def handle(self, request: httpx2.Request) -> httpx2.Response:
        """One call."""
        if self.down:
            raise httpx2.ConnectError("connection refused")
        path = request.url.path.removeprefix("/apis/v2beta1")
        is_json = request.headers.get("content-type", "").startswith("application/json")
        body = None
        if is_json and request.content:
            body = json.loads(request.content)
        try:
            answer = self._route(request, path)(request, body)
            response = httpx2.Response(200, json=answer)
            if isinstance(answer, str):
                response = httpx2.Response(200, text=answer)
        except Refused as refusal:
            response = refusal.answer
        answered = response.text
        if response.headers["content-type"] == "application/json":
            answered = response.json()
        query = {
            "method": request.method,
            "path": request.url.path,
            "query": dict(request.url.params),
            "body": body,
        }
        self.seen.append({**query, "status": response.status_code, "answer": answered})
        return response

    @contextmanager
    def served(self) -> Iterator[str]:
        """On a port of this machine. Its URL."""
        with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Door, self.handle)) as server:
            threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
            try:
                yield f"http://127.0.0.1:{server.server_port}"
            finally:
                server.shutdown()

    @property
    def transport(self) -> httpx2.MockTransport:
        return httpx2.MockTransport(self.handle)

    def becomes(
        self,
        run_id: str,
        state: str,
        *tasks: tuple[str, str] | Outcome,
        error: str = "",
        terminated: bool = False,
        defaults: bool = True,
    ) -> None:
        """What the cluster made of a run: its state, and that of each task of its dag that was come
        to. A run that KFP failed has no error of its own. defaults: those that 2.17 installs."""
        run = by(self.runs, "run_id", run_id)
        spec = run["pipeline_spec"].get("pipeline_spec", run["pipeline_spec"])
        workflow = Workflow(f"{spec['pipelineInfo']['name']}-x7k2p", spec, defaults, terminated)
        workflow.run(PHASES.get(state, "Failed"), [outcome_of(item) for item in tasks])
        self.workflows[run_id] = workflow
        run |= {"state": state, "run_details": {"task_details": workflow.details(run_id)}}
        if state in ("SUCCEEDED", "FAILED", "CANCELED"):
            run["finished_at"] = "2026-01-01T00:10:00Z"
        if error:
            run["error"] = {"code": 13, "message": error}

    def _route(
        self, request: httpx2.Request, path: str
    ) -> Callable[[httpx2.Request, Any], Json | str]:
        routes: list[tuple[str, str, Callable[..., Json | str]]] = [
            ("GET", "/healthz", self._healthz),
            ("GET", "/experiments", self._list_experiments),
            ("POST", "/experiments", self._create_experiment),
            ("GET", "/experiments/([^/]+)", self._get_experiment),
            ("GET", "/runs", self._list_runs),
            ("POST", "/runs", self._create_run),
            ("GET", "/runs/([^/]+)", self._get_run),
            ("GET", "/pipelines", self._list_pipelines),
            ("GET", "/apis/v1beta1/runs/([^/]+)", self._get_older_run),
            ("GET", "/apis/v1alpha1/runs/([^/]+)/nodes/([^/]+)/log", self._get_log),
            ("POST", "/pipelines", self._create_pipeline),
            ("GET", "/pipelines/names/([^/]+)", self._pipeline_by_name),
            ("GET", "/pipelines/([^/]+)/versions", self._list_versions),
            ("POST", "/pipelines/upload_version", self._upload_version),
        ]
        for method, pattern, do in routes:
            match = re.fullmatch(pattern, path)
            if match and method == request.method:
                return lambda *values: do(*values, *match.groups())
        raise Refused(404, "Not Found")

    def _healthz(self, *_: Any) -> Json:
        """`tag_name` and `commit_sha` are not in the published document."""
        store = {True: "kubernetes", False: "database"}[self.objects]
        says = {"multi_user": self.multi_user, "pipeline_store": store}
        return {**says, "tag_name": self.release, "commit_sha": "unknown"}

    # who may do what

    def _may(self, request: httpx2.Request, namespace: str, verb: str, kind: str) -> None:
        if not self.multi_user:
            return
        bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
        user = request.headers.get("kubeflow-userid") or self.tokens.get(bearer)
        if user is None:
            raise Refused(
                401, "Unauthenticated: Request header error: there is no user identity header."
            )
        allowed = self.users.get(user, set())
        if verb in ("get", "list"):
            allowed = allowed | self.readers.get(user, set())
        if namespace not in allowed:
            raise Refused(
                403,
                f"PermissionDenied: User {user!r} is not authorized with reason: (request: "
                f"verb={verb} resource={kind} "
                f"namespace={namespace})",
            )

    # experiments

    def _list_experiments(self, request: httpx2.Request, _: Any) -> Json:
        namespace = request.url.params.get("namespace", "")
        if not self.multi_user and namespace:
            raise Refused(
                400,
                "InvalidInputError: In single-user mode, ListExperiment cannot filter by "
                "namespace.",
            )
        if self.multi_user and not namespace:
            raise Refused(
                400, "InvalidInputError: A namespace must be specified in multi-user mode."
            )
        self._may(request, namespace, "list", "experiments")
        mine = [
            experiment
            for experiment in self.experiments
            if experiment.get("namespace", "") == namespace
        ]
        return self._page(request, "experiments", mine)

    def _create_experiment(self, request: httpx2.Request, body: Json) -> Json:
        namespace = body.get("namespace", "")
        if bool(namespace) != self.multi_user:
            raise Refused(
                400, "InvalidInputError: Experiment has an invalid namespace for this mode."
            )
        self._may(request, namespace, "create", "experiments")
        if len(body["display_name"]) > 128:
            raise Refused(400, "InvalidInputError: Experiment.Name length cannot exceed 128")
        if any(
            experiment["display_name"] == body["display_name"]
            and experiment.get("namespace", "") == namespace
            for experiment in self.experiments
        ):
            raise Refused(
                409, f"AlreadyExists: The experiment {body['display_name']} already exists."
            )
        made = {**body, "experiment_id": f"e{len(self.experiments)}", "storage_state": "AVAILABLE"}
        self.experiments.append(made)
        return made

    def _get_experiment(self, request: httpx2.Request, _: Any, experiment_id: str) -> Json:
        result = by(self.experiments, "experiment_id", experiment_id)
        self._may(request, result.get("namespace", ""), "get", "experiments")
        return result

    # runs

    def _create_run(self, request: httpx2.Request, body: Json) -> Json:
        if not body.get("display_name"):
            raise Refused(
                400, "InvalidInputError: The run name is empty. Please specify a valid name"
            )
        experiment = by(self.experiments, "experiment_id", body["experiment_id"])
        self._may(request, experiment.get("namespace", ""), "create", "runs")
        spec = body["pipeline_spec"]
        _check_spec(
            spec.get("pipeline_spec", spec), body.get("runtime_config", {}).get("parameters", {})
        )
        if not self.knows_optional and '"optional"' in json.dumps(spec.get("platform_spec", {})):
            raise Refused(500, 'InternalServerError: proto: (line 1:2): unknown field "optional"')
        made = {
            **body,
            "run_id": f"run-{len(self.runs)}",
            "state": "PENDING",
            "storage_state": "AVAILABLE",
            "created_at": f"2026-01-01T00:00:{len(self.runs):02d}Z",
            "finished_at": NEVER,
        }
        self._begin(made)
        if any(char > "\uffff" for char in json.dumps(body, ensure_ascii=False)):
            self.unlisted.append(made)
            raise Refused(500, "InternalServerError: Failed to store run: Error 1366 (22007)")
        if self.loses == "unlisted":
            self.unlisted.append(made)
            raise Refused(500, "InternalServerError: Failed to store run: invalid connection")
        self.runs.append(made)
        if self.loses == "listed":
            raise Refused(504, "upstream request timeout")
        if self.loses == "silent":
            raise httpx2.ReadTimeout("timed out")
        return made

    def _begin(self, run: Json) -> None:
        """The workflow of a run, as Argo and the driver make it."""
        values = run.get("runtime_config", {}).get("parameters", {})
        try:
            _, self.received[run["run_id"]] = argo.received(run["display_name"], values)
        except argo.SubmitError as error:
            raise Refused(
                500, f"InternalServerError: Failed to create a workflow: {error}"
            ) from None
        except argo.WorkflowError as error:
            run |= {"state": "FAILED", "error": {"code": 13, "message": str(error)}}

    def _get_run(self, request: httpx2.Request, _: Any, run_id: str) -> Json:
        result = by(self.runs, "run_id", run_id)
        self._get_experiment(request, None, result["experiment_id"])
        return result

    def _get_older_run(self, request: httpx2.Request, _: Any, run_id: str) -> Json:
        """The only answer with the workflow in it."""
        self._get_run(request, None, run_id)
        workflow = self.workflows.get(run_id)
        runtime = {}
        if workflow:
            runtime = {"workflow_manifest": json.dumps(workflow.manifest())}
        return {"run": {"id": run_id}, "pipeline_runtime": runtime}

    def _get_log(self, _request: httpx2.Request, _: Any, run_id: str, pod: str) -> str:
        """Success comes first, and an error as the text."""
        logs = self.workflows[run_id].logs
        gone = json.dumps({"error_message": f"Failed to read logs for run {run_id}"})
        return logs.get(pod, gone)

    def _list_runs(self, request: httpx2.Request, _: Any) -> Json:
        experiment = request.url.params["experiment_id"]
        self._get_experiment(request, None, experiment)
        mine = [run for run in self.runs if run["experiment_id"] == experiment]
        newest_first = request.url.params.get("sort_by") == "created_at desc"
        return self._page(request, "runs", mine[::-1] if newest_first else mine)

    def _page(self, request: httpx2.Request, name: str, items: list[Json]) -> Json:
        """A page; protobuf leaves out what is empty. `filter` by name, as the client of kfp sends
        it."""
        chosen = request.url.params.get("filter")
        if chosen:
            (predicate,) = json.loads(chosen)["predicates"]
            assert predicate["operation"] in ("EQUALS", 1)
            items = [item for item in items if item[predicate["key"]] == predicate["stringValue"]]
        begin = int(request.url.params.get("page_token") or 0)
        end = begin + min(self.page_size, int(request.url.params.get("page_size") or 20))
        page: Json = {name: items[begin:end], "total_size": len(items)}
        if end < len(items):
            page["next_page_token"] = str(end)
        return {key: value for key, value in page.items() if value}


class _Door(BaseHTTPRequestHandler):
    """HTTP for what answers requests in memory."""

    def __init__(self, handle: Callable[[httpx2.Request], httpx2.Response], *rest: Any) -> None:
        self._handle = handle
        super().__init__(*rest)

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        url = f"http://{self.headers['Host']}{self.path}"
        response = self._handle(
            httpx2.Request(self.command, url, headers=self.headers.items(), content=body)
        )
        self.send_response(response.status_code)
        self.send_header("Content-Type", response.headers["content-type"])
        self.send_header("Content-Length", str(len(response.content)))
        self.end_headers()
        self.wfile.write(response.content)

    do_GET = do_POST = do_DELETE = _answer  # noqa: N815  (the base class's names)

    def log_message(self, *_: Any) -> None:
        """Quiet."""


def _check_spec(spec: Json, values: Json) -> None:
    """One mistake at a time, as the API server tells them."""
    check_shape(spec)
    desired = spec["root"].get("inputDefinitions", {}).get("parameters", {})
    for name, item in desired.items():
        if name not in values:
            if not item.get("isOptional") and "defaultValue" not in item:
                raise Refused(
                    400,
                    f"InvalidInputError: parameter {name} is not optional, yet has neither default "
                    "value "
                    "nor user provided value",
                )
            continue
        kinds = KINDS[item["parameterType"]]
        value = values[name]
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            raise Refused(
                400,
                f"InvalidInputError: input parameter {name} requires type "
                f"{WORDS[item['parameterType']]}",
            )
    extra = sorted(set(values) - set(desired))
    if extra:
        raise Refused(
            400,
            "InvalidInputError: parameter(s) provided are not required by pipeline: "
            f"{', '.join(extra)}",
        )
