"""Which pipeline run started a rollout, and which gave a person's word on it."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("rollouts", sa.Column("run_id", sa.Text()))
    op.add_column("wishes", sa.Column("run_id", sa.Text()))
    for table, first in (("rollouts", "endpoint_id"), ("wishes", "rollout_id")):
        op.create_index(
            f"{table}_of_run",
            table,
            [first, "run_id"],
            postgresql_where=sa.text("run_id IS NOT NULL"),
        )


def downgrade() -> None:
    for table in ("rollouts", "wishes"):
        op.drop_index(f"{table}_of_run", table)
        op.drop_column(table, "run_id")
