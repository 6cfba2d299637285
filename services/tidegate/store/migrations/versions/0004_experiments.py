"""Counts of users' own experiments: append-only, each revision and interval once."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "experiments",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("rollout_id", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("successes", sa.BigInteger(), nullable=False),
        sa.Column("units", sa.BigInteger(), nullable=False),
        sa.Column("interval_start", sa.Double(), nullable=False),
        sa.Column("interval_end", sa.Double(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column(
            "at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.CheckConstraint("0 <= successes AND successes <= units", name="experiments_counts"),
        sa.CheckConstraint("interval_start < interval_end", name="experiments_interval"),
        sa.ForeignKeyConstraint(["rollout_id"], ["rollouts.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("rollout_id", "interval_start", "revision", name="experiments_key"),
    )
    op.execute("""
        CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON experiments
        FOR EACH STATEMENT EXECUTE FUNCTION tidegate_append_only()
    """)


def downgrade() -> None:
    op.drop_table("experiments")
