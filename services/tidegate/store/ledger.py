"""The ledger: who decided what, why, on which evidence, chained so that a change of the past shows.

One chain per endpoint (its id) and one for the installation (its store id). An entry's hash is the
SHA-256, in lower-case hex, of the UTF-8 bytes of compact JSON (sorted keys, no spaces, ensure_ascii
off) with exactly these keys: action, actor, at (ISO 8601, UTC, microseconds, `+00:00`), body (as
stored: its text is canonical), chain, prev_hash (64 zeros for the first), seq (from 1), why (the
message: a key that is hashed keeps its name).

Cutting off the end of a chain leaves it consistent; `anchor` records the heads in the
installation's chain, whose newest hash may be kept outside (the worker logs it).
"""

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime

from tidegate.store.codec import Json, canonical, clean
from tidegate.store.engine import IDLE_TIMEOUT_MS, ReadTx, Row, Tx, row, rows, run_many
from tidegate.store.installation import store_id
from tidegate.store.paging import Page, decode, page, size

FIRST = "0" * 64
ANCHOR = "anchor"
_BATCH = 1000
# An entry is visible at the latest this long after its `at` (the transaction's start): the idle
# time-out between statements, with room for many statements.
_LATEST_COMMIT_S = 20 * IDLE_TIMEOUT_MS / 1000


@dataclass(frozen=True, slots=True)
class Line:
    """What is to be recorded."""

    actor: str
    action: str
    message: str
    body: Json = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry as it stands in its chain. `at`: epoch seconds."""

    chain: str
    seq: int
    at: float
    actor: str
    action: str
    message: str
    body: Json
    prev_hash: str
    hash: str


@dataclass(frozen=True, slots=True)
class Verified:
    """The chain, or all of them, is whole. `head`: the newest hash ("" for all chains together)."""

    count: int
    head: str


@dataclass(frozen=True, slots=True)
class Broken:
    """The first entry that does not fit, and why."""

    chain: str
    seq: int
    message: str


def append(tx: Tx, chain: str, *lines: Line) -> None:
    """Append lines in this order. Holds the chain until the transaction ends."""
    if not lines:
        return
    # an advisory lock and not a row's: it works for the first entry, and for a role that may only
    # insert
    head = row(
        tx,
        """WITH held AS MATERIALIZED (SELECT pg_advisory_xact_lock(hashtextextended('ledger/' || :chain, 0)))
           SELECT now() AS at FROM held""",
        chain=chain,
    )
    assert head is not None
    last = row(
        tx,
        "SELECT seq, hash FROM ledger WHERE chain = :chain ORDER BY seq DESC LIMIT 1",
        chain=chain,
    )
    seq, previous = (last.seq, last.hash) if last else (0, FIRST)
    inserts = []
    for line in lines:
        seq += 1
        values = {
            "chain": chain,
            "seq": seq,
            "at": head.at.astimezone(UTC).isoformat(timespec="microseconds"),
            "actor": clean(line.actor),
            "action": clean(line.action),
            "message": clean(line.message),
            "prev_hash": previous,
        }
        body = canonical(line.body)
        previous = _hash(values, body)
        inserts.append({**values, "body": body, "hash": previous})
    run_many(
        tx,
        """INSERT INTO ledger (chain, seq, at, actor, action, message, body, prev_hash, hash)
           VALUES (:chain, :seq, CAST(:at AS timestamptz), :actor, :action, :message,
               CAST(:body AS json), :prev_hash, :hash)""",
        inserts,
    )


def read(tx: ReadTx, chain: str, *, page_token: str | None = None, limit: int = 100) -> Page[Entry]:
    """A chain's entries, newest first. Raises BadPageToken."""
    before = decode(page_token, int)
    results = rows(
        tx,
        "SELECT * FROM ledger WHERE chain = :chain AND seq < :before ORDER BY seq DESC LIMIT "
        ":limit",
        chain=chain,
        before=before[0] if before else 2**62,
        limit=size(limit) + 1,
    )
    return page([_entry(item) for item in results], size(limit), lambda entry: (entry.seq,))


def after(tx: ReadTx, chain: str, seq: int, limit: int = 100) -> tuple[Entry, ...]:
    """A chain's entries that follow `seq`, oldest first."""
    results = rows(
        tx,
        "SELECT * FROM ledger WHERE chain = :chain AND seq > :seq ORDER BY seq LIMIT :limit",
        chain=chain,
        seq=seq,
        limit=limit,
    )
    return tuple(_entry(item) for item in results)


