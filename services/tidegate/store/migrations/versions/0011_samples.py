"""Samples of rollouts, and what was routed when."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB, UUID

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

EMPTY = sa.text("'{}'::jsonb")


def upgrade() -> None:
    op.create_table(
        "samples",
        sa.Column("rollout_id", sa.Text, sa.ForeignKey("rollouts.id"), primary_key=True),
        sa.Column("at", sa.Double, primary_key=True),
        sa.Column("number", sa.BigInteger),
        sa.Column("body", JSONB, nullable=False, server_default=EMPTY),
    )
    op.create_table(
        "routed",
        sa.Column("endpoint_id", UUID, sa.ForeignKey("endpoints.id"), primary_key=True),
        sa.Column("at", sa.Double, primary_key=True),
        sa.Column("generation", sa.BigInteger),
        sa.Column("body", JSONB),
    )


def downgrade() -> None:
    op.drop_table("routed")
    op.drop_table("samples")
