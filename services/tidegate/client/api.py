"""Every operation of the REST API as a method. Answers are the JSON as it came; docs/openapi.json describes it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any
from urllib.parse import quote

from tidegate.client.events import Event, follow
from tidegate.client.transport import Json, Transport

API = "/api/v1"


@dataclass(frozen=True, slots=True)
class Options:
    """How to change something. generation: the one decided on (If-Match). key: repeats are the same call."""

    dry_run: bool = False
    generation: int | None = None
    key: str | None = None

    @property
    def headers(self) -> dict[str, str | None]:
        """As headers."""
        match = f'"{self.generation}"' if self.generation is not None else None
        return {"If-Match": match, "Idempotency-Key": self.key}

    def params(self, **more: Any) -> dict[str, Any]:
        """As query parameters; what is false or None is left out."""
        asked = {"dry_run": self.dry_run, **more}
        return {name: value for name, value in asked.items() if value is not None and value is not False}


PLAIN = Options()


class Client:
    """The service at `base_url`. Every method raises ApiProblem or Unreachable. More arguments: see Transport."""

    def __init__(self, base_url: str, token: str = "", **more: Any) -> None:
        self._http = Transport(base_url, token, **more)

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    # the service

    def whoami(self) -> Json:
        """Who the token stands for, and its tenants."""
        return self._get("/whoami")

    def log_in(self, username: str, password: str) -> Json:
        """A token of a local user; needs no token."""
        return self._http.call("POST", f"{API}/auth/token", {"username": username, "password": password})

    def verify(self, namespace: str, role: str) -> Json:
        """Whether the caller has this role there; raises ApiProblem (403) and has it recorded where not."""
        return self._get(f"/auth/verify/{_part(namespace)}/{_part(role)}")

    def version(self) -> Json:
        """What runs there; needs no token."""
        return self._http.call("GET", "/version")

    def readiness(self) -> Json:
        """Its checks; raises ApiProblem (503) when it is not ready. Needs no token."""
        return self._http.call("GET", "/readyz", params={"verbose": True})

    def verify_ledger(self) -> Json:
        """Whether every chain of the ledger still holds."""
        return self._get("/ledger/verify")

    def doctor(self) -> Json:
        """What the installation has, and what it lacks."""
        return self._get("/doctor")

    def strategies(self) -> Json:
        """What a rollout may be started with: strategies, default plans, fields."""
        return self._get("/strategies")

    def tenant(self, namespace: str) -> Json:
        """What a tenant's specs may name."""
        return self._get(f"/tenants/{_part(namespace)}")

    def put_tenant(self, namespace: str, body: Mapping[str, Any], options: Options = PLAIN) -> Json:
        """Say it; for administrators."""
        return self._change("PUT", f"/tenants/{_part(namespace)}", body, options)

    # models

    def create_model(self, model_id: str, description: str = "", options: Options = PLAIN) -> Json:
        """Register a model."""
        return self._change("POST", "/models", {"model_id": model_id, "description": description}, options)

    def model(self, model_id: str) -> Json:
        """One model."""
        return self._get(f"/models/{_part(model_id)}")

    def models(self) -> Iterator[Json]:
        """Every model."""
        return self._pages("/models")

    def create_version(self, model_id: str, version_id: str, uri: str, options: Options = PLAIN) -> Json:
        """Register a version at `uri`, a Triton model repository root."""
        body = {"version_id": version_id, "uri": uri}
        return self._change("POST", f"/models/{_part(model_id)}/versions", body, options)

    def versions(self, model_id: str) -> Iterator[Json]:
        """Every version of a model."""
        return self._pages(f"/models/{_part(model_id)}/versions")

    # endpoints

    def create_endpoint(
        self, body: Mapping[str, Any], *, namespace: str | None = None, options: Options = PLAIN
    ) -> Json:
        """Make an endpoint from a payload."""
        return self._change("POST", "/endpoints", body, options, namespace=namespace)

    def adopt_endpoint(self, namespace: str, name: str, body: Mapping[str, Any], options: Options = PLAIN) -> Json:
        """Take somebody's own InferenceService under Tidegate."""
        return self._change("POST", f"/endpoints/{_part(namespace)}/{_part(name)}/adopt", body, options)

    def endpoints(self, namespace: str | None = None) -> Iterator[Json]:
        """Every endpoint, or those of one tenant."""
        return self._pages("/endpoints", namespace=namespace)

    def endpoint(self, namespace: str, name: str) -> Json:
        """One endpoint; its `generation` goes into Options."""
        return self._get(_endpoint(namespace, name))

    def patch_endpoint(
        self,
        namespace: str,
        name: str,
        body: Mapping[str, Any],
        *,
        takeover: bool = False,
        supersede: bool = False,
        options: Options = PLAIN,
    ) -> Json:
        """Scale, move traffic, or bring a version."""
        path = _endpoint(namespace, name)
        return self._change("PATCH", path, body, options, takeover=takeover, supersede=supersede)

    def delete_endpoint(self, namespace: str, name: str, *, reason: str = "", options: Options = PLAIN) -> Json:
        """Take it away; options.generation is required."""
        return self._change("DELETE", _endpoint(namespace, name), None, options, reason=reason or None)

    def revisions(self, namespace: str, name: str) -> Iterator[Json]:
        """Its revisions, newest first."""
        return self._pages(f"{_endpoint(namespace, name)}/revisions")

    def history(self, namespace: str, name: str, *, page_size: int = 50, page_token: str | None = None) -> Json:
        """A page of its intents and ledger entries, newest first."""
        query = {"page_size": page_size, "page_token": page_token}
        return self._get(f"{_endpoint(namespace, name)}/history", **query)

    def events(
        self, namespace: str, name: str, *, last_event_id: str | None = None, patience: int = 10
    ) -> Iterator[Event]:
        """Its events, without end, over as many connections as it takes; break when you have seen enough.

        Raises Unreachable after `patience` connections in a row that failed, ApiProblem (404) once it is gone."""
        path = f"{API}{_endpoint(namespace, name)}/events"
        return follow(lambda last: self._http.stream(path, {}, last), self._http.sleep, last_event_id, patience)

    # rollouts

    def start_rollout(
        self, namespace: str, name: str, body: Mapping[str, Any], *, supersede: bool = False, options: Options = PLAIN
    ) -> Json:
        """Start the trial of a candidate."""
        return self._change("POST", f"{_endpoint(namespace, name)}/rollouts", body, options, supersede=supersede)

    def rollouts(self, namespace: str, name: str, *, run_id: str | None = None) -> Iterator[Json]:
        """Its rollouts, newest first; with a run_id those that this pipeline run started or acted on."""
        return self._pages(f"{_endpoint(namespace, name)}/rollouts", run_id=run_id)

    def undo(
        self,
        namespace: str,
        name: str,
        *,
        to: int | None = None,
        reason: str = "",
        run_id: str | None = None,
        options: Options = PLAIN,
    ) -> Json:
        """End the running rollout, or go back to revision `to` (default: the stable one before)."""
        return self._change(
            "POST", f"{_endpoint(namespace, name)}/undo", _of_run({"to": to, "reason": reason}, run_id), options
        )

    def rollout(self, rollout_id: str) -> Json:
        """One rollout."""
        return self._get(f"/rollouts/{_part(rollout_id)}")

    def act(
        self,
        rollout_id: str,
        verb: str,
        *,
        reason: str = "",
        takeover: bool = False,
        run_id: str | None = None,
        options: Options = PLAIN,
    ) -> Json:
        """verb: pause, resume, promote, abort, approve, reject or retry. run_id: of the pipeline run that asks."""
        path = f"/rollouts/{_part(rollout_id)}/{_part(verb)}"
        return self._change("POST", path, _of_run({"reason": reason}, run_id), options, takeover=takeover)

    def retry(
        self, rollout_id: str, *, reason: str = "", accept_breaking: bool = False, options: Options = PLAIN
    ) -> Json:
        """A new attempt of what did not get through; accept_breaking: of stable's contract."""
        body = {"reason": reason, "accept_breaking": accept_breaking}
        return self._change("POST", f"/rollouts/{_part(rollout_id)}/retry", body, options)

    def beat(self, rollout_id: str, *, release: bool = False) -> Json:
        """A pipeline's sign of life; release: its part is done."""
        return self._change("POST", f"/rollouts/{_part(rollout_id)}/beat", {"release": release}, PLAIN)

    def add_evidence(self, rollout_id: str, counts: Mapping[str, Any], options: Options = PLAIN) -> Json:
        """Counts of your own experiment with an A/B."""
        return self._change("POST", f"/rollouts/{_part(rollout_id)}/evidence", counts, options)

    # who may do what

    def users(self) -> list[Json]:
        """Every local user."""
        return self._listed("/users")

    def add_user(self, name: str, password: str, options: Options = PLAIN) -> Json:
        """A local user, with no role yet."""
        return self._change("POST", "/users", {"name": name, "password": password}, options)

    def set_password(self, name: str, password: str, options: Options = PLAIN) -> Json:
        """Another password; the user's tokens are void."""
        return self._change("PUT", f"/users/{_part(name)}/password", {"password": password}, options)

    def remove_user(self, name: str, options: Options = PLAIN) -> Json:
        """Take a local user away."""
        return self._change("DELETE", f"/users/{_part(name)}", None, options)

    def bindings(self, namespace: str) -> list[Json]:
        """Who has which role in a namespace; `*`: in every one."""
        return self._listed(f"/access/{_part(namespace)}/bindings")

    def grant(self, namespace: str, body: Mapping[str, Any], options: Options = PLAIN) -> Json:
        """Give a `user` or a `group` a `role`."""
        return self._change("POST", f"/access/{_part(namespace)}/bindings", body, options)

    def revoke(
        self, namespace: str, *, user: str | None = None, group: str | None = None, options: Options = PLAIN
    ) -> Json:
        """Take a role away."""
        path = f"/access/{_part(namespace)}/bindings"
        return self._change("DELETE", path, None, options, user=user, group=group)

    def tokens(self, namespace: str) -> list[Json]:
        """The tokens of a namespace, without their secrets."""
        return self._listed(f"/access/{_part(namespace)}/tokens")

    def create_token(self, namespace: str, body: Mapping[str, Any], options: Options = PLAIN) -> Json:
        """A token for a pipeline; its secret is in this answer only."""
        return self._change("POST", f"/access/{_part(namespace)}/tokens", body, options)

    def revoke_token(self, namespace: str, name: str, options: Options = PLAIN) -> Json:
        """Void every token of this name."""
        return self._change("DELETE", f"/access/{_part(namespace)}/tokens/{_part(name)}", None, options)

    def _listed(self, path: str) -> list[Json]:
        found: list[Json] = self._get(path)["items"]
        return found

    def _get(self, path: str, **params: Any) -> Json:
        return self._http.call("GET", f"{API}{path}", params=params)

    def _change(self, method: str, path: str, body: Mapping[str, Any] | None, options: Options, **params: Any) -> Json:
        return self._http.call(method, f"{API}{path}", body, params=options.params(**params), headers=options.headers)

    def _pages(self, path: str, **params: Any) -> Iterator[Json]:
        token: str | None = None
        while True:
            page = self._get(path, page_token=token, **params)
            yield from page["items"]
            token = page.get("next_page_token")
            if token is None:
                return


def _of_run(body: Json, run_id: str | None) -> Json:
    """The body, with the pipeline run where there is one."""
    return body if run_id is None else {**body, "run_id": run_id}


def _part(text: str) -> str:
    """One segment of a path."""
    return quote(text, safe="")


def _endpoint(namespace: str, name: str) -> str:
    return f"/endpoints/{_part(namespace)}/{_part(name)}"
