"""Who may do what: tokens bound to a namespace and an end, local users, and roles of users and
groups."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

NOW = sa.text("now()")


def upgrade() -> None:
    op.add_column("tokens", sa.Column("namespace", sa.Text(), server_default="*", nullable=False))
    op.add_column("tokens", sa.Column("expires_at", sa.DateTime(timezone=True)))
    op.add_column("tokens", sa.Column("created_by", sa.Text(), server_default="", nullable=False))
    op.create_table(
        "users",
        sa.Column("name", sa.Text(), primary_key=True),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=NOW, nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("tokens_since", sa.DateTime(timezone=True), server_default=NOW, nullable=False),
    )
    op.create_table(
        "bindings",
        sa.Column("kind", sa.Text(), primary_key=True),
        sa.Column("subject", sa.Text(), primary_key=True),
        sa.Column("namespace", sa.Text(), primary_key=True),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=NOW, nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.CheckConstraint("kind IN ('user', 'group')", name="bindings_kind"),
        sa.CheckConstraint(
            "role IN ('viewer', 'editor', 'approver', 'admin')", name="bindings_role"
        ),
    )


def downgrade() -> None:
    op.drop_table("bindings")
    op.drop_table("users")
    for column in ("created_by", "expires_at", "namespace"):
        op.drop_column("tokens", column)
