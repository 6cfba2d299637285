"""How many requests an endpoint gets, measured always."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    empty = sa.text("'{}'::jsonb")
    op.add_column("endpoints", sa.Column("load", JSONB, nullable=False, server_default=empty))


def downgrade() -> None:
    op.drop_column("endpoints", "load")
