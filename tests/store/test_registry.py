"""Models, tokens, workers and inquiries: the small tables."""

from dataclasses import replace

import pytest
from store.builders import MODEL

from tidegate.core.ports import Capabilities
from tidegate.store import inquiries, ledger, models, tokens, workers
from tidegate.store.engine import Store
from tidegate.store.installation import store_id
from tidegate.store.models import Differs, Registered
from tidegate.store.values import Principal

pytestmark = pytest.mark.real


def test_a_model_version_is_registered_once_and_never_changes(store: Store) -> None:
    changed = replace(MODEL, digest="sha256-2")
    with store.begin() as tx:
        created = models.create_model(tx, "add_sub", description="adds", author="ann")
        assert created is not None
        assert models.create_model(tx, "add_sub", description="again", author="bob") is None
        assert models.add_version(tx, MODEL, author="ann") == Registered(MODEL, new=True)
        assert models.add_version(tx, MODEL, author="bob") == Registered(MODEL, new=False)
        assert models.add_version(tx, changed, author="bob") == Differs(MODEL)

    with store.read() as tx:
        assert models.get_model(tx, "add_sub") == created
        assert models.get_model(tx, "unknown") is None
        assert models.get_version(tx, "add_sub", "1") == MODEL
        assert [entry.action for entry in ledger.read(tx, store_id(tx)).items] == [
            "model.version",
            "model.create",
        ]


def test_models_and_versions_page_by_id(store: Store) -> None:
    with store.begin() as tx:
        for name in ("c", "a", "b"):
            models.create_model(tx, name, description="", author="ann")
            models.add_version(
                tx, replace(MODEL, model_id="a", version_id=name), author="ann"
            ) if name != "c" else None

    with store.read() as tx:
        first = models.list_models(tx, limit=2)
        second = models.list_models(tx, limit=2, page_token=first.next_token)
        versions = models.list_versions(tx, "a", limit=1)
    assert [m.model_id for m in (*first.items, *second.items)] == ["a", "b", "c"]
    assert [(v.model.version_id, v.created_by) for v in versions.items] == [("a", "ann")]
    assert versions.next_token is not None


def test_the_first_token_is_made_once_and_only_its_hash_is_stored(store: Store) -> None:
    with store.begin() as tx:
        secret = tokens.bootstrap(tx)
        assert tokens.bootstrap(tx) is None
    assert secret is not None
    assert secret.startswith("tg_")
    assert len(secret) == 3 + 43

    with store.read() as tx:
        assert tokens.lookup(tx, secret) == Principal("admin", ("admin",))
        assert tokens.lookup(tx, secret + "x") is None
        kept = tx._connection.exec_driver_sql("SELECT t.*, l.body FROM tokens t, ledger l").all()
    assert secret.removeprefix("tg_") not in str(kept)


def test_a_revoked_token_stands_for_nobody_and_brings_no_new_bootstrap(store: Store) -> None:
    with store.begin() as tx:
        secret = tokens.create(tx, Principal("ci", ("deployer",)), author="ann")
        assert tokens.revoke(tx, "ci", author="ann") == 1
        assert tokens.revoke(tx, "ci", author="ann") == 0
        assert tokens.lookup(tx, secret) is None
        assert tokens.bootstrap(tx) is None


def test_the_api_learns_which_worker_lives_and_what_its_cluster_can(store: Store) -> None:
    with store.read() as tx:
        assert workers.newest(tx) is None
    with store.begin() as tx:
        workers.record_worker(tx, "w1", Capabilities())
    with store.begin() as tx:
        workers.record_worker(tx, "w2", Capabilities(keda=False, notes=("no KEDA",)))

    with store.begin() as tx:
        newest = workers.newest(tx)
        assert newest is not None
        assert (newest.owner, newest.capabilities.keda) == ("w2", False)
        assert 0 <= newest.age < workers.ALIVE_S
        workers.leave(tx, "w2")
        left = workers.newest(tx)
        assert left is not None
        assert left.owner == "w1"


def test_a_question_is_asked_taken_by_one_and_answered_once(store: Store) -> None:
    with store.begin() as tx:
        request = inquiries.ask(tx, "preflight", {"name": "demo"})
    with store.begin() as tx:
        (taken,) = inquiries.take(tx, limit=5, seconds=60)
    assert (taken.id, taken.kind, taken.body, taken.answer) == (
        request,
        "preflight",
        {"name": "demo"},
        None,
    )

    with store.begin() as tx:
        assert inquiries.take(tx, limit=5, seconds=60) == ()
        assert inquiries.answer(tx, request, {"ok": True})
        assert not inquiries.answer(tx, request, {"ok": False})
    with store.read() as tx:
        seen = inquiries.get(tx, request)
    assert seen is not None
    assert seen.answer == {"ok": True}


def test_a_question_whose_worker_died_is_taken_again(store: Store) -> None:
    with store.begin() as tx:
        inquiries.ask(tx, "tenants", {})
    with store.begin() as tx:
        assert len(inquiries.take(tx, limit=1, seconds=-1)) == 1
    with store.begin() as tx:
        assert len(inquiries.take(tx, limit=1, seconds=60)) == 1
