"""Whose a token is: local users, people of an OpenID Connect provider, pipelines; and everything
that only looks so."""

import base64
import hmac
import json
import time

import httpx2
import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey
from starlette.testclient import TestClient

from tests.deployment_service.conftest import Api, FakeAsker, FakeRegistry, quick
from tidegate.deployment_service.app import create_app
from tidegate.deployment_service.identity import Transports
from tidegate.settings import Settings
from tidegate.store import Store, people, tokens
from tidegate.store.installation import store_id
from tidegate.web.keyring import parse, rotated

pytestmark = pytest.mark.real

ISSUER = "https://login.example.com"
PASSWORD = "correct horse battery"
RSA = RSAKey.generate_key(2048, {"kid": "rsa-1"})


class Provider:
    """An OpenID Connect provider: its two documents."""

    def __init__(self):
        self.keys = [RSA]
        self.asked = []

    def __call__(self, request):
        self.asked.append(request.url.path)
        if request.url.path.endswith("/openid-configuration"):
            return httpx2.Response(200, json={"issuer": ISSUER, "jwks_uri": f"{ISSUER}/keys"})
        return httpx2.Response(
            200, json={"keys": [key.as_dict(private=False) for key in self.keys]}
        )


class Identities:
    """The service with a key ring and a provider, and its administrator."""

    def __init__(self, store: Store, token: str, ring, **settings):
        self.ring = ring
        self.provider = Provider()
        self.time = 0.0
        ring.write_text(rotated(None, "k1"))
        chosen = Settings(
            database_url=store.url, token_keys_file=ring, oidc_issuer=ISSUER, **settings
        )
        transports = Transports(
            oidc=httpx2.MockTransport(self.provider),
            now=lambda: time.time() + self.time,
            passwords=quick,
        )
        app = create_app(store, FakeRegistry(), chosen, asker=FakeAsker(), transports=transports)
        self.api = Api(store, TestClient(app), token)

    def user(self, name="ann", role=None, namespace="team-a"):
        self.api.ok("POST", "/api/v1/users", {"name": name, "password": PASSWORD})
        if role:
            self.api.ok(
                "POST", f"/api/v1/access/{namespace}/bindings", {"user": name, "role": role}
            )

    def log_in(self, name="ann", password=PASSWORD):
        return self.api.client.post(
            "/api/v1/auth/token", json={"username": name, "password": password}
        )

    def token(self, name="ann"):
        return self.log_in(name).json()["access_token"]

    def who(self, token, path="/api/v1/whoami"):
        return self.api.client.get(path, headers={"Authorization": f"Bearer {token}"})

    def refused(self, token):
        answer = self.who(token)
        assert answer.status_code == 401, answer.text
        assert answer.headers["www-authenticate"].startswith("Bearer")
        return answer.json()["detail"]

    def signed(self, key=RSA, alg="RS256", header=None, **claims):
        now = int(time.time())
        values = {
            "iss": ISSUER,
            "aud": "tidegate",
            "sub": "ann",
            "iat": now,
            "exp": now + 60,
            **claims,
        }
        values = {name: value for name, value in values.items() if value is not None}
        return jwt.encode({"alg": alg, "kid": "rsa-1", **(header or {})}, values, key, [alg])


@pytest.fixture
def world(database, tmp_path):
    store = Store(database)
    with store.begin() as tx:
        token = tokens.bootstrap(tx)
    yield Identities(store, token, tmp_path / "keys.json")
    store.close()


