"""What a request body may be, without any service around it."""

import pytest

from tidegate.core.errors import shown
from tidegate.web.bodies import DEPTH_LIMIT, parse
from tidegate.web.problems import ApiError


def test_plain_json_passes():
    assert parse(b'{"a": [1, 2.5, "x", null, true]}') == {"a": [1, 2.5, "x", None, True]}


def test_depth_is_counted_exactly():
    deepest = b"[" * DEPTH_LIMIT + b"]" * DEPTH_LIMIT
    assert parse(deepest)
    with pytest.raises(ApiError, match="nested"):
        parse(b"[" + deepest + b"]")


@pytest.mark.parametrize(
    ("body", "word"),
    {
        b"": "not JSON",
        b"{'a': 1}": "not JSON",
        b"\xff": "not JSON",
        b"Infinity": "Infinity",
        b'["\\u0000"]': "NUL",
        b'{"\\u0000": 1}': "NUL",
        b'"\\udc00"': "surrogate",
        b"1" * 5000: "not JSON",
        b"[" * 200_000: "nested",
    }.items(),
)
def test_what_cannot_be_stored_or_read_is_refused(body, word):
    with pytest.raises(ApiError, match=word) as caught:
        parse(body)
    assert caught.value.status == 422


def test_refused_values_are_quoted_at_a_bounded_length():
    assert shown(10**5000) == "an integer of more than 80 digits"
    assert len(shown("x" * 10_000)) < 100
    assert shown(25.5) == "25.5"
