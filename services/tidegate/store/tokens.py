"""API tokens. Only the SHA-256 of a secret is stored: 32 random bytes need no slow hash."""

import base64
import hashlib
import json
import secrets

from tidegate.store.engine import ReadTx, Tx, row, rows, run
from tidegate.store.installation import store_id
from tidegate.store.ledger import Line, append
from tidegate.store.values import Principal

PREFIX = "tg_"
ADMIN = "admin"


def bootstrap(tx: Tx) -> str | None:
    """Make the first token, an admin's, and return its secret: it is never shown again. None when there ever was a
    token, also a revoked one."""
    run(tx, "SELECT pg_advisory_xact_lock(hashtextextended('tokens', 0))")
    if rows(tx, "SELECT 1 FROM tokens LIMIT 1"):
        return None
    return create(tx, Principal(ADMIN, (ADMIN,)), author="bootstrap")


def create(tx: Tx, principal: Principal, *, author: str) -> str:
    """Make a token for a principal and return its secret, `tg_` and 32 random bytes in base64url."""
    secret = PREFIX + base64.urlsafe_b64encode(secrets.token_bytes(32)).decode().rstrip("=")
    run(
        tx,
        "INSERT INTO tokens (token_hash, name, roles) VALUES (:hash, :name, CAST(:roles AS jsonb))",
        hash=_hash(secret),
        name=principal.name,
        roles=json.dumps(principal.roles),
    )
    body = {"name": principal.name, "roles": list(principal.roles)}
    append(tx, store_id(tx), Line(author, "token.create", "", body))
    return secret


def lookup(tx: ReadTx, secret: str) -> Principal | None:
    """Who a secret stands for; None when it is unknown or revoked."""
    found = row(
        tx, "SELECT name, roles FROM tokens WHERE token_hash = :hash AND revoked_at IS NULL", hash=_hash(secret)
    )
    return Principal(found.name, tuple(found.roles)) if found else None


def revoke(tx: Tx, name: str, *, author: str) -> int:
    """Revoke every token of a principal; how many there were."""
    count = run(tx, "UPDATE tokens SET revoked_at = now() WHERE name = :name AND revoked_at IS NULL", name=name)
    if count:
        append(tx, store_id(tx), Line(author, "token.revoke", "", {"name": name}))
    return count


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