def part(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def test_a_local_user_logs_in_has_the_roles_of_now_and_loses_them_with_the_password(world):
    world.user("ann", "viewer")
    answer = world.log_in()
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    token = answer.json()["access_token"]
    assert world.who(token).json()["grants"] == {"team-a": "viewer"}
    world.api.ok("POST", "/api/v1/access/team-a/bindings", {"user": "ann", "role": "editor"})
    assert world.who(token).json()["grants"] == {"team-a": "editor"}
    world.api.ok("PUT", "/api/v1/users/ann/password", {"password": PASSWORD + "!"})
    assert "new password" in world.refused(token), "an old token is of no use again"
    assert world.log_in().status_code == 401
    token = world.log_in(password=PASSWORD + "!").json()["access_token"]
    assert world.who(token).status_code == 200
    world.api.ok("DELETE", "/api/v1/users/ann")
    assert "the user is gone" in world.refused(token)
    world.user("ann")
    assert "log in again" in world.refused(token), "another one with the name is another one"
    assert world.who(world.token()).json()["grants"] == {}, "roles went with the user"


def test_tokens_end_and_keys_are_exchanged_without_logging_anybody_out(world):
    world.user()
    old = world.token()
    world.ring.write_text(rotated(world.ring.read_text(), "k2"))
    assert world.who(old).status_code == 200
    new = world.token()
    assert parse(world.ring.read_text()).signing == "k2"
    world.ring.write_text(rotated(world.ring.read_text(), "k3", keep=1))
    assert "no key of" in world.refused(old)
    assert world.who(new).status_code == 200
    world.time = 3600 + 31
    assert world.refused(new) == "the token has expired: get a new one"
    world.ring.write_text("{}")
    answer = world.log_in()
    assert (answer.status_code, answer.json()["code"]) == (503, "no-key-ring")


def test_log_ins_are_counted_before_the_password_is_looked_at(world):
    world.user()
    for _ in range(5):
        assert world.log_in(password="wrong").json()["detail"] == "user or password is wrong"
    answer = world.log_in()
    assert answer.status_code == 429, "also with the right password now"
    assert int(answer.headers["retry-after"]) > 0
    assert world.log_in("nobody", "wrong").json()["detail"] == "user or password is wrong", (
        "as for a known name"
    )
    assert (
        'tidegate_unauthenticated_total{reason="password"} 6.0'
        in world.api.client.get("/metrics").text
    )


def test_people_of_a_provider_have_the_roles_of_their_groups(world):
    world.api.ok("POST", "/api/v1/access/team-a/bindings", {"group": "oidc:ml", "role": "approver"})
    message = world.who(world.signed(groups=["ml", "a,b", 7, "evil\r\nX-Admin: 1"])).json()
    assert (message["name"], message["grants"]) == ("oidc:ann", {"team-a": "approver"})
    answer = world.who(world.signed(groups=["ml", "evil\r\nX-Admin: 1"]), "/api/v1/auth/verify")
    assert answer.headers["x-tidegate-user"] == "oidc:ann"
    assert answer.headers["x-tidegate-groups"] == "oidc:ml"
    assert "x-admin" not in answer.headers
    assert world.provider.asked == ["/.well-known/openid-configuration", "/keys"], "keys are kept"


def test_what_only_looks_like_a_token_is_refused_with_the_reason(world):
    world.user("ann", "admin")
    mine = world.token()
    public = RSA.as_pem(private=False)
    head, body, signature = mine.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    confused = f"{part({'alg': 'HS256', 'kid': 'rsa-1'})}.{part({'iss': ISSUER, 'aud': 'tidegate', 'sub': 'ann'})}"
    confused += "." + base64.urlsafe_b64encode(
        hmac.digest(public, confused.encode(), "sha256")
    ).decode().rstrip("=")
    cases = {
        "alg none": (f"{part({'alg': 'none', 'typ': 'JWT'})}.{body}.", "not signed"),
        "alg none with a signature": (f"{part({'alg': 'nOnE'})}.{body}.{signature}", "not signed"),
        "changed": (f"{head}.{part({**claims, 'sub': 'admin'})}.{signature}", "signature is wrong"),
        "public key as a secret": (confused, "never signed with 'HS256'"),
        "ours, signed with RSA": (world.signed(iss=claims["iss"]), "never signed with 'RS256'"),
        "ours, another key": (
            world.signed(OctKey.generate_key(256), "HS256", {"kid": "k1"}, iss=claims["iss"]), "signature is wrong",
        ),
        "ours, of another installation": (
            world.signed(OctKey.generate_key(256), "HS256", {"kid": "k1"}, iss="tidegate:other"), "signature is wrong",
        ),
        "another audience": (world.signed(aud="grafana"), "not for here: its aud"),
        "no audience": (world.signed(aud=None), "not for here: its aud"),
        "no end": (world.signed(exp=None), "its exp is missing"),
        "expired": (world.signed(exp=int(time.time()) - 31), "expired"),
        "not yet": (world.signed(nbf=int(time.time()) + 300), "its nbf"),
        "another issuer": (world.signed(iss="https://evil.example.com"), "nobody here trusts the issuer"),
        "unknown key": (world.signed(header={"kid": "rsa-2"}), "no key of"),
        "another provider's key": (world.signed(RSAKey.generate_key(2048)), "signature is wrong"),
        "for logging out": (world.signed(header={"typ": "logout+jwt"}), "type that is not for calling"),
        "a name for headers": (world.signed(sub="ann\r\nX-Tidegate-User: admin"), "is no name"),
        "critical unknown": (f"{part({'alg': 'RS256', 'kid': 'rsa-1', 'crit': ['x'], 'x': 1})}.{body}.AA", ""),
        "dots": ("..", "unknown"),
        "too long": (f"a.{'b' * 20_000}.c", "unknown"),
        "pipeline's": ("tg_" + "a" * 43, "unknown or revoked"),
    }  # fmt: skip
    for name, (token, reason) in cases.items():
        assert reason in world.refused(token), name
    assert world.who(mine).status_code == 200


def test_a_token_of_another_installation_is_not_ours_even_with_the_same_keys(world):
    world.user()
    ring = parse(world.ring.read_text())
    with world.api.store.read() as tx:
        mine = store_id(tx)
    token = world.signed(ring.keys["k1"], "HS256", {"kid": "k1"}, iss=f"tidegate:{mine[:-1]}x")
    assert "its iss" in world.refused(token)


def test_a_pipelines_token_has_one_role_in_one_namespace_for_a_while(world):
    api = world.api
    made = api.ok(
        "POST", "/api/v1/access/team-a/tokens", {"name": "ci", "role": "editor", "lasts": 60}
    )
    assert made["name"] == "service:team-a:ci"
    assert world.who(made["token"]).json()["grants"] == {"team-a": "editor"}
    (listed,) = api.ok("GET", "/api/v1/access/team-a/tokens")["items"]
    assert "token" not in listed
    key = {"Idempotency-Key": "one"}
    request = {"name": "cd", "role": "viewer"}
    first = api.ok("POST", "/api/v1/access/team-a/tokens", request, headers=key)
    assert (
        first["token"]
        != api.ok("POST", "/api/v1/access/team-a/tokens", request, headers=key)["token"]
    ), "not kept"
    assert api.ok("POST", "/api/v1/access/team-a/tokens?dry_run=true", request)["token"] is None
    ended = tokens.Principal("service:team-a:old", ("admin",), "team-a")
    with api.store.begin() as tx:
        past = tokens.create(tx, ended, author="test", lasts=-1)
    assert "unknown or revoked" in world.refused(past)
    assert api.ok("DELETE", "/api/v1/access/team-a/tokens/ci")["count"] == 1
    assert "unknown or revoked" in world.refused(made["token"])
    assert api.ok("DELETE", "/api/v1/access/*/tokens/admin")["name"] == "admin", (
        "the first one, once there are others"
    )
    assert api.get("/api/v1/whoami").status_code == 401


def test_a_proxy_in_front_asks_who_may_pass(world):
    world.user("ann", "editor")
    token = world.token()
    path = "/api/v1/auth/verify/team-a/editor/any/path?role=admin"
    auth = {"Authorization": f"Bearer {token}"}
    for method in ("GET", "POST", "DELETE"):
        passed = world.api.client.request(method, path, headers=auth)
        assert (passed.status_code, passed.headers["x-tidegate-user"]) == (200, "ann"), method
    assert world.who(token, "/api/v1/auth/verify/team-a/approver").status_code == 403
    assert world.who(token, "/api/v1/auth/verify/team-b/viewer").status_code == 403
    assert world.who(token, "/api/v1/auth/verify/*/viewer").status_code == 403
    assert world.api.client.get("/api/v1/auth/verify").status_code == 401


def test_no_secret_is_kept_or_said_back(world, capfd):
    """Passwords and tokens are in no row, no ledger line, no problem and no log."""
    api = world.api
    short = api.post("/api/v1/users", {"name": "bob", "password": "tooshort"})
    assert short.status_code == 422
    assert "tooshort" not in short.text
    api.ok(
        "POST",
        "/api/v1/users",
        {"name": "bob", "password": PASSWORD},
        headers={"Idempotency-Key": "u"},
    )
    token = world.token("bob")
    world.refused(token[:-4] + "AAAA")
    made = api.ok("POST", "/api/v1/access/*/tokens", {"name": "ci", "role": "viewer"})["token"]
    with api.store.read() as tx:
        tables = ("users", "tokens", "ledger", "idempotency_keys")
        results = [str(tuple(item)) for name in tables for item in _all(tx, name)]
        assert people.users(tx)[0].password_hash.startswith("$argon2id$")
    assert "user.add" in "".join(results)
    out, err = capfd.readouterr()
    for secret in (PASSWORD, token, made, world.ring.read_text().split('"k": "')[1][:20]):
        assert secret not in "".join(results) + out + err


def _all(tx, table):
    from tidegate.store.engine import rows

    return rows(tx, f"SELECT * FROM {table}")
