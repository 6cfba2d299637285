"""API tokens. Only the SHA-256 of a secret is stored: 32 random bytes need no slow hash."""

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass

from tidegate.store.engine import ReadTx, Tx, row, rows, run
from tidegate.store.installation import store_id
from tidegate.store.ledger import Line, append
from tidegate.store.values import Principal

PREFIX = "tg_"
ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class TokenRow:
    """A token without its secret. Times: epoch seconds; ends: None: never."""

    principal: Principal
    created_at: float
    created_by: str
    ends: float | None


def bootstrap(tx: Tx) -> str | None:
    """Make the first token, an admin's, and return its secret: it is never shown again. None when
    there ever was a token, also a revoked one."""
    run(tx, "SELECT pg_advisory_xact_lock(hashtextextended('tokens', 0))")
    if rows(tx, "SELECT 1 FROM tokens LIMIT 1"):
        return None
    return create(tx, Principal(ADMIN, (ADMIN,)), author="bootstrap")


def create(tx: Tx, principal: Principal, *, author: str, lasts: float | None = None) -> str:
    """Make a token for a principal and return its secret, `tg_` and 32 random bytes in base64url.
    lasts: seconds; None: until it is revoked."""
    secret = PREFIX + base64.urlsafe_b64encode(secrets.token_bytes(32)).decode().rstrip("=")
    run(
        tx,
        """INSERT INTO tokens (token_hash, name, roles, namespace, created_by, expires_at)
           VALUES (:hash, :name, CAST(:roles AS jsonb), :namespace, :author,
               now() + make_interval(secs => CAST(:lasts AS float8)))""",
        hash=_hash(secret),
        name=principal.name,
        roles=json.dumps(principal.roles),
        namespace=principal.namespace,
        author=author,
        lasts=lasts,
    )
    body = {
        "name": principal.name, "roles": list(principal.roles), "namespace": principal.namespace, "lasts_s": lasts,
    }  # fmt: skip
    append(tx, store_id(tx), Line(author, "token.create", "", body))
    return secret


def lookup(tx: ReadTx, secret: str) -> Principal | None:
    """Who a secret stands for; None when it is unknown, revoked or past its end."""
    result = row(
        tx,
        """SELECT name, roles, namespace FROM tokens
           WHERE token_hash = :hash AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())""",
        hash=_hash(secret),
    )
    if not result:
        return None
    return Principal(result.name, tuple(result.roles), result.namespace)


def living(tx: ReadTx, namespace: str) -> tuple[TokenRow, ...]:
    """Tokens of a namespace that still open something, by name."""
    results = rows(
        tx,
        """SELECT name, roles, namespace, created_by, extract(epoch FROM created_at)::float8 AS created_at,
               extract(epoch FROM expires_at)::float8 AS ends FROM tokens
           WHERE namespace = :namespace AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())
           ORDER BY name, created_at""",
        namespace=namespace,
    )
    return tuple(
        TokenRow(
            Principal(item.name, tuple(item.roles), item.namespace),
            item.created_at,
            item.created_by,
            item.ends,
        )
        for item in results
    )


def revoke(tx: Tx, name: str, *, author: str, namespace: str = "*") -> int:
    """Revoke every token of a principal in this namespace; how many there were."""
    count = run(
        tx,
        "UPDATE tokens SET revoked_at = now() WHERE name = :name AND namespace = :namespace AND "
        "revoked_at IS NULL",
        name=name,
        namespace=namespace,
    )
    if count:
        append(
            tx,
            store_id(tx),
            Line(author, "token.revoke", "", {"name": name, "namespace": namespace}),
        )
    return count


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
