"""Addresses for people: the place, and never a password or a token."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.core.shown_address import HIDDEN, shown_address

SHA = "a" * 64


@pytest.mark.parametrize(
    ("address", "text"),
    [
        ("http://fraud.example", "http://fraud.example"),
        ("https://ann:pw@kfp.example:8888/pipeline", "https://kfp.example:8888/pipeline"),
        ("https://token@host/x", "https://host/x"),
        ("https://a@b:pw@host/x", "https://host/x"),
        ("https://acct.example/m?sv=1&sig=secret", "https://acct.example/m?…"),
        ("https://host/m;token=1", "https://host/m?…"),
        ("https://host/cb#access_token=1", "https://host/cb?…"),
        ("https://host/m?", "https://host/m"),
        ("https://[::1]:8443/x", "https://[::1]:8443/x"),
        ("s3://models/add_sub/1/", "s3://models/add_sub/1/"),
        (f"oci://host:5000/m@sha256:{SHA}", f"oci://host:5000/m@sha256:{SHA}"),
        (f"ann:pw@host:5000/m@sha256:{SHA}", f"host:5000/m@sha256:{SHA}"),
        ("host:5000/model:1.2", "host:5000/model:1.2"),
        ("pvc://claim/path", "pvc://claim/path"),
        ("", ""),
        ("no address", "no address"),
    ],
)
def test_the_place_is_shown(address: str, text: str) -> None:
    assert shown_address(address) == text
    assert shown_address(text) == text


@pytest.mark.parametrize(
    "address",
    [
        "https://ann:p/w@host/x",
        "https://ann:12/34@host/x",
        "https://ann:p?w@host/x",
        "https://ann:p#w@host/x",
        "https://ann:p;w@host/x",
        "https://host/@scope/pkg",
        "https://host:port:more/x",
        "ann:p/w@host/x",
        "https://[::1/x",
    ],
)
def test_what_cannot_be_told_apart_is_hidden(address: str) -> None:
    assert shown_address(address) == HIDDEN


SECRET = st.text(st.characters(categories=("L", "N", "P", "S")), min_size=1, max_size=12)


@given(SECRET)
def test_no_password_is_ever_shown(secret: str) -> None:
    marked = f"xyzzy{secret}xyzzy"
    for address in (
        f"https://ann:{marked}@host.example/path",
        f"https://{marked}@host.example:80/path",
        f"https://host.example/path?sig={marked}",
        f"https://host.example/path#{marked}",
        f"ann:{marked}@host.example/image",
    ):
        assert "xyzzy" not in shown_address(address)
