"""What each service may do, tried with its real role."""

from collections.abc import Iterator
from dataclasses import replace

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from store.builders import KEY, MODEL, make_endpoint, make_rollout

from tidegate.core.allowed import EVERYTHING
from tidegate.core.experiments import Counts
from tidegate.core.intent import Intent, Runtime
from tidegate.core.ports import Capabilities
from tidegate.core.rollout import ActionKind, End, Note, Outcome, Progress
from tidegate.store import (
    endpoints,
    events,
    experiments,
    housekeeping,
    idempotency,
    inquiries,
    intents,
    leases,
    ledger,
    models,
    reconciles,
    revisions,
    rollouts,
    tenants,
    tokens,
    workers,
)
from tidegate.store.engine import Store
from tidegate.store.gauges import gauges
from tidegate.store.migrate import at_head
from tidegate.store.values import Appended, Context, Finished, Recorded

pytestmark = pytest.mark.real

NO = "permission denied|row-level security"


def _as(url: str, role: str) -> Iterator[Store]:
    login = f"{role}_login"
    with psycopg.connect(
        sa.make_url(url).set(drivername="postgresql").render_as_string(False), autocommit=True
    ) as admin:
        exists = admin.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [login]).fetchone()
        if not exists:
            admin.execute(f"CREATE ROLE {login} LOGIN PASSWORD 'test' IN ROLE {role}")
    store = Store(sa.make_url(url).set(username=login, password="test").render_as_string(False))
    yield store
    store.close()


@pytest.fixture
def api(url: str) -> Iterator[Store]:
    yield from _as(url, "tidegate_api")


@pytest.fixture
def worker(url: str) -> Iterator[Store]:
    yield from _as(url, "tidegate_worker")


def _use_everything_the_api_uses(api: Store) -> Intent:
    made = make_endpoint(api)
    scope = idempotency.KeyScope("ann", "POST", "/", "k")
    with api.begin() as tx:
        assert tokens.bootstrap(tx)
        tokens.revoke(tx, "admin", author="ann")
        models.create_model(tx, "add_sub", description="", author="ann")
        models.add_version(tx, MODEL, author="ann")
        tenants.put(tx, KEY.namespace, EVERYTHING, author="ann", message="")
        tenants.put(tx, KEY.namespace, EVERYTHING, author="ann", message="again")
        endpoints.lock(tx, KEY)
        endpoints.set_spec(tx, KEY, {"x": 1})
        revisions.add_revision(tx, KEY, MODEL, Runtime(gpu=1), author="ann")
        appended = intents.append_intent(tx, replace(made.intent, message="again"), 1)
        assert isinstance(appended, Appended)
        rollouts.start(tx, KEY, make_rollout())
        assert not isinstance(
            rollouts.add_action(tx, "one", ActionKind.PAUSE, author="ann"), Finished
        )
        assert rollouts.heartbeat(tx, "one", author="ann") is None
        assert rollouts.heartbeat(tx, "one", author="ann", release=True) is None
        experiments.add(tx, "one", Counts(2, 1, 2, 100.0, 200.0), author="ann")
        assert experiments.touching(tx, "one", 150.0, 160.0) == tuple(
            sent.counts for sent in experiments.sent(tx, "one")
        )
        inquiries.ask(tx, "preflight", {})
        idempotency.claim_key(tx, scope, "f")
        idempotency.finish_key(tx, scope, "f", idempotency.Response(200, {}, b""), keep=-1)
        leases.wake(tx, KEY)
        workers.newest(tx)
        events.since(tx, made.endpoint.id, events.Cursor())
        ledger.verify(tx)
    return appended.intent


