"""Tokens of an OpenID Connect provider, verified with the public keys that it publishes (JWKS).

The keys are fetched from the address that the operator has set, or that the issuer's discovery
document names; never from a token's `jku` or `x5u`. No redirect is followed.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx2
import structlog
from joserfc.errors import JoseError
from joserfc.jwk import Key, import_key

from tidegate.core.shown_address import shown_address
from tidegate.web.auth import unauthorized
from tidegate.web.jwt import Trust, peek, verify
from tidegate.web.names import clean_groups, clean_name
from tidegate.web.problems import ApiError

log = structlog.get_logger("oidc")

ALGORITHMS = {
    "RSA": ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    "EC": ("ES256", "ES384", "ES512"),
}
LARGEST = 1_000_000  # bytes of a document of the provider


@dataclass(frozen=True, slots=True)
class Provider:
    """issuer: as in `iss`. jwks_url: "": as its discovery document says. name_claim, groups_claim:
    what becomes the name and the groups, with `prefix` before each."""

    issuer: str
    audience: str
    jwks_url: str = ""
    name_claim: str = "sub"
    groups_claim: str = "groups"
    prefix: str = "oidc:"


@dataclass(frozen=True, slots=True)
class Person:
    """Who a token speaks for."""

    name: str
    groups: tuple[str, ...]


class Oidc:
    """Verifies tokens. fresh: seconds for which keys are taken as they are; eager: seconds between
    two fetches for a key that is not known. transport: None: the network. clock: monotonic seconds;
    now: epoch seconds."""

    def __init__(
        self,
        provider: Provider,
        *,
        transport: httpx2.BaseTransport | None = None,
        fresh: float = 300.0,
        eager: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        _check_url("TIDEGATE_OIDC_ISSUER", provider.issuer)
        if provider.jwks_url:
            _check_url("TIDEGATE_OIDC_JWKS_URL", provider.jwks_url)
        self.provider = provider
        self._fresh = fresh
        self._eager = eager
        self._clock = clock
        self._now = now
        self._http = httpx2.Client(timeout=5.0, transport=transport, follow_redirects=False)
        self._guard = threading.Lock()
        self._keys: dict[str, Key] = {}
        self._tried: float | None = None

    def person(self, token: str) -> Person:
        """Raises ApiError: 401 with the reason, 503 where the provider's keys cannot be had."""
        provider = self.provider
        unproven = peek(token)
        keys = self._known(unproven.key_id)
        key = keys.get(unproven.key_id)
        if key:
            allowed = ALGORITHMS.get(key.key_type, ())
        else:
            allowed = sum(ALGORITHMS.values(), ())
        if key is not None and key.get("alg"):
            if key.get("alg") in allowed:
                allowed = (str(key.get("alg")),)
            else:
                allowed = ()
        claims = verify(
            token, Trust(provider.issuer, provider.audience, allowed), keys, self._now()
        )
        # Some send text
        if provider.name_claim == "email" and claims.get("email_verified") not in (
            True,
            "true",
        ):
            raise unauthorized("the token's email is not verified by its provider", "claims")
        name = clean_name(claims.get(provider.name_claim), f"the token's {provider.name_claim}")
        groups = clean_groups(claims.get(provider.groups_claim))
        return Person(
            f"{provider.prefix}{name}", tuple(f"{provider.prefix}{group}" for group in groups)
        )

    def _known(self, key_id: str) -> dict[str, Key]:
        with self._guard:
            now = self._clock()
            if key_id not in self._keys:
                wait = self._eager
            else:
                wait = self._fresh
            if self._tried is None or now - self._tried >= wait:
                self._tried = now
                try:
                    self._keys = self._fetch()
                except (httpx2.HTTPError, ValueError, KeyError, TypeError, JoseError) as error:
                    log.warning(
                        "keys not fetched", issuer=self.provider.issuer, error=str(error)[:200]
                    )
            if not self._keys:
                issuer = shown_address(self.provider.issuer)
                detail = f"the keys of {issuer} cannot be had: repeat; the service's log says why"
                raise ApiError(503, "no-provider", detail, headers={"Retry-After": "10"})
            return self._keys

    def _fetch(self) -> dict[str, Key]:
        url = self.provider.jwks_url
        if not url:
            result = self._get(
                f"{self.provider.issuer.rstrip('/')}/.well-known/openid-configuration"
            )
            if result["issuer"] != self.provider.issuer:
                raise ValueError(f"the discovery document is of {str(result['issuer'])[:80]!r}")
            url = str(result["jwks_uri"])
            _check_url("jwks_uri", url)
        keys = {}
        for key in self._get(url)["keys"]:
            if key.get("kty") in ALGORITHMS and key.get("use", "sig") == "sig" and key.get("kid"):
                keys[str(key["kid"])] = import_key(key)
        return keys

    def _get(self, url: str) -> dict[str, Any]:
        with self._http.stream("GET", url, headers={"Accept": "application/json"}) as response:
            if response.status_code != 200:
                raise ValueError(f"{shown_address(url)} answered {response.status_code}")
            body = b""
            for chunk in response.iter_bytes():
                body += chunk
                if len(body) > LARGEST:
                    raise ValueError(f"{shown_address(url)} is larger than {LARGEST} bytes")
        result: dict[str, Any] = httpx2.Response(200, content=body).json()
        return result


def _check_url(setting: str, url: str) -> None:
    """https, or http on this machine. Raises ValueError."""
    parts = urlsplit(url)
    local = parts.hostname in ("127.0.0.1", "localhost", "::1")
    if not parts.hostname or not (parts.scheme == "https" or (parts.scheme == "http" and local)):
        raise ValueError(
            f"{setting}: {shown_address(url)!r} is no https URL: keys from elsewhere could be "
            "anybody's"
        )
