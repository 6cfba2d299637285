"""Passwords of local users: argon2id with the library's defaults (RFC 9106, the second recommended
option)."""

import threading

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from tidegate.web.problems import ApiError

# each takes 64 MiB and a core for a moment: a crowd of log-ins must not take the service down
AT_ONCE = 2


class Passwords:
    """Hashes and compares, a few at a time. Raises ApiError (429) when more wait than is decent."""

    def __init__(
        self, hasher: PasswordHasher | None = None, at_once: int = AT_ONCE, patience: float = 2.0
    ) -> None:
        self._hasher = hasher or PasswordHasher()
        self._patience = patience
        self._room = threading.Semaphore(at_once)
        self._nobody = self._hasher.hash("nobody has this password")

    def hashed(self, password: str) -> str:
        """What is stored."""
        self._enter()
        try:
            return self._hasher.hash(password)
        finally:
            self._room.release()

    def fits(self, password: str, stored: str | None) -> bool:
        """Whether it is the one. stored: None: there is no such user, which takes as long to
        say."""
        self._enter()
        try:
            return self._hasher.verify(stored or self._nobody, password) and stored is not None
        except (Argon2Error, InvalidHashError):
            return False
        finally:
            self._room.release()

    def _enter(self) -> None:
        if not self._room.acquire(timeout=self._patience):
            detail = "too many log-ins at once: repeat in a moment"
            raise ApiError(429, "too-many", detail, headers={"Retry-After": "2"})
