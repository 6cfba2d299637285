"""A repeated request has one effect and one answer."""

from dataclasses import replace

import pytest
from store.builders import KEY, make_endpoint

from tidegate.store import endpoints, housekeeping
from tidegate.store.engine import Store, Tx
from tidegate.store.idempotency import (
    InProgress,
    KeyScope,
    New,
    OtherBody,
    Replay,
    Response,
    claim_key,
    finish_key,
)

pytestmark = pytest.mark.real

SCOPE = KeyScope("ann", "POST", "/api/v1/endpoints", "k1")
RESPONSE = Response(201, {"ETag": '"1"'}, b'{"name": "demo"}')


def _done(tx: Tx, scope: KeyScope = SCOPE, *, keep: float = 60) -> None:
    assert claim_key(tx, scope, "body-1") == New()
    finish_key(tx, scope, "body-1", RESPONSE, keep=keep)


def test_the_first_answer_is_sent_again(store: Store) -> None:
    with store.begin() as tx:
        _done(tx)
    with store.begin() as tx:
        assert claim_key(tx, SCOPE, "body-1") == Replay(RESPONSE)


def test_a_key_for_another_body_is_refused(store: Store) -> None:
    with store.begin() as tx:
        _done(tx)
    with store.begin() as tx:
        assert claim_key(tx, SCOPE, "body-2") == OtherBody()


@pytest.mark.parametrize(
    "other", [{"principal": "bob"}, {"method": "PATCH"}, {"path": "/elsewhere"}, {"key": "k2"}]
)
def test_keys_are_scoped(store: Store, other: dict[str, str]) -> None:
    with store.begin() as tx:
        _done(tx)
    with store.begin() as tx:
        assert claim_key(tx, replace(SCOPE, **other), "body-1") == New()


def test_the_same_request_at_the_same_time_does_not_wait(store: Store) -> None:
    with store.begin() as first:
        assert claim_key(first, SCOPE, "body-1") == New()
        with store.begin() as second:
            assert claim_key(second, SCOPE, "body-1") == InProgress()


def test_a_crash_leaves_neither_effect_nor_key(store: Store) -> None:
    made = make_endpoint(store)

    def crash() -> None:
        with store.begin() as tx:
            _done(tx)
            endpoints.set_spec(tx, KEY, {"changed": True})
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError):
        crash()

    with store.begin() as tx:
        assert claim_key(tx, SCOPE, "body-1") == New()
        assert endpoints.get(tx, KEY) == made.endpoint


def test_an_expired_key_is_new_and_may_be_forgotten(store: Store) -> None:
    with store.begin() as tx:
        _done(tx, keep=-1)
    with store.begin() as tx:
        assert claim_key(tx, SCOPE, "other") == New()
        finish_key(tx, SCOPE, "other", RESPONSE, keep=-1)
    with store.begin() as tx:
        assert housekeeping.prune(tx) == 1
        assert housekeeping.prune(tx) == 0
