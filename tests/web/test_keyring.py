"""Keys that sign, and how often a password may be tried."""

import json

import pytest

from tidegate.web.attempts import Attempts
from tidegate.web.keyring import BadKeyRing, KeyRing, parse, rotated


def test_a_new_key_signs_and_old_ones_verify_until_they_drop_out():
    text = None
    for number in range(4):
        text = rotated(text, f"k{number}")
    ring = parse(text)
    assert (ring.signing, list(ring.keys)) == ("k3", ["k3", "k2", "k1"])
    with pytest.raises(BadKeyRing, match="wait a second"):
        rotated(text, "k3")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no JWK Set"),
        ("[]", "no JWK Set"),
        ('{"keys": []}', "needs keys"),
        (
            '{"keys": [{"kty": "oct", "kid": "a", "k": "c2VjcmV0LXNlY3JldA"}]}',
            "fewer than 32 bytes",
        ),
        (
            '{"keys": [{"kty": "RSA", "kid": "a", "n": "c2VjcmV0LXNlY3JldA", "e": "AQAB"}]}',
            "needs keys of kty oct",
        ),
    ],
)
def test_a_ring_that_cannot_be_used_says_why_and_not_what_is_in_it(text, message):
    with pytest.raises(BadKeyRing, match=message) as error:
        parse(text)
    assert "c2VjcmV0" not in str(error.value)


def test_the_same_id_twice_is_refused():
    keys = json.loads(rotated(None, "a"))["keys"] + json.loads(rotated(None, "a"))["keys"]
    with pytest.raises(BadKeyRing, match="another kid"):
        parse(json.dumps({"keys": keys}))


def test_a_ring_that_is_not_there_is_told_with_the_setting():
    with pytest.raises(BadKeyRing, match="TIDEGATE_TOKEN_KEYS_FILE"):
        KeyRing(None).now()


def test_attempts_are_counted_per_key_and_forgotten_in_time():
    now = [0.0]
    attempts = Attempts(clock=lambda: now[0])
    for _ in range(2):
        assert attempts.take({"ann@here": 2, "here": 3}) == 0
        now[0] += 10
    assert attempts.take({"ann@here": 2, "here": 3}) == 40, "until the first is a minute old"
    assert attempts.take({"bob@here": 2, "here": 3}) == 0
    assert attempts.take({"eve@here": 2, "here": 3}) == 40, "the address has had its own"
    attempts.forgive("ann@here")
    assert attempts.take({"ann@here": 2}) == 0
    now[0] = 61
    assert attempts.take({"eve@here": 2, "here": 3}) == 0
