"""The tables, for alembic and for readers; the queries are plain SQL beside what they do.

jsonb holds core values (written by `codec`); columns repeat only what is searched, sorted or
constrained. `ledger.body` is json, which keeps its text, because that text is hashed.
"""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSON, JSONB, UUID

metadata = sa.MetaData()

NOW = sa.text("now()")
EMPTY = sa.text("'{}'::jsonb")
NEW_ID = sa.text("gen_random_uuid()")


def _at(name: str = "created_at") -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False, server_default=NOW)


def _when(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True))


def _text(name: str, default: str | None = None) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False, server_default=default)


def _endpoint_id(primary: bool = False) -> sa.Column[object]:
    return sa.Column(
        "endpoint_id", UUID, sa.ForeignKey("endpoints.id"), primary_key=primary, nullable=False
    )


def _json(name: str = "body") -> sa.Column[object]:
    return sa.Column(name, JSONB, nullable=False, server_default=EMPTY)


installation = sa.Table(
    "installation",
    metadata,
    sa.Column("single", sa.Boolean, sa.CheckConstraint("single", name="one_row"), primary_key=True),
    sa.Column("store_id", UUID, nullable=False, server_default=NEW_ID),
    _at(),
)

tokens = sa.Table(
    "tokens",
    metadata,
    sa.Column(
        "token_hash", sa.LargeBinary, primary_key=True
    ),  # sha256 of the secret, which is never stored
    _text("name"),
    sa.Column("roles", JSONB, nullable=False),
    _at(),
    _when("revoked_at"),
    _text("namespace", default="*"),
    _when("expires_at"),
    _text("created_by", default=""),
)

users = sa.Table(
    "users",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    _text("password_hash"),
    _at(),
    _text("created_by"),
    _at("tokens_since"),  # tokens that were given out before are void
)

bindings = sa.Table(
    "bindings",
    metadata,
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("subject", sa.Text, primary_key=True),
    sa.Column("namespace", sa.Text, primary_key=True),
    _text("role"),
    _at(),
    _text("created_by"),
    sa.CheckConstraint("kind IN ('user', 'group')", name="bindings_kind"),
    sa.CheckConstraint("role IN ('viewer', 'editor', 'approver', 'admin')", name="bindings_role"),
)

tenants = sa.Table(
    "tenants",
    metadata,
    sa.Column("namespace", sa.Text, primary_key=True),
    sa.Column(
        "allowed", JSONB, nullable=False
    ),  # what its specs may name; without a row the default holds
    sa.Column("generation", sa.BigInteger, nullable=False),
    _at("updated_at"),
    _text("updated_by"),
)

tenant_modes = sa.Table(
    "tenant_modes",
    metadata,
    sa.Column("namespace", sa.Text, primary_key=True),
    _text("mode"),
    _at("updated_at"),
    _text("updated_by"),
    sa.CheckConstraint("mode IN ('enforce', 'trial')", name="tenant_modes_mode"),
)

tenant_acceptance = sa.Table(
    "tenant_acceptance",
    metadata,
    sa.Column("namespace", sa.Text, primary_key=True),
    sa.Column("most_points", sa.Float(53)),  # null: a person accepts
    _at("updated_at"),
    _text("updated_by"),
)

models = sa.Table(
    "models",
    metadata,
    sa.Column("model_id", sa.Text, primary_key=True),
    _text("description", default=""),
    _at(),
    _text("created_by"),
)

model_versions = sa.Table(
    "model_versions",
    metadata,
    sa.Column("model_id", sa.Text, sa.ForeignKey("models.model_id"), primary_key=True),
    sa.Column("version_id", sa.Text, primary_key=True),
    _text("uri"),
    _text("digest"),
    sa.Column("mutable", sa.Boolean, nullable=False),
    _at(),
    _text("created_by"),
)

