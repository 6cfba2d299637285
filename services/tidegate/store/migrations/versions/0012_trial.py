"""Tenants in trial."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "tenant_modes",
        sa.Column("namespace", sa.Text, primary_key=True),
        sa.Column("mode", sa.Text, nullable=False),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            nullable=False,
            server_default=sa.text("now()"),
        ),
        sa.Column("updated_by", sa.Text, nullable=False),
        sa.CheckConstraint("mode IN ('enforce', 'trial')", name="tenant_modes_mode"),
    )


def downgrade() -> None:
    op.drop_table("tenant_modes")
