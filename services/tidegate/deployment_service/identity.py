"""Whose a bearer token is. Its shape and issuer say whom to ask; who is asked decides alone, by its
own keys and rules.

Names of different origins never meet: local users have bare names, service tokens begin with
`service:`, people of an OpenID Connect provider with `oidc:`, identities of the cluster with
`k8s:`.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx2
import structlog

from tidegate.core.access import roles
from tidegate.deployment_service.local_users import LocalUsers
from tidegate.settings import Settings
from tidegate.store import people, tokens
from tidegate.store.engine import Store
from tidegate.web.auth import Principal, unauthorized
from tidegate.web.jwt import peek
from tidegate.web.oidc import Oidc, Provider
from tidegate.web.passwords import Passwords
from tidegate.web.tokenreview import PREFIX, ApiServer, Reviews

log = structlog.get_logger("identity")


@dataclass(frozen=True, slots=True)
class Transports:
    """How to reach whom is asked, by what clock, and how passwords are hashed, for tests. None: the
    network."""

    oidc: httpx2.BaseTransport | None = None
    kubernetes: httpx2.BaseTransport | None = None
    now: Callable[[], float] = time.time
    passwords: Callable[[], Passwords] = Passwords


DIRECT = Transports()


class Identities:
    """Everything that can say whose a token is."""

    def __init__(self, store: Store, settings: Settings, transports: Transports = DIRECT) -> None:
        self._store = store
        self.local = LocalUsers(store, settings, transports.passwords(), transports.now)
        self._oidc = _oidc(settings, transports)
        self._reviews = _reviews(settings, transports)

    def lookup(self, secret: str) -> Principal | None:
        """None: nobody's. Raises ApiError (401) with the reason, StoreUnavailable."""
        if not secret.isascii() or not secret.isprintable():
            return None
        if secret.startswith(tokens.PREFIX):
            with self._store.read() as tx:
                principal = tokens.lookup(tx, secret)
            if not principal:
                return None
            return Principal(principal.name, roles(principal.roles, principal.namespace))
        issuer = peek(secret).issuer
        if issuer.startswith(self.local.family):
            return self.local.principal(secret)
        if self._oidc is not None and issuer == self._oidc.provider.issuer:
            person = self._oidc.person(secret)
            return self._bound(Principal(person.name, groups=person.groups))
        if self._reviews is not None:
            return self._cluster(self._reviews, secret)
        raise unauthorized(
            f"nobody here trusts the issuer {issuer[:100]!r} of this token", "issuer"
        )

    def _cluster(self, reviews: Reviews, secret: str) -> Principal:
        who = reviews.identity(secret)
        groups = tuple(f"{PREFIX}{group}" for group in who.groups)
        also = lambda role, namespace: reviews.allowed(who, role, namespace)  # noqa: E731
        return self._bound(Principal(f"{PREFIX}{who.name}", groups=groups, also=also))

    def _bound(self, who: Principal) -> Principal:
        with self._store.read() as tx:
            held = people.held(tx, who.name, who.groups)
        grants = tuple(grant for role, namespace in held for grant in roles((role,), namespace))
        return Principal(who.name, grants, who.groups, who.also)


def _oidc(settings: Settings, transports: Transports) -> Oidc | None:
    if not settings.oidc_issuer:
        return None
    provider = Provider(
        settings.oidc_issuer,
        settings.oidc_audience or settings.audience,
        settings.oidc_jwks_url,
        settings.oidc_name_claim,
        settings.oidc_groups_claim,
    )
    return Oidc(provider, transport=transports.oidc, now=transports.now)


def _reviews(settings: Settings, transports: Transports) -> Reviews | None:
    if not settings.kubernetes_auth:
        return None
    ca: Path | None = settings.kubernetes_ca_file
    server = ApiServer(
        settings.kubernetes_url, ca, settings.kubernetes_token_file, settings.audience
    )
    return Reviews(server, transport=transports.kubernetes)
