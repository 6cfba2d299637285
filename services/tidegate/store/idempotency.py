"""Idempotency keys: a repeated request gets the first answer again instead of a second effect.

`claim_key`, the work and `finish_key` share one transaction: a crash leaves neither the effect nor
the key, so no key is ever stuck half done. Keys are scoped by principal, method and path.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from tidegate.store.engine import Tx, row, run

KEEP_S = 86_400.0


@dataclass(frozen=True, slots=True)
class KeyScope:
    """Whose key, for what."""

    principal: str
    method: str
    path: str
    key: str


@dataclass(frozen=True, slots=True)
class Response:
    """An answer as it was sent."""

    status_code: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class New:
    """Nobody used the key: do the work, then `finish_key`, in this transaction."""


@dataclass(frozen=True, slots=True)
class Replay:
    """The work was done: send this answer again."""

    response: Response


@dataclass(frozen=True, slots=True)
class OtherBody:
    """The key was used for another request."""


@dataclass(frozen=True, slots=True)
class InProgress:
    """Another request with this key is at work right now."""


def claim_key(tx: Tx, scope: KeyScope, fingerprint: str) -> New | Replay | OtherBody | InProgress:
    """What to do with a request that carries this key. fingerprint: a digest of the request's query
    and body."""
    free = row(
        tx,
        "SELECT pg_try_advisory_xact_lock(hashtextextended('idempotency/' || :name, 0)) AS free",
        name=json.dumps([scope.principal, scope.method, scope.path, scope.key]),
    )
    if free is None or not free.free:
        return InProgress()
    result = row(
        tx,
        """SELECT fingerprint, status_code, headers, body FROM idempotency_keys
           WHERE principal = :principal AND method = :method AND path = :path AND key = :key AND expires_at > now()""",
        **_columns(scope),
    )
    if result is None:
        return New()
    if result.fingerprint != fingerprint:
        return OtherBody()
    return Replay(Response(result.status_code, result.headers, bytes(result.body)))


def finish_key(
    tx: Tx, scope: KeyScope, fingerprint: str, response: Response, *, keep: float = KEEP_S
) -> None:
    """Store the answer for `standby` seconds, in the transaction of the work."""
    run(
        tx,
        """INSERT INTO idempotency_keys
               (principal, method, path, key, fingerprint, status_code, headers, body, expires_at)
           VALUES (:principal, :method, :path, :key, :fingerprint, :status_code, CAST(:headers AS jsonb), :body,
               now() + make_interval(secs => :keep))
           ON CONFLICT (principal, method, path, key) DO UPDATE SET
               fingerprint = excluded.fingerprint, status_code = excluded.status_code, headers = excluded.headers,
               body = excluded.body, created_at = now(), expires_at = excluded.expires_at""",
        **_columns(scope),
        fingerprint=fingerprint,
        status_code=response.status_code,
        headers=json.dumps(dict(response.headers)),
        body=response.body,
        keep=keep,
    )


def _columns(scope: KeyScope) -> dict[str, str]:
    return {
        "principal": scope.principal,
        "method": scope.method,
        "path": scope.path,
        "key": scope.key,
    }
