"""The service over a database of its own, called without a socket; and the worker's half of the
scenario by hand."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from argon2 import PasswordHasher
from fixtures_postgres import Databases
from starlette.testclient import TestClient

from tidegate.core.adopting import Survey
from tidegate.core.guard import Heartbeat
from tidegate.core.intent import EndpointKey, Intent
from tidegate.core.ports import Capabilities, Resolved, Unresolved
from tidegate.core.preflight import Report, Request
from tidegate.core.rollout import Progress, StepProgress
from tidegate.deployment_service.app import create_app
from tidegate.deployment_service.identity import Transports
from tidegate.settings import Settings
from tidegate.store import Store, leases, reconciles, tokens, workers
from tidegate.store.migrate import migrate
from tidegate.store.values import Context
from tidegate.web.passwords import Passwords

DEMO = {
    "name": "demo-triton",
    "model_id": "add_sub",
    "model_version_id": "1",
    "runtime": "kserve-triton",
    "autoscaling": {"minReplicas": 1, "maxReplicas": 4, "keda": True},
    "runtime_config": {
        "modelFormat": "triton",
        "protocolVersion": "v2",
        "runtimeVersion": "24.08-py3",
        "gpu": True,
        "batcher": {"maxBatchSize": 32, "maxLatency": 500},
    },
}
FIRST_STEP = StepProgress(index=0)
PATH = "/api/v1/endpoints/team-a/demo-triton"


@dataclass
class FakeAsker:
    """The worker's look, by hand: what it finds, and what it was asked."""

    report: Report = field(
        default_factory=lambda: Report((), 3, None, 1.0, "one change of weights")
    )
    asked: list[Request] = field(default_factory=list)

    seen: Survey = field(default_factory=Survey)

    def ask(self, request: Request) -> Report:
        self.asked.append(request)
        return self.report

    def survey(self, key: EndpointKey) -> Survey:
        return self.seen


def quick() -> Passwords:
    """Hashes that cost little."""
    return Passwords(PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))


class FakeRegistry:
    """Knows every URI by its own text, except that a model folder is refused as the real one
    refuses it."""

    def resolve(self, uri: str) -> Resolved | Unresolved:
        if uri.endswith("add_sub"):
            return Unresolved(
                f"{uri}: config.pbtxt lies at its root, so it names the model and not the "
                "repository"
            )
        return Resolved(uri, f"sha256-{abs(hash(uri)):x}", mutable=False)


