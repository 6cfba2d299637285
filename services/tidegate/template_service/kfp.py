"""The API of Kubeflow Pipelines (v2beta1) over plain HTTP: kfp itself pins an old Kubernetes
client.

Every failure becomes a KfpError that says what KFP said, what it means and what to do. An identity
is either a bearer token (read anew for each call: projected tokens are short-lived) or the header
with the user that a trusted proxy set.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx2

from tidegate.client.transport import is_loopback
from tidegate.core.errors import TidegateError
from tidegate.core.shown_address import shown_address
from tidegate.template_service import logs
from tidegate.template_service.catalog import Json

API = "/apis/v2beta1"
OLDER_API = "/apis/v1beta1"
LOG_API = "/apis/v1alpha1"
# The first release that knows `optional` of a ConfigMap or Secret in a template's second document
OLDEST = "2.15"
_OLD = "unknown field"  # what an older one answers, in a 500, to a run with that document
PAGE = 100
SAID = 300  # characters of KFP's own words that are handed on
# Nothing has left this side yet
_NOT_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.InvalidURL)
Identity = Callable[[], Mapping[str, str]]


class KfpError(TidegateError):
    """status: what KFP answered, 0: nobody answered. sent: whether it may have got the request."""

    def __init__(self, status: int, detail: str, *, sent: bool = True) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.sent = sent

    @property
    def uncertain(self) -> bool:
        """Whether what was asked for may have been done all the same."""
        return self.sent and (self.status == 0 or self.status >= 500)


class UncertainError(KfpError):
    """An error after which a run may be there all the same."""


@dataclass(frozen=True, slots=True)
class Health:
    """What a KFP says of itself. multi_user: runs belong to namespaces. release: its tag, such as
    `2.17.0`; a build of somebody's own may say `unknown`, or nothing. objects: pipelines are kept
    as objects of Kubernetes, and not in its database."""

    multi_user: bool
    release: str
    objects: bool


def connect(url: str, transport: httpx2.BaseTransport | None = None) -> httpx2.Client:
    """The connections to a KFP, which callers of several identities share."""
    return httpx2.Client(
        base_url=url.rstrip("/"), timeout=30.0, transport=transport, trust_env=not is_loopback(url)
    )


class Kfp:
    """KFP at the base URL of `http`. identity: headers of each call. Every method raises
    KfpError."""

    def __init__(self, http: httpx2.Client, identity: Identity = dict) -> None:
        self._http = http
        self._identity = identity
        self._health: Health | None = None

    @property
    def url(self) -> str:
        """Where it is."""
        return str(self._http.base_url).rstrip("/")

    def health(self) -> Health:
        """What it says of itself; asked once."""
        if self._health is None:
            answer = self._call("GET", "/healthz")
            self._health = Health(
                bool(answer.get("multi_user", False)),
                str(answer.get("tag_name", "")),
                answer.get("pipeline_store") == "kubernetes",
            )
        return self._health

    def multi_user(self) -> bool:
        """Whether runs belong to namespaces there."""
        return self.health().multi_user

    # experiments and runs

    def find_experiment(self, name: str, namespace: str | None) -> str | None:
        """The id of the experiment; None: there is none."""
        results = self._pages("experiments", {"namespace": namespace, "filter": _named(name)})
        return next(
            (
                self._id(item, "experiment_id")
                for item in results
                if item.get("display_name") == name
            ),
            None,
        )

    def namespace_of(self, experiment_id: str) -> str:
        """Of an experiment, and so of its runs; "" in a single-user KFP."""
        return str(self._call("GET", f"/experiments/{_part(experiment_id)}").get("namespace", ""))

    def experiment(self, name: str, namespace: str | None) -> str:
        """The id of the experiment, which is made where there is none."""
        value = self.find_experiment(name, namespace)
        if value:
            return value
        body = {"display_name": name, "description": "Rollouts by Tidegate", "namespace": namespace}
        return self._id(self._call("POST", "/experiments", _without_blanks(body)), "experiment_id")

    def create_run(self, body: Json) -> Json:
        """Start a run. Raises UncertainError where it may have begun all the same."""
        try:
            return self._with_id(self._call("POST", "/runs", body), "run_id")
        except KfpError as error:
            if error.uncertain and _OLD not in error.detail:  # that comes before the workflow
                raise UncertainError(error.status, error.detail) from error
            raise

    def run(self, run_id: str) -> Json:
        """One run, with its tasks."""
        return self._with_id(self._call("GET", f"/runs/{_part(run_id)}"), "run_id")

    def workflow(self, run_id: str) -> str:
        """The workflow of a run as JSON text, with what became of each of its pods; "" where it is
        not kept. Only the older API hands it out."""
        answer = self._call("GET", f"/runs/{_part(run_id)}", api=OLDER_API)
        return str((answer.get("pipeline_runtime") or {}).get("workflow_manifest", ""))

    def log(self, run_id: str, pod: str) -> str:
        """The end of the log of a pod of this run, kept by Kubernetes or archived."""
        path = f"{LOG_API}/runs/{_part(run_id)}/nodes/{_part(pod)}/log"
        try:
            with self._http.stream("GET", path, headers=dict(self._identity())) as answer:
                return logs.end(answer)
        except httpx2.HTTPError as error:
            raise self._silent(error) from error

    def runs(self, experiment_id: str) -> Iterator[Json]:
        """The runs of an experiment, newest first."""
        return self._pages("runs", {"experiment_id": experiment_id, "sort_by": "created_at desc"})

    # pipelines

    def pipeline(self, name: str, namespace: str | None) -> str | None:
        """The id of the pipeline of that name in exactly this namespace, None: shared by all. The
        answer is None where there is none. The list is filtered by namespace, also by none; a
        pipeline that is asked for by its name alone may be anybody's."""
        if namespace is None and self.health().objects:
            return self._object(name)
        params = {"namespace": namespace, "filter": _named(name, "name")}
        mine = (name, namespace or "")
        for item in self._pages("pipelines", params):
            if (item.get("name"), item.get("namespace", "")) == mine:
                return self._id(item, "pipeline_id")
        return None

    def _object(self, name: str) -> str | None:
        """A shared pipeline where KFP keeps them as objects: those of its own namespace are shared,
        and asking by name alone means that namespace."""
        try:
            return self._id(self._call("GET", f"/pipelines/names/{_part(name)}"), "pipeline_id")
        except KfpError as error:
            if error.status == 404:
                return None
            raise

    def create_pipeline(self, body: Mapping[str, Any]) -> str:
        """A pipeline without a version yet. Its id."""
        return self._id(self._call("POST", "/pipelines", _without_blanks(body)), "pipeline_id")

    def versions(self, pipeline_id: str) -> Iterator[Json]:
        """Of a pipeline, newest first."""
        path = f"pipelines/{_part(pipeline_id)}/versions"
        return self._pages(path, {"sort_by": "created_at desc"}, items="pipeline_versions")

    def upload_version(self, pipeline_id: str, name: str, description: str, text: str) -> str:
        """A version from a file. Its id."""
        params = {"pipelineid": pipeline_id, "name": name, "description": description}
        files = {"uploadfile": (f"{name}.yaml", text.encode(), "application/yaml")}
        try:
            made = self._call("POST", "/pipelines/upload_version", params=params, files=files)
        except KfpError as error:
            if error.status != 400:
                raise
            # It answers alike to a missing permission and to a file that it does not take
            detail = f"{error.detail}, or this identity may not create pipelines there"
            raise KfpError(400, detail) from error
        return self._id(made, "pipeline_version_id")

    def _pages(
        self, path: str, params: Mapping[str, Any], items: str | None = None
    ) -> Iterator[Json]:
        token = ""
        while True:
            page = self._call(
                "GET",
                f"/{path}",
                params=_without_blanks({**params, "page_size": PAGE, "page_token": token}),
            )
            yield from page.get(items or path, ())  # an empty list is left out
            token = str(page.get("next_page_token", ""))
            if not token:
                return

    def _call(
        self, method: str, path: str, body: Json | None = None, api: str = API, **more: Any
    ) -> Json:
        try:
            answer = self._http.request(
                method, f"{api}{path}", json=body, headers=dict(self._identity()), **more
            )
        except (httpx2.TransportError, httpx2.InvalidURL) as error:
            raise self._silent(error) from error
        if not answer.is_success:
            raise KfpError(_status(answer), self._explained(answer))
        try:
            result = answer.json()
        except ValueError:
            result = None
        if not isinstance(result, dict):
            raise self._stranger()
        return result

    def _id(self, answer: Json, key: str) -> str:
        return str(self._with_id(answer, key)[key])

    def _with_id(self, answer: Json, key: str) -> Json:
        if not answer.get(key):
            raise self._stranger()
        return answer

    def _silent(self, error: Exception) -> KfpError:
        message = str(error) or type(error).__name__
        address = shown_address(self.url)
        detail = f"KFP at {address} does not answer ({message}): check its address"
        return KfpError(0, detail, sent=not isinstance(error, _NOT_SENT))

    def _stranger(self) -> KfpError:
        return KfpError(
            502, f"{shown_address(self.url)} does not answer as KFP does: check its address"
        )

    def _explained(self, answer: httpx2.Response) -> str:
        message = _error_message(answer)
        status = _status(answer)
        match status:
            case 401:
                advice = "send a token that it takes (audience pipelines.kubeflow.org), or come through its proxy"
            case 403:
                advice = "this identity needs a Role for pipelines.kubeflow.org in the namespace"
            case 500 if _OLD in message:
                advice = f"it is older than {OLDEST}, which the templates need: upgrade it"
            case 400:
                advice = "it refuses the request"
            case 404:
                advice = "it is not there"
            case _:
                advice = "look into its log"
        return f"KFP at {shown_address(self.url)} answered {status}: {message}; {advice}"