endpoints = sa.Table(
    "endpoints",
    metadata,
    sa.Column("id", UUID, primary_key=True, server_default=NEW_ID),
    _text("namespace"),
    _text("name"),
    _text("mode"),
    _json("spec"),
    sa.Column("generation", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("next_revision", sa.Integer, nullable=False, server_default="1"),
    _json("memory"),
    _json("load"),
    _json("status"),
    sa.Column("status_version", sa.BigInteger, nullable=False, server_default="0"),
    # When somebody may claim it next: while leased, the end of the lease. NULL: only a wake-up
    # brings it back.
    _when("due_at"),
    sa.Column(
        "poked", sa.Boolean, nullable=False, server_default=sa.false()
    ),  # woken during the present lease
    sa.Column("lease_owner", sa.Text),
    sa.Column("lease_token", UUID),
    _when("lease_until"),
    _at(),
    _text("created_by"),
    _when("deleted_at"),
    sa.UniqueConstraint("namespace", "name", name="endpoints_key"),
    # the claim reads from its left end only: endpoints that wait for nothing are not in it
    sa.Index("endpoints_due", "due_at", postgresql_where=sa.text("due_at IS NOT NULL")),
)

revisions = sa.Table(
    "revisions",
    metadata,
    _endpoint_id(primary=True),
    sa.Column("number", sa.Integer, primary_key=True),
    _json(),
    _text("digest"),
    _at(),
    _text("created_by"),
)

intents = sa.Table(
    "intents",
    metadata,
    _endpoint_id(primary=True),
    sa.Column("generation", sa.BigInteger, primary_key=True),
    _json(),
    _text("author"),
    _text("message"),
    sa.Column("rollout_id", sa.Text),
    _at("at"),
    # row-level security judges the column, readers trust the body
    sa.CheckConstraint(
        "body->>'author' = author AND (body->>'generation')::bigint = generation",
        name="intents_body",
    ),
)

rollouts = sa.Table(
    "rollouts",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("seq", sa.BigInteger, sa.Identity(), nullable=False, unique=True),
    _endpoint_id(),
    _json(),
    _at(),
    sa.Column("outcome", sa.Text),  # NULL: unfinished
    sa.Column(
        "tidy", sa.Boolean, nullable=False, server_default=sa.false()
    ),  # asks for no more reconciles
    sa.Column("run_id", sa.Text),  # of the pipeline run that started it
    sa.Index("rollouts_of_endpoint", "endpoint_id", "seq"),
    sa.Index(
        "rollouts_of_run", "endpoint_id", "run_id", postgresql_where=sa.text("run_id IS NOT NULL")
    ),
    sa.Index("rollouts_open", "endpoint_id", postgresql_where=sa.text("NOT tidy")),
)

progress = sa.Table(
    "progress",
    metadata,
    sa.Column("rollout_id", sa.Text, sa.ForeignKey("rollouts.id"), primary_key=True),
    _json(),
    _at("updated_at"),
)

samples = sa.Table(
    "samples",
    metadata,
    sa.Column("rollout_id", sa.Text, sa.ForeignKey("rollouts.id"), primary_key=True),
    sa.Column("at", sa.Double, primary_key=True),  # epoch seconds
    sa.Column("number", sa.BigInteger),  # of a regular sample; NULL: something changed
    _json(),
)

routed = sa.Table(
    "routed",
    metadata,
    _endpoint_id(primary=True),
    sa.Column("at", sa.Double, primary_key=True),  # epoch seconds, from when it held
    sa.Column("generation", sa.BigInteger),
    sa.Column("body", JSONB),  # NULL: no route
)

actions = sa.Table(
    "actions",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
    sa.Column("rollout_id", sa.Text, sa.ForeignKey("rollouts.id"), nullable=False),
    _text("kind"),
    _text("author"),
    _text("reason"),
    _at("at"),
    sa.Column("run_id", sa.Text),  # of the pipeline run that asked, None for a person
    sa.Index("actions_of_rollout", "rollout_id", "id"),
    sa.Index(
        "wishes_of_run", "rollout_id", "run_id", postgresql_where=sa.text("run_id IS NOT NULL")
    ),
)

experiments = sa.Table(
    "experiments",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
    sa.Column("rollout_id", sa.Text, sa.ForeignKey("rollouts.id"), nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("successes", sa.BigInteger, nullable=False),
    sa.Column("units", sa.BigInteger, nullable=False),
    sa.Column(
        "interval_start", sa.Double, nullable=False
    ),  # epoch seconds, as sent: equal intervals make a sample
    sa.Column("interval_end", sa.Double, nullable=False),
    _text("author"),
    _at("at"),
    sa.CheckConstraint("0 <= successes AND successes <= units", name="experiments_counts"),
    sa.CheckConstraint("interval_start < interval_end", name="experiments_interval"),
    sa.UniqueConstraint("rollout_id", "interval_start", "revision", name="experiments_key"),
)

heartbeats = sa.Table(
    "heartbeats",
    metadata,
    sa.Column("rollout_id", sa.Text, sa.ForeignKey("rollouts.id"), primary_key=True),
    _at("at"),
    sa.Column("released", sa.Boolean, nullable=False),
)

ledger = sa.Table(
    "ledger",
    metadata,
    sa.Column("chain", UUID, primary_key=True),
    sa.Column("seq", sa.BigInteger, primary_key=True),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    _text("actor"),
    _text("action"),
    _text("message"),
    sa.Column("body", JSON, nullable=False),
    _text("prev_hash"),
    _text("hash"),
    sa.Index("ledger_at", "at"),
)

idempotency_keys = sa.Table(
    "idempotency_keys",
    metadata,
    sa.Column("principal", sa.Text, primary_key=True),
    sa.Column("method", sa.Text, primary_key=True),
    sa.Column("path", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    _text("fingerprint"),
    sa.Column("status_code", sa.Integer, nullable=False),
    sa.Column("headers", JSONB, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    _at(),
    sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
    sa.Index("idempotency_keys_expiry", "expires_at"),
)

workers = sa.Table(
    "workers",
    metadata,
    sa.Column("owner", sa.Text, primary_key=True),
    _at("seen_at"),
    _json("capabilities"),
)

inquiries = sa.Table(
    "inquiries",
    metadata,
    sa.Column("id", UUID, primary_key=True, server_default=NEW_ID),
    _text("kind"),
    _json(),
    _at("asked_at"),
    _when("taken_until"),
    sa.Column("answer", JSONB),
    _when("answered_at"),
    sa.Index("inquiries_open", "asked_at", postgresql_where=sa.text("answered_at IS NULL")),
)
