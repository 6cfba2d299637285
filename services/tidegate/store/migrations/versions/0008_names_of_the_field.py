"""Stored values in the words that the field uses: tables, columns, and keys of JSON bodies.

The ledger's entries stay as they were written, for they are hashed: only a column of theirs is
called otherwise.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

# Tables and columns by their new names; a path's keys by their names at the moment of the rename.
# old, new
TABLES: tuple[tuple[str, str], ...] = (("wishes", "actions"), ("beats", "heartbeats"))
# table, old, new
COLUMNS: tuple[tuple[str, str, str], ...] = (
    ("intents", "why", "message"),
    ("actions", "why", "reason"),
    ("ledger", "why", "message"),
)
# table, column, old, new
VALUES: tuple[tuple[str, str, str, str], ...] = (
    ("actions", "kind", "takeover", "override"),
    ("rollouts", "outcome", "retired", "kept-stable"),
)
# table, column, path ("*": each item), old, new
KEYS: tuple[tuple[str, str, tuple[str, ...], str, str], ...] = (
    ("progress", "body", (), "wish", "action"),
    ("progress", "body", (), "takeover", "override"),
    ("intents", "body", ("posture",), "size", "replicas_percent"),
    ("intents", "body", (), "posture", "candidate_traffic"),
    ("rollouts", "body", ("strategy", "steps", "*", "posture"), "size", "replicas_percent"),
    ("rollouts", "body", ("strategy", "steps", "*"), "posture", "candidate_traffic"),
    ("intents", "body", (), "keep", "standby"),
    ("progress", "body", (), "keep_until", "standby_until"),
    ("intents", "body", (), "why", "message"),
    ("rollouts", "body", (), "why", "reason"),
    ("progress", "body", (), "why", "message"),
    ("progress", "body", (), "ending_why", "ending_message"),
    ("progress", "body", ("hold",), "why", "message"),
    ("progress", "body", ("verdicts", "*"), "why", "message"),
    ("progress", "body", ("findings", "*"), "why", "message"),
    ("progress", "body", ("contract",), "why", "message"),
    ("progress", "body", (), "hold", "pause"),
    ("rollouts", "body", ("strategy", "questions", "*"), "m_fail", "fail_margin"),
    ("rollouts", "body", ("strategy", "questions", "*"), "m_pass", "pass_margin"),
    ("rollouts", "body", ("strategy", "questions", "*"), "floor", "min_requests"),
    ("rollouts", "body", ("strategy", "questions", "*"), "bound_ms", "latency_threshold_ms"),
    ("progress", "body", ("evidence", "tracks", "*", "question"), "m_fail", "fail_margin"),
    ("progress", "body", ("evidence", "tracks", "*", "question"), "m_pass", "pass_margin"),
    ("progress", "body", ("evidence", "tracks", "*", "question"), "floor", "min_requests"),
    (
        "progress",
        "body",
        ("evidence", "tracks", "*", "question"),
        "bound_ms",
        "latency_threshold_ms",
    ),
    ("progress", "body", ("verdicts", "*", "question"), "m_fail", "fail_margin"),
    ("progress", "body", ("verdicts", "*", "question"), "m_pass", "pass_margin"),
    ("progress", "body", ("verdicts", "*", "question"), "floor", "min_requests"),
    ("progress", "body", ("verdicts", "*", "question"), "bound_ms", "latency_threshold_ms"),
    ("rollouts", "body", ("strategy",), "questions", "metrics"),
    ("rollouts", "body", ("strategy", "limits"), "endpoint_less", "no_ready_pods"),
    ("rollouts", "body", ("strategy", "deadlines"), "pause", "decision"),
    ("rollouts", "body", ("guard",), "when_gone", "on_heartbeat_timeout"),
    ("rollouts", "body", ("guard",), "gap", "timeout"),
    ("progress", "body", ("evidence", "tracks", "*"), "question", "metric"),
    ("progress", "body", ("verdicts", "*"), "question", "metric"),
    ("progress", "body", ("verdicts", "*"), "answer", "verdict"),
    ("progress", "body", ("verdicts", "*"), "floor_more", "min_requests_more"),
    ("progress", "body", ("findings", "*"), "answer", "verdict"),
    ("progress", "body", ("incidents",), "silent", "not_ready"),
    ("progress", "body", ("incidents",), "stable_silent", "stable_not_ready"),
    ("progress", "body", ("pulse",), "silent", "since"),
    ("progress", "body", (), "pulse", "heartbeats"),
    ("progress", "body", ("contract",), "standing", "compatibility"),
)
# table, column, path, key, old, new: words in bodies, whose keys are new by then
WORDS: tuple[tuple[str, str, tuple[str, ...], str, str, str], ...] = (
    ("rollouts", "body", ("strategy",), "ending", "retire", "keep-stable"),
    ("rollouts", "body", ("strategy", "steps", "*"), "until", "person", "approval"),
    ("progress", "body", (), "ending", "retired", "kept-stable"),
    ("progress", "body", (), "outcome", "retired", "kept-stable"),
    ("progress", "body", (), "waits_for", "person", "approval"),
    ("progress", "body", ("pause",), "kind", "silent", "no-heartbeat"),
    ("progress", "body", ("verdicts", "*"), "verdict", "need-more", "undecided"),
    ("progress", "body", ("findings", "*"), "verdict", "need-more", "undecided"),
    ("progress", "body", ("findings", "*"), "kind", "endpoint-less", "no_ready_pods"),
    ("progress", "body", ("findings", "*"), "kind", "oom-kills", "oom_kills"),
    ("progress", "body", ("contract",), "compatibility", "same", "compatible"),
)
# An undo that was stored before its exceptions became fields of the plan.
UNDO = """
    UPDATE rollouts
    SET body = jsonb_set(body, '{strategy}',
        '{"proven": true, "urgent": true, "staging_size": 100}'::jsonb || (body -> 'strategy'))
    WHERE body -> 'strategy' ->> 'kind' = 'undo'