@dataclass
class Api:
    """A caller with the bootstrap token, and the worker's moves."""

    store: Store
    client: TestClient
    token: str
    asker: FakeAsker = field(default_factory=FakeAsker)

    @property
    def auth(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def call(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        headers = {**self.auth, **more.pop("headers", {})}
        return self.client.request(method, path, json=body, headers=headers, **more)

    def get(self, path: str, **more: Any) -> Any:
        return self.call("GET", path, **more)

    def post(self, path: str, body: Any = None, **more: Any) -> Any:
        return self.call("POST", path, body, **more)

    def patch(self, path: str, body: Any = None, **more: Any) -> Any:
        return self.call("PATCH", path, body, **more)

    def ok(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        answer = self.call(method, path, body, **more)
        assert answer.status_code < 300, answer.text
        return answer.json()

    def endpoint(self, **changes: Any) -> Any:
        """The demo endpoint with its first revision."""
        self.models()
        return self.ok("POST", "/api/v1/endpoints?namespace=team-a", {**DEMO, **changes})

    def models(self) -> None:
        if self.get("/api/v1/models/add_sub").status_code == 404:
            self.ok("POST", "/api/v1/models", {"model_id": "add_sub"})
            for version in ("1", "2", "3"):
                body = {"version_id": version, "uri": f"s3://models/add_sub/{version}/"}
                self.ok("POST", "/api/v1/models/add_sub/versions", body)

    def rollout(self, path: str = PATH, **body: Any) -> Any:
        """A started rollout of version 2."""
        return self.ok("POST", f"{path}/rollouts", {"model_version_id": "2", **body})

    def worker(self, capabilities: Capabilities | None = None) -> None:
        """A worker says that it lives."""
        with self.store.begin() as tx:
            workers.record_worker(tx, "w1", capabilities or Capabilities())

    def reconcile(
        self,
        *,
        intent: Callable[[Intent], Intent] | None = None,
        progress: Callable[[Progress], Progress] | None = None,
        status: dict[str, Any] | None = None,
        name: str = "demo-triton",
    ) -> None:
        """One reconcile of the worker on the endpoint: what the rollout controller and the
        reconciler would record."""
        key = EndpointKey("team-a", name)
        with self.store.begin() as tx:
            leases.wake(tx, key)
        with self.store.begin() as tx:
            (lease,) = (
                item for item in leases.claim(tx, "w1", limit=10, seconds=30) if item.key == key
            )
        with self.store.read() as tx:
            context = reconciles.load(tx, lease)
        assert not isinstance(context, reconciles.LostLease)
        state = None
        if context.rollouts:
            state = context.rollouts[0]
        author = f"system:rollout:{state.rollout.id}" if state else "worker"
        new = replace(intent(context.intent), author=author) if intent and context.intent else None
        saved = []
        if state is not None and progress is not None:
            seen = max((action.id for action in state.actions), default=state.progress.action)
            saved = [(state.rollout.id, progress(replace(state.progress, action=seen)))]
        with self.store.begin() as tx:
            done = reconciles.record(
                tx,
                lease,
                intent=new,
                expected_generation=context.endpoint.generation,
                rollout_id=state.rollout.id if state else None,
                progress=saved,
                status=status,
            )
        assert isinstance(done, reconciles.Recorded), done

    def heartbeat_seen(self) -> Heartbeat:
        """The last heartbeat of the rollout's pipeline, as the worker reads it."""
        key = EndpointKey("team-a", "demo-triton")
        with self.store.begin() as tx:
            leases.wake(tx, key)
            (lease,) = leases.claim(tx, "w1", limit=1, seconds=30)
            context = reconciles.load(tx, lease)
            assert isinstance(context, Context)
            reconciles.record(tx, lease)
        heartbeat = context.rollouts[0].heartbeat
        assert heartbeat is not None
        return heartbeat

    def with_candidate(
        self, percent: int = 10, step: StepProgress = FIRST_STEP, **progress: Any
    ) -> None:
        """The rollout controller has brought the candidate to this percent."""

        def candidate_traffic(intent: Intent) -> Intent:
            return replace(
                intent,
                candidate=2,
                candidate_traffic=replace(intent.candidate_traffic, percent=percent),
            )

        self.reconcile(
            intent=candidate_traffic,
            progress=lambda old: replace(old, step=step, **progress),
        )

    def actions(self, rollout_id: str) -> list[str]:
        """What the ledger says people asked of a rollout, in order."""
        entries = self.ok("GET", f"{PATH}/history")["ledger"]
        mine = (e for e in reversed(entries) if e["body"].get("rollout") == rollout_id)
        return [
            e["action"].removeprefix("rollout.") for e in mine if e["action"].startswith("rollout.")
        ]


@pytest.fixture
def database(databases: Databases) -> Iterator[str]:
    made = databases.fresh(databases.template("deployment_service", migrate))
    yield made
    databases.drop(made)


@pytest.fixture
def make_api(database: str) -> Iterator[Callable[..., Api]]:
    """Make the service with these settings; the token is made once."""
    store = Store(database)
    with store.begin() as tx:
        token = tokens.bootstrap(tx)
    assert token is not None

    def make(asker: Any = None, **settings: Any) -> Api:
        asker = asker or FakeAsker()
        settings = {"tenant_default": "open", **settings}
        chosen = Settings(database_url=database, **settings)
        app = create_app(
            store, FakeRegistry(), chosen, asker=asker, transports=Transports(passwords=quick)
        )
        return Api(store, TestClient(app), token, asker)

    yield make
    store.close()


@pytest.fixture
def api(make_api: Callable[..., Api]) -> Api:
    """The service, one living worker with every capability, no endpoint."""
    made = make_api()
    made.worker()
    return made