def verify(tx: ReadTx, chain: str | None = None) -> Verified | Broken:
    """Compute every hash of a chain again; None: of all chains, and compare them with the
    anchors."""
    if chain is not None:
        return _verify_chain(tx, chain)
    count = 0
    for item in rows(tx, "SELECT DISTINCT chain FROM ledger ORDER BY chain"):
        match _verify_chain(tx, str(item.chain)):
            case Verified(number, _):
                count += number
            case Broken() as broken:
                return broken
    return _verify_anchors(tx) or Verified(count, "")


def anchor(tx: Tx) -> Entry:
    """Record in the installation's chain the head of every chain that grew since the last anchor
    (and of some that did not: the margin covers transactions that were still open). Returns the
    anchor; its hash is worth keeping elsewhere."""
    home = store_id(tx)
    heads = rows(
        tx,
        """WITH since AS (
               SELECT coalesce(max(at), '-infinity') - make_interval(secs => :margin) AS at
               FROM ledger WHERE chain = :home AND action = :anchor)
           SELECT grown.chain, head.seq, head.hash
           FROM (SELECT DISTINCT chain FROM ledger WHERE at >= (SELECT at FROM since) AND chain <> :home) AS grown
           CROSS JOIN LATERAL (
               SELECT seq, hash FROM ledger WHERE chain = grown.chain ORDER BY seq DESC LIMIT 1) AS head
           ORDER BY chain""",
        home=home,
        anchor=ANCHOR,
        margin=_LATEST_COMMIT_S,
    )
    body = {"heads": {str(head.chain): [head.seq, head.hash] for head in heads}}
    append(tx, home, Line("worker", ANCHOR, f"{len(heads)} chains grew", body))
    return read(tx, home, limit=1).items[0]


def _verify_chain(tx: ReadTx, chain: str) -> Verified | Broken:
    seq = 0
    previous = FIRST
    while batch := rows(
        tx,
        """SELECT chain, seq, at, actor, action, message, body::text AS body, prev_hash, hash FROM ledger
           WHERE chain = :chain AND seq > :seq ORDER BY seq LIMIT :limit""",
        chain=chain,
        seq=seq,
        limit=_BATCH,
    ):
        for item in batch:
            seq += 1
            if item.seq != seq:
                return Broken(chain, seq, f"entry {seq} is missing")
            if item.prev_hash != previous:
                return Broken(chain, seq, "prev_hash is not the hash of the entry before it")
            if _hash(_hashed(item), item.body) != item.hash:
                return Broken(chain, seq, "the entry does not have this hash: it was changed")
            previous = item.hash
    return Verified(seq, previous)


def _verify_anchors(tx: ReadTx) -> Broken | None:
    result = row(
        tx,
        """SELECT key AS chain, (value->>0)::bigint AS seq
           FROM ledger AS a, json_each(a.body->'heads')
           WHERE a.chain = :home AND a.action = :anchor AND NOT EXISTS (
               SELECT FROM ledger AS l
               WHERE l.chain = key::uuid AND l.seq = (value->>0)::bigint AND l.hash = value->>1)
           ORDER BY a.seq, key LIMIT 1""",
        home=store_id(tx),
        anchor=ANCHOR,
    )
    return result and Broken(
        str(result.chain), result.seq, "an anchor saw another entry here, or there is none now"
    )


def _hashed(item: Row) -> dict[str, object]:
    at: datetime = item.at
    return {
        "chain": str(item.chain),
        "seq": item.seq,
        "at": at.astimezone(UTC).isoformat(timespec="microseconds"),
        "actor": item.actor,
        "action": item.action,
        "message": item.message,
        "prev_hash": item.prev_hash,
    }


def _hash(values: dict[str, object], body: str) -> str:
    """The hash of an entry. The body's text is spliced in, not parsed: it is hashed as it is
    stored."""
    hashed = {"why" if key == "message" else key: value for key, value in values.items()}
    head = {**hashed, "body": 0}
    mark = '"body":0'
    before, after_ = canonical(head).split(mark, 1)
    return hashlib.sha256(f'{before}"body":{body}{after_}'.encode()).hexdigest()


def _entry(item: Row) -> Entry:
    return Entry(
        str(item.chain),
        item.seq,
        item.at.timestamp(),
        item.actor,
        item.action,
        item.message,
        item.body,
        item.prev_hash,
        item.hash,
    )
