"""Local users: a password for a token that soon ends, signed with the newest key of the ring."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from joserfc import jwt

from tidegate.core.access import roles
from tidegate.settings import Settings
from tidegate.store import people
from tidegate.store.engine import Store
from tidegate.store.installation import store_id
from tidegate.web.attempts import Attempts
from tidegate.web.auth import Principal, unauthorized
from tidegate.web.jwt import Trust, verify
from tidegate.web.keyring import BadKeyRing, KeyRing, Ring
from tidegate.web.passwords import Passwords
from tidegate.web.problems import ApiError

FAMILY = "tidegate:"
ALGORITHM = "HS256"
# log-ins a minute: a name from one address, a name, an address
PER_PERSON = 5
PER_USER = 30
PER_ADDRESS = 60


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """lasts: seconds."""

    token: str
    lasts: int


class LocalUsers:
    """Gives tokens to local users and takes them back. now: epoch seconds."""

    family = FAMILY

    def __init__(
        self, store: Store, settings: Settings, passwords: Passwords, now: Callable[[], float]
    ) -> None:
        self._store = store
        self._now = now
        self._ring = KeyRing(settings.token_keys_file)
        self._audience = settings.audience
        self._lasts = settings.token_lasts
        self.passwords = passwords
        self.attempts = Attempts()

    def log_in(self, name: str, password: str, address: str) -> LoggedIn:
        """Raises ApiError: 401, 429 with Retry-After, 503 without keys."""
        ring = self._keys()
        mine = f"{name}@{address}"
        limits = {mine: PER_PERSON, f"user {name}": PER_USER, f"address {address}": PER_ADDRESS}
        wait = self.attempts.take(limits)
        if wait:
            detail = f"too many log-ins as {name!r} or from your address: wait {wait:.0f} s"
            raise ApiError(429, "too-many", detail, headers={"Retry-After": str(int(wait) + 1)})
        with self._store.read() as tx:
            user, now = people.get_user(tx, name)
            issuer = FAMILY + store_id(tx)
        if not self.passwords.fits(password, user.password_hash if user else None):
            raise unauthorized("user or password is wrong", "password")
        self.attempts.forgive(mine)
        claims = {
            "iss": issuer, "aud": self._audience, "sub": name, "iat": now, "exp": int(now) + self._lasts,
            "jti": secrets.token_urlsafe(12),
        }  # fmt: skip
        header = {"alg": ALGORITHM, "kid": ring.signing}
        return LoggedIn(
            jwt.encode(header, claims, ring.keys[ring.signing], [ALGORITHM]), self._lasts
        )

    def principal(self, token: str) -> Principal:
        """Whose token it is, with the roles that the user has now. Raises ApiError (401, 503)."""
        ring = self._keys()
        with self._store.read() as tx:
            issuer = FAMILY + store_id(tx)
        claims = verify(token, Trust(issuer, self._audience, (ALGORITHM,)), ring.keys, self._now())
        name = str(claims["sub"])
        with self._store.read() as tx:
            user, _ = people.get_user(tx, name)
            held = people.held(tx, name, ())
        if user is None or float(claims["iat"]) < user.since:
            raise unauthorized(
                "the user is gone, or has a new password since: log in again", "revoked"
            )
        return Principal(
            name, tuple(grant for role, namespace in held for grant in roles((role,), namespace))
        )

    def _keys(self) -> Ring:
        try:
            return self._ring.now()
        except BadKeyRing as error:
            raise ApiError(503, "no-key-ring", str(error)) from None
