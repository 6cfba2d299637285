"""The keys that sign the tokens of local users: a JSON Web Key Set in a file, read again when it
changes.

The first key signs, all of them verify: put a new one in front, take the last away once its tokens
have ended. There is no key by default; without the file nobody can log in.
"""

import json
import os
import threading
from dataclasses import dataclass
from pathlib import Path

from joserfc.jwk import OctKey

from tidegate.core.errors import TidegateError

LEAST_BYTES = 32  # RFC 7518, 3.2: a key of at least the hash's size


class BadKeyRing(TidegateError):  # noqa: N818  (an expected outcome, named after what it is)
    """The file cannot be used; never tells what is in it."""


@dataclass(frozen=True, slots=True)
class Ring:
    """signing: the id of the key that signs."""

    signing: str
    keys: dict[str, OctKey]


class KeyRing:
    """The ring of a file, as it is now."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._guard = threading.Lock()
        self._seen: tuple[int, int, int] | None = None
        self._ring: Ring | None = None

    def now(self) -> Ring:
        """Raises BadKeyRing."""
        if self._file is None:
            raise BadKeyRing("no key signs tokens of local users: set TIDEGATE_TOKEN_KEYS_FILE")
        try:
            stat_result = os.stat(self._file)  # noqa: PTH116  (a projected Secret is a link that is swapped)
            seen = (stat_result.st_mtime_ns, stat_result.st_ino, stat_result.st_size)
            with self._guard:
                if self._ring is None or seen != self._seen:
                    self._ring = parse(self._file.read_text())
                    self._seen = seen
                return self._ring
        except (OSError, UnicodeDecodeError) as error:
            message = getattr(error, "strerror", None) or type(error).__name__
            raise BadKeyRing(f"the key ring {self._file} cannot be read: {message}") from None


def parse(text: str) -> Ring:
    """A ring from its text. Raises BadKeyRing."""
    try:
        listed = json.loads(text)["keys"]
        keys = {
            str(item["kid"]): OctKey.import_key(item) for item in listed if item["kty"] == "oct"
        }
    except (ValueError, KeyError, TypeError):
        raise BadKeyRing("the key ring is no JWK Set whose keys have kty oct, kid and k") from None
    if not keys or len(keys) != len(listed):
        raise BadKeyRing("the key ring needs keys of kty oct, each with another kid")
    short = [kid for kid, key in keys.items() if len(key.raw_value) < LEAST_BYTES]
    if short:
        raise BadKeyRing(
            f"key {short[0]!r} of the key ring has fewer than {LEAST_BYTES} bytes: make another"
        )
    return Ring(next(iter(keys)), keys)


def rotated(text: str | None, kid: str, keep: int = 2) -> str:
    """The ring with a new key in front, and at most `keep` old ones. text: None: the first ring.
    Raises BadKeyRing."""
    old = []
    if text is not None:
        if kid in parse(text).keys:
            raise BadKeyRing(f"key {kid!r} is in the key ring: wait a second")
        old = json.loads(text)["keys"][:keep]
    made = OctKey.generate_key(8 * LEAST_BYTES).as_dict(private=True)
    return json.dumps({"keys": [{"kty": "oct", "kid": kid, "k": made["k"]}, *old]}, indent=2) + "\n"