def test_both_services_do_their_work_with_their_own_rights(api: Store, worker: Store) -> None:
    intent = _use_everything_the_api_uses(api)
    step = replace(intent, candidate=2, author="system:rollout:one", message="1 %")

    with worker.begin() as tx:
        workers.record_worker(tx, "w1", Capabilities())
        (lease,) = leases.claim(tx, "w1", limit=1, seconds=60)
        assert leases.extend(tx, lease, 60)
        (inquiry,) = inquiries.take(tx, limit=1, seconds=60)
        inquiries.answer(tx, inquiry.id, {})
    with worker.read() as tx:
        assert isinstance(reconciles.load(tx, lease), Context)
        leases.next_due(tx)
        assert gauges(tx).phases == {"pending": 1}
    with worker.begin() as tx:
        done = reconciles.record(
            tx,
            lease,
            intent=step,
            expected_generation=2,
            rollout_id="one",
            memory={"a": 1},
            status={"b": 1},
            progress=[("one", Progress(outcome=Outcome.ABORTED, end=End(tidy=True)))],
            notes=[Note("system:rollout:one", "x", "")],
        )
        assert isinstance(done, Recorded)
        ledger.anchor(tx)
        assert housekeeping.prune(tx) == 1
        workers.leave(tx, "w1")
        leases.wake(tx, KEY)
    assert at_head(api.url)
    assert at_head(worker.url)


@pytest.mark.parametrize("author", ["worker", "system:rollout:one"])
def test_the_api_cannot_write_an_intent_in_the_workers_name(api: Store, author: str) -> None:
    made = make_endpoint(api)
    with pytest.raises(DBAPIError, match=NO), api.begin() as tx:
        intents.append_intent(tx, replace(made.intent, author=author), 1, rollout_id="one")


@pytest.mark.parametrize("author", ["ann", "system:rollout:two", ""])
def test_the_worker_cannot_write_an_intent_in_a_persons_name(
    api: Store, worker: Store, author: str
) -> None:
    made = make_endpoint(api)
    with pytest.raises(DBAPIError, match=NO), worker.begin() as tx:
        intents.append_intent(tx, replace(made.intent, author=author), 1, rollout_id="one")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE endpoints SET status = '{}'",
        "UPDATE endpoints SET memory = '{}'",
        "UPDATE endpoints SET lease_token = NULL",
        "UPDATE rollouts SET outcome = 'promoted'",
        "INSERT INTO progress (rollout_id) VALUES ('one')",
        "INSERT INTO workers (owner) VALUES ('me')",
        "UPDATE inquiries SET answer = '{}'",
        "DELETE FROM endpoints",
        "DELETE FROM ledger",
        "UPDATE ledger SET message = ''",
        "UPDATE installation SET store_id = gen_random_uuid()",
        "DELETE FROM tokens",
    ],
)
def test_the_api_may_not(api: Store, statement: str) -> None:
    with pytest.raises(DBAPIError, match=NO), api.begin() as tx:
        tx._connection.exec_driver_sql(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM tokens",
        "SELECT body FROM idempotency_keys",
        "UPDATE endpoints SET spec = '{}'",
        "INSERT INTO endpoints (namespace, name, mode, created_by) VALUES ('a', 'b', 'standard', "
        "'c')",
        "INSERT INTO rollouts (id, endpoint_id) VALUES ('x', gen_random_uuid())",
        "INSERT INTO experiments (rollout_id, revision) VALUES ('one', 2)",
        "INSERT INTO actions (rollout_id, kind, author, reason) VALUES ('one', 'promote', 'ann', "
        "'')",
        "INSERT INTO revisions (endpoint_id, number, digest, created_by) VALUES "
        "(gen_random_uuid(), 1, '', '')",
        "INSERT INTO heartbeats (rollout_id, released) VALUES ('one', true)",
        "UPDATE model_versions SET digest = ''",
        "DELETE FROM intents",
    ],
)
def test_the_worker_may_not(worker: Store, statement: str) -> None:
    with pytest.raises(DBAPIError, match=NO), worker.begin() as tx:
        tx._connection.exec_driver_sql(statement)
