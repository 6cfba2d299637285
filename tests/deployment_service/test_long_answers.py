"""A stream ends with the right to see it, not only with its own time limit."""

import pytest

from tests.deployment_service.test_access import token
from tidegate.core.access import Role
from tidegate.deployment_service.access import Still
from tidegate.deployment_service.calls import Caller
from tidegate.store import tokens

pytestmark = pytest.mark.real


def test_a_revoked_token_ends_what_it_began(api):
    now = [0.0]
    secret = token(api, Role.VIEWER, "team-a")
    services = api.client.app.state.services
    who = services.identities.lookup(secret)
    still = Still(Caller(services, who, "/"), secret, clock=lambda: now[0])
    now[0] = 20
    assert still.may_view("team-a")
    assert still.may_view("team-b"), "asked a moment ago"
    now[0] = 40
    assert not still.may_view("team-b")
    with api.store.begin() as tx:
        tokens.revoke(tx, who.name, author="test", namespace="team-a")
    assert still.may_view("team-a"), "asked a moment ago"
    now[0] = 60
    assert not still.may_view("team-a")