"""
AUTHOR = ("rollout/", "system:rollout:")
APPEND_ONLY = ("intents", "actions")


def upgrade() -> None:
    for old, new in TABLES:
        _rename_table(old, new)
    for table, old, new in COLUMNS:
        op.alter_column(table, old, new_column_name=new)
    with_triggers("DISABLE")
    for table, column, old, new in VALUES:
        _set(table, column, old, new)
    _sign(*AUTHOR)
    _rewrite(KEYS, _rename_keys)
    _rewrite(WORDS, _replace_words)
    with_triggers("ENABLE")
    op.execute(UNDO)
    op.execute("DELETE FROM inquiries")  # questions of a moment, in the old words


def downgrade() -> None:
    with_triggers("DISABLE")
    words = [(table, column, path, key, new, old) for table, column, path, key, old, new in WORDS]
    keys = [(table, column, path, new, old) for table, column, path, old, new in reversed(KEYS)]
    _rewrite(words, _replace_words)
    _rewrite(keys, _rename_keys)
    _sign(*reversed(AUTHOR))
    for table, column, old, new in VALUES:
        _set(table, column, new, old)
    with_triggers("ENABLE")
    for table, old, new in COLUMNS:
        op.alter_column(table, new, new_column_name=old)
    for old, new in TABLES:
        _rename_table(new, old)
    op.execute("DELETE FROM inquiries")


def with_triggers(state: str) -> None:
    """Append-only tables take this one change: the words change, not what was decided."""
    for table in APPEND_ONLY:
        op.execute(f"ALTER TABLE {table} {state} TRIGGER append_only")


def _rename_table(old: str, new: str) -> None:
    op.rename_table(old, new)
    op.execute(f"ALTER INDEX {old}_pkey RENAME TO {new}_pkey")
    op.execute(
        f"ALTER TABLE {new} RENAME CONSTRAINT {old}_rollout_id_fkey TO {new}_rollout_id_fkey"
    )
    op.execute(f"ALTER INDEX IF EXISTS {old}_of_rollout RENAME TO {new}_of_rollout")
    op.execute(f"ALTER SEQUENCE IF EXISTS {old}_id_seq RENAME TO {new}_id_seq")


def _set(table: str, column: str, old: str, new: str) -> None:
    statement = sa.text(f"UPDATE {table} SET {column} = :new WHERE {column} = :old")  # noqa: S608  (constants)
    op.get_bind().execute(statement, {"old": old, "new": new})


def _sign(old: str, new: str) -> None:
    """The name under which a rollout writes, in both places that hold it: the column and the
    body."""
    statement = sa.text("""
        UPDATE intents SET author = :new || substr(author, length(:old) + 1),
            body = jsonb_set(body, '{author}', to_jsonb(:new || substr(author, length(:old) + 1)))
        WHERE starts_with(author, :old)
    """)
    op.get_bind().execute(statement, {"old": old, "new": new})


def _rewrite(
    rows: Sequence[tuple[Any, ...]], change: Callable[[Sequence[Sequence[Any]], Any], None]
) -> None:
    """Change every stored body, row by row. rows: table, column, and what `change` takes."""
    for table, column in dict.fromkeys((table, column) for table, column, *_ in rows):
        changes = [rest for name, place, *rest in rows if (name, place) == (table, column)]
        _rewrite_column(table, column, partial(change, changes))


def _rewrite_column(table: str, column: str, change: Callable[[Any], None]) -> None:
    select = sa.text(f"SELECT ctid::text AS row, {column} AS body FROM {table}")  # noqa: S608  (constants)
    update = sa.text(
        f"UPDATE {table} SET {column} = CAST(:body AS jsonb) WHERE ctid = CAST(:row AS tid)"  # noqa: S608
    )
    for stored in op.get_bind().execute(select).all():
        before = json.dumps(stored.body)
        change(stored.body)
        after = json.dumps(stored.body)
        if after != before:
            op.get_bind().execute(update, {"row": stored.row, "body": after})


def _rename_keys(renames: Sequence[Sequence[Any]], body: Any) -> None:
    for path, old, new in renames:
        for holder in holders(body, path):
            if old in holder:
                holder[new] = holder.pop(old)


def _replace_words(changes: Sequence[Sequence[Any]], body: Any) -> None:
    for path, key, old, new in changes:
        for holder in holders(body, path):
            if holder.get(key) == old:
                holder[key] = new


def holders(body: Any, path: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Every object at the end of a path."""
    if not path:
        if isinstance(body, dict):
            yield body
        return
    first, *rest = path
    if first != "*":
        yield from holders(body.get(first), rest) if isinstance(body, dict) else ()
    elif isinstance(body, dict | list):
        for item in body.values() if isinstance(body, dict) else body:
            yield from holders(item, rest)
