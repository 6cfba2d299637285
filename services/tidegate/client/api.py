"""Every operation of the REST API as a method, answered with the service's own response models."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Protocol, TypeVar
from urllib.parse import quote

from pydantic import BaseModel, ValidationError

from tidegate.client.errors import UnreadableAnswer
from tidegate.client.events import Event, follow
from tidegate.client.transport import Json, Prepare, Transport, as_it_came
from tidegate.schemas import responses as out

API = "/api/v1"
M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")
Item = TypeVar("Item", covariant=True)


class Page(Protocol[Item]):
    """Part of a list, and where the rest begins."""

    @property
    def items(self) -> Sequence[Item]:
        """The part."""

    @property
    def next_page_token(self) -> str | None:
        """None on the last page."""


@dataclass(frozen=True, slots=True)
class Options:
    """How to change something. generation: the one decided on (If-Match). key: repeats are the same
    call."""

    dry_run: bool = False
    generation: int | None = None
    key: str | None = None

    @property
    def headers(self) -> dict[str, str | None]:
        """As headers."""
        match = None
        if self.generation is not None:
            match = f'"{self.generation}"'
        return {"If-Match": match, "Idempotency-Key": self.key}

    def params(self, **more: Any) -> dict[str, Any]:
        """As query parameters; what is false or None is left out."""
        parameters = {"dry_run": self.dry_run, **more}
        return {
            name: value
            for name, value in parameters.items()
            if value is not None and value is not False
        }


PLAIN = Options()


class Client:
    """The service at `base_url`. Every method raises ApiProblem, Unreachable, or UnreadableAnswer
    where something else answers, or another version. prepare: changes an answer's JSON before it is
    read. More arguments: see Transport."""

    def __init__(
        self, base_url: str, token: str = "", *, prepare: Prepare = as_it_came, **more: Any
    ) -> None:
        self._http = Transport(base_url, token, **more)
        self._prepare = prepare

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    # the service

    def whoami(self) -> out.WhoAmI:
        """Who the token stands for, and its tenants."""
        return self._get(out.WhoAmI, "/whoami")

    def log_in(self, username: str, password: str) -> out.AccessToken:
        """A token of a local user; needs no token."""
        return self._read(
            out.AccessToken.model_validate,
            self._http.call(
                "POST", f"{API}/auth/token", {"username": username, "password": password}
            ),
        )

    def verify(self, namespace: str, role: str) -> out.VerifiedOut:
        """Whether the caller has this role there; raises ApiProblem (403) and has it recorded where
        not."""
        return self._get(out.VerifiedOut, f"/auth/verify/{_part(namespace)}/{_part(role)}")

    def version(self) -> out.Version:
        """What runs there; needs no token."""
        return self._read(out.Version.model_validate, self._http.call("GET", "/version"))

    def readiness(self) -> out.Readiness:
        """Its checks; raises ApiProblem (503) when it is not ready. Needs no token."""
        return self._read(
            out.Readiness.model_validate,
            self._http.call("GET", "/readyz", params={"verbose": True}),
        )

    def verify_ledger(self) -> out.LedgerState:
        """Whether every chain of the ledger still holds."""
        return self._get(out.LedgerState, "/ledger/verify")

    def doctor(self) -> out.DoctorOut:
        """What the installation has, and what it lacks."""
        return self._get(out.DoctorOut, "/doctor")

    def strategies(self) -> out.StrategiesOut:
        """What a rollout may be started with: strategies, default plans, fields."""
        return self._get(out.StrategiesOut, "/strategies")

    def tenant(self, namespace: str) -> out.TenantOut:
        """What a tenant's specs may name."""
        return self._get(out.TenantOut, f"/tenants/{_part(namespace)}")

    def put_tenant(
        self, namespace: str, body: Mapping[str, Any], options: Options = PLAIN
    ) -> out.TenantChange:
        """Say it; for administrators."""
        return self._change(out.TenantChange, "PUT", f"/tenants/{_part(namespace)}", body, options)

    # models

    def create_model(
        self, model_id: str, description: str = "", options: Options = PLAIN
    ) -> out.ModelChange:
        """Register a model."""
        return self._change(
            out.ModelChange,
            "POST",
            "/models",
            {"model_id": model_id, "description": description},
            options,
        )

    def model(self, model_id: str) -> out.ModelOut:
        """One model."""
        return self._get(out.ModelOut, f"/models/{_part(model_id)}")

    def models(self) -> Iterator[out.ModelOut]:
        """Every model."""
        return self._pages(out.ModelsPage.model_validate, "/models")

    def create_version(
        self, model_id: str, version_id: str, uri: str, options: Options = PLAIN
    ) -> out.VersionChange:
        """Register a version at `uri`, a Triton model repository root."""
        body = {"version_id": version_id, "uri": uri}
        return self._change(
            out.VersionChange, "POST", f"/models/{_part(model_id)}/versions", body, options
        )

    def versions(self, model_id: str) -> Iterator[out.VersionOut]:
        """Every version of a model."""
        return self._pages(out.VersionsPage.model_validate, f"/models/{_part(model_id)}/versions")

    # endpoints

    def create_endpoint(
        self, body: Mapping[str, Any], *, namespace: str | None = None, options: Options = PLAIN
    ) -> out.EndpointChange:
        """Make an endpoint from a payload."""
        return self._change(
            out.EndpointChange, "POST", "/endpoints", body, options, namespace=namespace
        )

    def adopt_endpoint(
        self, namespace: str, name: str, body: Mapping[str, Any], options: Options = PLAIN
    ) -> out.EndpointChange:
        """Take somebody's own InferenceService under Tidegate."""
        return self._change(
            out.EndpointChange,
            "POST",
            f"/endpoints/{_part(namespace)}/{_part(name)}/adopt",
            body,
            options,
        )

    def endpoints(self, namespace: str | None = None) -> Iterator[out.EndpointOut]:
        """Every endpoint, or those of one tenant."""
        return self._pages(out.EndpointsPage.model_validate, "/endpoints", namespace=namespace)

    def endpoint(self, namespace: str, name: str) -> out.EndpointOut:
        """One endpoint; its `generation` goes into Options."""
        return self._get(out.EndpointOut, _endpoint(namespace, name))

    def patch_endpoint(
        self,
        namespace: str,
        name: str,
        body: Mapping[str, Any],
        *,
        force: bool = False,
        supersede: bool = False,
        options: Options = PLAIN,
    ) -> out.EndpointChange:
        """Scale, move traffic, or bring a version."""
        path = _endpoint(namespace, name)
        return self._change(
            out.EndpointChange, "PATCH", path, body, options, force=force, supersede=supersede
        )

    def delete_endpoint(
        self, namespace: str, name: str, *, reason: str = "", options: Options = PLAIN
    ) -> out.EndpointChange:
        """Take it away; options.generation is required."""
        return self._change(
            out.EndpointChange,
            "DELETE",
            _endpoint(namespace, name),
            None,
            options,
            reason=reason or None,
        )

    def revisions(self, namespace: str, name: str) -> Iterator[out.RevisionOut]:
        """Its revisions, newest first."""
        return self._pages(
            out.RevisionsPage.model_validate, f"{_endpoint(namespace, name)}/revisions"
        )

    def history(
        self, namespace: str, name: str, *, page_size: int = 50, page_token: str | None = None
    ) -> out.HistoryPage:
        """A page of its intents and ledger entries, newest first."""
        query = {"page_size": page_size, "page_token": page_token}
        return self._get(out.HistoryPage, f"{_endpoint(namespace, name)}/history", **query)

    def events(
        self, namespace: str, name: str, *, last_event_id: str | None = None, patience: int = 10
    ) -> Iterator[Event]:
        """Its events, without end, over as many connections as it takes; break when you have seen
        enough.

        Raises Unreachable after `patience` connections in a row that failed, ApiProblem (404) once
        it is gone."""
        path = f"{API}{_endpoint(namespace, name)}/events"
        return follow(
            lambda last: self._http.stream(path, {}, last),
            self._http.sleep,
            last_event_id,
            patience,
        )

    # rollouts

    def start_rollout(
        self,
        namespace: str,
        name: str,
        body: Mapping[str, Any],
        *,
        supersede: bool = False,
        options: Options = PLAIN,
    ) -> out.RolloutChange:
        """Start the rollout of a candidate."""
        return self._change(
            out.RolloutChange,
            "POST",
            f"{_endpoint(namespace, name)}/rollouts",
            body,
            options,
            supersede=supersede,
        )

    def rollouts(
        self, namespace: str, name: str, *, run_id: str | None = None
    ) -> Iterator[out.RolloutOut]:
        """Its rollouts, newest first; with a run_id those that this pipeline run started or acted
        on."""
        return self._pages(
            out.RolloutsPage.model_validate, f"{_endpoint(namespace, name)}/rollouts", run_id=run_id
        )

    def undo(
        self,
        namespace: str,
        name: str,
        *,
        to: int | None = None,
        reason: str = "",
        run_id: str | None = None,
        options: Options = PLAIN,
    ) -> out.RolloutChange:
        """End the running rollout, or go back to revision `to` (default: the stable one before)."""
        body = _of_run({"to": to, "reason": reason}, run_id)
        return self._change(
            out.RolloutChange, "POST", f"{_endpoint(namespace, name)}/undo", body, options
        )

    def rollout(self, rollout_id: str) -> out.RolloutOut:
        """One rollout."""
        return self._get(out.RolloutOut, f"/rollouts/{_part(rollout_id)}")

    def act(
        self,
        rollout_id: str,
        verb: str,
        *,
        reason: str = "",
        force: bool = False,
        run_id: str | None = None,
        options: Options = PLAIN,
    ) -> out.RolloutChange:
        """verb: pause, resume, promote, abort, approve, reject or retry. run_id: of the pipeline
        run that asks."""
        path = f"/rollouts/{_part(rollout_id)}/{_part(verb)}"
        body = _of_run({"reason": reason}, run_id)
        return self._change(out.RolloutChange, "POST", path, body, options, force=force)

    def retry(
        self,
        rollout_id: str,
        *,
        reason: str = "",
        accept_breaking: bool = False,
        options: Options = PLAIN,
    ) -> out.RolloutChange:
        """A new attempt of what did not get through; accept_breaking: of stable's contract."""
        body = {"reason": reason, "accept_breaking": accept_breaking}
        return self._change(
            out.RolloutChange, "POST", f"/rollouts/{_part(rollout_id)}/retry", body, options
        )

    def heartbeat(self, rollout_id: str, *, release: bool = False) -> out.RolloutChange:
        """A pipeline's sign of life; release: its part is done."""
        return self._change(
            out.RolloutChange,
            "POST",
            f"/rollouts/{_part(rollout_id)}/heartbeat",
            {"release": release},
            PLAIN,
        )

    def add_evidence(
        self, rollout_id: str, counts: Mapping[str, Any], options: Options = PLAIN
    ) -> out.RolloutChange:
        """Counts of your own experiment with an A/B."""
        return self._change(
            out.RolloutChange, "POST", f"/rollouts/{_part(rollout_id)}/evidence", counts, options
        )

    # who may do what

    def users(self) -> list[out.UserOut]:
        """Every local user."""
        return self._get(out.UsersOut, "/users").items

    def add_user(self, name: str, password: str, options: Options = PLAIN) -> out.UserChange:
        """A local user, with no role yet."""
        return self._change(
            out.UserChange, "POST", "/users", {"name": name, "password": password}, options
        )

    def set_password(self, name: str, password: str, options: Options = PLAIN) -> out.UserChange:
        """Another password; the user's tokens are void."""
        return self._change(
            out.UserChange, "PUT", f"/users/{_part(name)}/password", {"password": password}, options
        )

    def remove_user(self, name: str, options: Options = PLAIN) -> out.UserChange:
        """Take a local user away."""
        return self._change(out.UserChange, "DELETE", f"/users/{_part(name)}", None, options)

    def bindings(self, namespace: str) -> list[out.BindingOut]:
        """Who has which role in a namespace; `*`: in every one."""
        return self._get(out.BindingsOut, f"/access/{_part(namespace)}/bindings").items

    def grant(
        self, namespace: str, body: Mapping[str, Any], options: Options = PLAIN
    ) -> out.BindingChange:
        """Give a `user` or a `group` a `role`."""
        return self._change(
            out.BindingChange, "POST", f"/access/{_part(namespace)}/bindings", body, options
        )

    def revoke(
        self,
        namespace: str,
        *,
        user: str | None = None,
        group: str | None = None,
        options: Options = PLAIN,
    ) -> out.BindingChange:
        """Take a role away."""
        path = f"/access/{_part(namespace)}/bindings"
        return self._change(
            out.BindingChange, "DELETE", path, None, options, user=user, group=group
        )

    def tokens(self, namespace: str) -> list[out.TokenOut]:
        """The tokens of a namespace, without their secrets."""
        return self._get(out.TokensOut, f"/access/{_part(namespace)}/tokens").items

    def create_token(
        self, namespace: str, body: Mapping[str, Any], options: Options = PLAIN
    ) -> out.TokenChange:
        """A token for a pipeline; its secret is in this answer only."""
        return self._change(
            out.TokenChange, "POST", f"/access/{_part(namespace)}/tokens", body, options
        )

    def revoke_token(
        self, namespace: str, name: str, options: Options = PLAIN
    ) -> out.RevokedChange:
        """Void every token of this name."""
        return self._change(
            out.RevokedChange,
            "DELETE",
            f"/access/{_part(namespace)}/tokens/{_part(name)}",
            None,
            options,
        )

    def _get(self, model: type[M], path: str, **params: Any) -> M:
        return self._read(
            model.model_validate, self._http.call("GET", f"{API}{path}", params=params)
        )

    def _change(
        self,
        model: type[M],
        method: str,
        path: str,
        body: Mapping[str, Any] | None,
        options: Options,
        **params: Any,
    ) -> M:
        query = options.params(**params)
        headers = options.headers
        answer = self._http.call(method, f"{API}{path}", body, params=query, headers=headers)
        return self._read(model.model_validate, answer)

    def _pages(
        self, validate: Callable[[Any], Page[Item]], path: str, **params: Any
    ) -> Iterator[Item]:
        token: str | None = None
        while True:
            query = {"page_token": token, **params}
            page = self._read(validate, self._http.call("GET", f"{API}{path}", params=query))
            yield from page.items
            token = page.next_page_token
            if token is None:
                return

    def _read(self, validate: Callable[[Any], T], answer: Json) -> T:
        try:
            return validate(self._prepare(answer))
        except ValidationError as error:
            raise UnreadableAnswer(self._http.base_url, error) from None


def _of_run(body: Json, run_id: str | None) -> Json:
    """The body, with the pipeline run where there is one."""
    if run_id is None:
        return body
    return {**body, "run_id": run_id}


def _part(text: str) -> str:
    """One segment of a path."""
    return quote(text, safe="")


def _endpoint(namespace: str, name: str) -> str:
    return f"/endpoints/{_part(namespace)}/{_part(name)}"
