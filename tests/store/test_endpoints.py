"""Endpoints, revisions and intents over their whole life."""

from dataclasses import replace

import pytest
from store.builders import KEY, MODEL, make_endpoint

from tidegate.core.intent import EndpointKey, Runtime
from tidegate.store import endpoints, intents, revisions, rollouts
from tidegate.store.engine import Store
from tidegate.store.errors import BadPageToken
from tidegate.store.paging import encode
from tidegate.store.values import Appended, Exists, Stale

pytestmark = pytest.mark.real


def test_a_new_endpoint_has_its_first_revision_and_its_first_intent(store: Store) -> None:
    made = make_endpoint(store)

    assert made.revision.number == 1
    assert made.intent.generation == 1
    assert made.intent.stable == 1
    with store.read() as tx:
        assert endpoints.get(tx, KEY) == made.endpoint
        stored = intents.current_intent(tx, KEY)
        assert stored is not None
        assert stored.intent == made.intent
        revision = revisions.get_revision(tx, KEY, 1)
        assert revision is not None
        assert revision.revision == made.revision
        assert revision.created_by == "ann"
        assert revisions.get_revision(tx, KEY, 2) is None


def test_a_name_in_use_is_answered_with_its_endpoint(store: Store) -> None:
    made = make_endpoint(store)

    with store.begin() as tx:
        again = endpoints.create(
            tx,
            KEY,
            mode=made.endpoint.mode,
            spec={},
            model=MODEL,
            runtime=Runtime(),
            scaling=made.intent.scaling,
            author="bob",
            message="",
        )

    assert again == Exists(made.endpoint)


def test_numbers_go_on_after_delete_and_create(store: Store) -> None:
    made = make_endpoint(store)
    with store.begin() as tx:
        gone = intents.append_intent(tx, replace(made.intent, stable=None, message="delete"), 1)
    assert isinstance(gone, Appended)
    with store.read() as tx:
        deleted = endpoints.get(tx, KEY)
        assert deleted is not None
        assert deleted.deleted_at is not None
        assert endpoints.list_endpoints(tx).items == ()

    again = make_endpoint(store)

    assert again.endpoint.id == made.endpoint.id
    assert (again.revision.number, again.intent.generation) == (2, 3)
    assert again.endpoint.deleted_at is None


def test_an_author_who_saw_an_older_generation_is_refused(store: Store) -> None:
    made = make_endpoint(store)
    with store.begin() as tx:
        first = intents.append_intent(tx, replace(made.intent, message="faster"), 1)
    assert isinstance(first, Appended)

    with store.begin() as tx:
        late = intents.append_intent(tx, replace(made.intent, message="slower"), 1)

    assert late == Stale(2)
    with store.read() as tx:
        assert [s.intent.message for s in intents.history(tx, KEY).items] == ["faster", "first"]


def test_a_transaction_that_raises_leaves_nothing(store: Store) -> None:
    def crash() -> None:
        with store.begin() as tx:
            endpoints.create(
                tx,
                KEY,
                mode=made_mode,
                spec={},
                model=MODEL,
                runtime=Runtime(),
                scaling=scaling,
                author="ann",
                message="",
            )
            raise RuntimeError("power cut")

    other = make_endpoint(store, EndpointKey("team-a", "other"))
    made_mode = other.intent.mode
    scaling = other.intent.scaling
    with pytest.raises(RuntimeError, match="power cut"):
        crash()

    with store.read() as tx:
        assert endpoints.get(tx, KEY) is None


def test_pages_stay_whole_while_others_insert(store: Store) -> None:
    for name in ("b", "d", "f"):
        make_endpoint(store, EndpointKey("team-a", name))
    with store.read() as tx:
        first = endpoints.list_endpoints(tx, limit=2)
    make_endpoint(store, EndpointKey("team-a", "a"))  # before the page: must not shift the next one
    make_endpoint(store, EndpointKey("team-a", "e"))  # after it: appears

    with store.read() as tx:
        second = endpoints.list_endpoints(tx, page_token=first.next_token, limit=2)

    assert [e.key.name for e in first.items] == ["b", "d"]
    assert [e.key.name for e in second.items] == ["e", "f"]
    assert second.next_token is None


def test_a_list_shows_only_the_namespaces_asked_for(store: Store) -> None:
    make_endpoint(store, EndpointKey("team-a", "x"))
    make_endpoint(store, EndpointKey("team-b", "x"))

    with store.read() as tx:
        assert [str(e.key) for e in endpoints.list_endpoints(tx, namespaces=("team-b",)).items] == [
            "team-b/x"
        ]
        assert endpoints.list_endpoints(tx, namespaces=()).items == ()


def test_history_and_revisions_page_backwards(store: Store) -> None:
    made = make_endpoint(store)
    for number in (1, 2, 3):
        with store.begin() as tx:
            revisions.add_revision(tx, KEY, MODEL, Runtime(version=str(number)), author="ann")
            intents.append_intent(tx, made.intent, number)

    with store.read() as tx:
        newest = revisions.list_revisions(tx, KEY, limit=3)
        oldest = revisions.list_revisions(tx, KEY, limit=3, page_token=newest.next_token)
        history = intents.history(tx, KEY, limit=3)
        rest = intents.history(tx, KEY, limit=3, page_token=history.next_token)

    assert [r.revision.number for r in (*newest.items, *oldest.items)] == [4, 3, 2, 1]
    assert [s.intent.generation for s in (*history.items, *rest.items)] == [4, 3, 2, 1]


@pytest.mark.parametrize("token", ["x", "WzFd", "bm9uZQ", "é"])
def test_a_token_from_elsewhere_is_refused_by_name(store: Store, token: str) -> None:
    with store.read() as tx, pytest.raises(BadPageToken, match=r"^page_token .* list$"):
        endpoints.list_endpoints(tx, page_token=token)


def test_a_token_with_a_number_that_no_row_can_have_is_refused(store: Store) -> None:
    with store.read() as tx, pytest.raises(BadPageToken, match=r"^page_token .* list$"):
        intents.history(tx, KEY, page_token=encode((2**70,)))


def test_a_name_that_postgres_cannot_hold_is_not_found(store: Store) -> None:
    strange = EndpointKey("team-a", "de\x00mo\ud800")
    with store.read() as tx:
        assert endpoints.get(tx, strange) is None
        assert endpoints.list_endpoints(tx, namespaces=("\x00",)).items == ()
        assert rollouts.get(tx, "\x00") is None


def test_equal_revisions_have_equal_digests() -> None:
    elsewhere = replace(MODEL, uri="s3://copy/of/it")
    assert revisions.digest(MODEL, Runtime()) == revisions.digest(elsewhere, Runtime())
    assert revisions.digest(MODEL, Runtime()) != revisions.digest(MODEL, Runtime(gpu=1))