def _status(answer: httpx2.Response) -> int:
    """Its own, or what its words mean: some releases wrap a missing identity or permission in a 400
    or 500."""
    message = _error_message(answer).lower()
    if answer.status_code not in (400, 500):
        return answer.status_code
    if (
        "unauthenticated" in message
        or "no user identity header" in message
        or "authentication failed" in message
    ):
        return 401
    if "permissiondenied" in message or "permission_denied" in message:
        return 403
    return answer.status_code


def _error_message(answer: httpx2.Response) -> str:
    """The message in the several shapes that its errors have."""
    try:
        body = answer.json()
    except ValueError:
        body = None
    text = answer.text
    if isinstance(body, dict):
        results = [body.get(key) for key in ("message", "error_message", "error", "error_details")]
        text = next((item for item in results if isinstance(item, str) and item), text)
    return one_line(text)


def one_line(text: str) -> str:
    """What others say, as one bounded line of visible characters."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    if len(line) <= SAID:
        return line
    return line[:SAID] + "…"


def _named(name: str, key: str = "display_name") -> str:
    return json.dumps({"predicates": [{"operation": "EQUALS", "key": key, "stringValue": name}]})


def _part(text: str) -> str:
    """One segment of a path."""
    return quote(text, safe="")


def _without_blanks(values: Mapping[str, Any]) -> Json:
    return {name: value for name, value in values.items() if value not in (None, "")}
