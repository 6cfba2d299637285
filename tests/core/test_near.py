"""Near names: what is suggested for a slip, and that nothing is suggested for what is like
nothing."""

import pytest

from tidegate.core.near import hint, near

KNOWN = ("rollout-canary", "rollout-ab", "rollout-undo", "endpoint-deploy")


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("rollout-canari", "rollout-canary"),
        ("Rollout-Canary", "rollout-canary"),
        ("rolout-ab", "rollout-ab"),
        ("endpointdeploy", "endpoint-deploy"),
        ("canary", "rollout-canary"),
    ],
)
def test_a_slip_is_answered_with_what_was_meant(name: str, nearest: str) -> None:
    assert near(name, KNOWN)[0] == nearest


@pytest.mark.parametrize("name", ["", "x", "fraud", "x" * 100_000])
def test_what_is_like_nothing_gets_no_suggestion(name: str) -> None:
    assert near(name, KNOWN) == ()
    assert hint(name, KNOWN) == ""


def test_a_known_name_keeps_its_own_spelling() -> None:
    assert near("add_sbu", ("Add_Sub", "fraud")) == ("Add_Sub",)
    assert hint("add_sbu", ("Add_Sub", "add_sum")) == " (did you mean add_sum or Add_Sub?)"
