"""JSON Web Tokens: what every one is held to, whoever has signed it.

The algorithms come from whom we trust, never from the token: `none` is never among them, and a
public key can never be used as a shared secret (RFC 8725, 3.1 and 3.2).
"""

import base64
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from joserfc import jwt
from joserfc.errors import BadSignatureError, ClaimError, ExpiredTokenError, JoseError
from joserfc.jwk import Key

from tidegate.web.auth import unauthorized

LONGEST = 16_384  # characters
_REASONS = {"aud": "audience", "iss": "issuer"}
# RFC 9068; an ID token says JWT. Others (logout+jwt) are for somebody else
TYPES = frozenset({"jwt", "at+jwt"})


@dataclass(frozen=True, slots=True)
class Trust:
    """Whose tokens are taken. leeway: seconds by which clocks may differ."""

    issuer: str
    audience: str
    algorithms: Collection[str]
    leeway: int = 30


@dataclass(frozen=True, slots=True)
class Unproven:
    """What a token says of itself, before anything is verified: good for finding its key only."""

    issuer: str
    key_id: str
    algorithm: str


def peek(token: str) -> Unproven:
    """Raises ApiError (401) for what is no signed token."""
    parts = token.split(".")
    if len(parts) != 3 or len(token) > LONGEST:
        raise unauthorized(
            "the bearer token is unknown or revoked: ask an administrator for a new one", "unknown"
        )
    header = _part(parts[0])
    claims = _part(parts[1])
    algorithm = str(header.get("alg", ""))
    if algorithm.lower() == "none" or not parts[2]:
        raise unauthorized("the token is not signed (alg none): nobody vouches for it", "algorithm")
    if str(header.get("typ", "JWT")).lower() not in TYPES:
        raise unauthorized("the token is of a type that is not for calling services", "type")
    return Unproven(str(claims.get("iss", "")), str(header.get("kid", "")), algorithm)


def verify(token: str, trust: Trust, keys: Mapping[str, Key], now: float) -> dict[str, Any]:
    """The claims of a token that is whole, for us, and in its time: sub, exp and iat are there.
    now: epoch seconds. Raises ApiError (401) with the reason."""
    unproven = peek(token)
    if unproven.algorithm not in trust.algorithms:
        raise unauthorized(
            f"tokens of {trust.issuer} are never signed with {unproven.algorithm[:20]!r}",
            "algorithm",
        )
    key = keys.get(unproven.key_id)
    if key is None:
        raise unauthorized(
            f"no key of {trust.issuer} has the id {unproven.key_id[:80]!r}: get a new token", "key"
        )
    rules = jwt.JWTClaimsRegistry(
        now=int(now),
        leeway=trust.leeway,
        iss={"essential": True, "value": trust.issuer},
        aud={"essential": True, "value": trust.audience},
        sub={"essential": True},
        exp={"essential": True},
        iat={"essential": True},
    )
    try:
        result = jwt.decode(token, key, algorithms=[unproven.algorithm])
        rules.validate(result.claims)
    except BadSignatureError:
        raise unauthorized(
            "the token's signature is wrong: it was changed, or somebody else signed it",
            "signature",
        ) from None
    except ExpiredTokenError:
        raise unauthorized("the token has expired: get a new one", "expired") from None
    except ClaimError as error:
        raise unauthorized(_claim(error, trust), _REASONS.get(str(error.claim), "claims")) from None
    except (JoseError, ValueError, TypeError, OverflowError) as error:
        raise unauthorized(
            f"the token cannot be taken: {type(error).__name__}", "malformed"
        ) from None
    return dict(result.claims)


def _claim(error: ClaimError, trust: Trust) -> str:
    desired = {"aud": f" (wanted: {trust.audience})", "iss": f" (wanted: {trust.issuer})"}
    return f"the token is not for here: its {error.claim} is missing or wrong{desired.get(str(error.claim), '')}"


def _part(text: str) -> dict[str, Any]:
    try:
        content = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise unauthorized(
            "the bearer token is unknown or revoked: ask an administrator for a new one",
            "malformed",
        )
    return content
