"""Append-only tables refuse changes also from their owner; the installation gets its identity.

Grants cannot do this: the owner of a table has every right on it, and small installations run as
the owner.
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

APPEND_ONLY = ("revisions", "intents", "wishes", "ledger")


def upgrade() -> None:
    op.execute("""
        CREATE FUNCTION tidegate_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION '% is append-only: % is refused', TG_TABLE_NAME, TG_OP
                USING ERRCODE = 'restrict_violation';
        END $$
    """)
    for table in APPEND_ONLY:
        op.execute(f"""
            CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
            FOR EACH STATEMENT EXECUTE FUNCTION tidegate_append_only()
        """)
    op.execute("INSERT INTO installation (single) VALUES (true)")


def downgrade() -> None:
    op.execute("DELETE FROM installation")
    for table in APPEND_ONLY:
        op.execute(f"DROP TRIGGER append_only ON {table}")
    op.execute("DROP FUNCTION tidegate_append_only()")
