"""The keys of an OpenID Connect provider: kept, renewed, believed only where they may be."""

import time

import httpx2
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

from tidegate.web.oidc import Oidc, Provider
from tidegate.web.problems import ApiError

ISSUER = "https://login.example.com"
KEYS = {
    "rsa": RSAKey.generate_key(2048, {"kid": "rsa"}),
    "ec": ECKey.generate_key("P-256", {"kid": "ec"}),
}


class FakeProvider:
    """A provider whose documents may be away, and a clock."""

    def __init__(self, **provider):
        self.time = 0.0
        self.asked = 0
        self.away = False
        self.keys = [KEYS["rsa"].as_dict(private=False)]
        self.issuer = ISSUER
        self.oidc = Oidc(
            Provider(ISSUER, "tidegate", **provider),
            transport=httpx2.MockTransport(self.answer),
            clock=lambda: self.time,
        )

    def answer(self, request):
        self.asked += 1
        if self.away:
            raise httpx2.ConnectError("refused")
        if "well-known" in request.url.path:
            return httpx2.Response(200, json={"issuer": self.issuer, "jwks_uri": f"{ISSUER}/keys"})
        return httpx2.Response(200, json={"keys": self.keys})

    def refused(self, token):
        with pytest.raises(ApiError) as error:
            self.oidc.person(token)
        return error.value


def token(key="rsa", alg="RS256", **claims):
    now = int(time.time())
    values = {
        "iss": ISSUER,
        "aud": ["tidegate", "other"],
        "sub": "ann",
        "iat": now,
        "exp": now + 60,
        **claims,
    }
    return jwt.encode({"alg": alg, "kid": key}, values, KEYS[key], [alg])


def test_keys_are_kept_renewed_and_outlive_their_provider():
    world = FakeProvider(jwks_url=f"{ISSUER}/keys")
    assert world.oidc.person(token()).name == "oidc:ann"
    assert world.oidc.person(token()).name == "oidc:ann"
    assert world.asked == 1
    assert world.refused(token("ec", "ES256")).reason == "key"
    assert world.asked == 1, "a flood of unknown keys asks nobody"
    world.time = 10
    world.keys.append(KEYS["ec"].as_dict(private=False))
    assert world.oidc.person(token("ec", "ES256")).name == "oidc:ann", "a new key counts at once"
    world.away = True
    world.time = 1000
    assert world.oidc.person(token()).name == "oidc:ann"
    assert world.asked == 3


def test_a_provider_that_never_answered_is_503_and_no_yes():
    world = FakeProvider()
    world.away = True
    assert (world.refused(token()).status, world.refused(token()).code) == (503, "no-provider")
    world.away = False
    world.time = 20
    world.issuer = "https://evil.example.com"
    assert world.refused(token()).status == 503, "a discovery document of somebody else"


def test_a_key_is_used_for_nothing_but_its_own_algorithms():
    world = FakeProvider(jwks_url=f"{ISSUER}/keys")
    shared = OctKey.generate_key(256, {"kid": "oct"}).as_dict(private=True)
    encrypts = {**KEYS["ec"].as_dict(private=False), "use": "enc"}
    world.keys = [shared, encrypts, {**world.keys[0], "alg": "RS256"}]
    assert world.oidc.person(token()).name == "oidc:ann"
    assert world.refused(token(alg="PS256")).reason == "algorithm", (
        "the provider says what it is for"
    )
    assert world.refused(token("ec", "ES256")).reason == "key", "not for signing"
    secret = jwt.encode(
        {"alg": "HS256", "kid": "oct"}, {"iss": ISSUER}, OctKey.import_key(shared), ["HS256"]
    )
    assert world.refused(secret).reason == "algorithm"


def test_names_come_from_the_chosen_claim():
    world = FakeProvider(name_claim="email", groups_claim="roles")
    person = world.oidc.person(token(email="ann@example.com", email_verified=True, roles="ml"))
    assert (person.name, person.groups) == ("oidc:ann@example.com", ("oidc:ml",))
    for unverified in ({"email_verified": False}, {"email_verified": "false"}, {}):
        assert "not verified" in world.refused(token(email="ann@example.com", **unverified)).detail
    assert "is no name" in world.refused(token(email_verified=True)).detail


@pytest.mark.parametrize(
    "url", ["http://login.example.com", "file:///etc/passwd", "login.example.com", ""]
)
def test_an_issuer_that_anybody_could_answer_for_is_refused_at_the_start(url):
    with pytest.raises(ValueError, match="is no https URL"):
        Oidc(Provider(url, "tidegate"))


def test_a_document_without_end_is_not_read_to_its_end():
    world = FakeProvider(jwks_url=f"{ISSUER}/keys")
    world.keys = [{"kty": "RSA", "kid": "x" * 2_000_000}]
    assert world.refused(token()).status == 503
