"""Progress in values that belong together: step, wait, routed, analysis, pods, end."""

from alembic import op

from tidegate.store.progress_parts import PARTS

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

ROWS = tuple((part, new, old) for part, fields in PARTS.items() for new, old in fields)


def upgrade() -> None:
    parts = ", ".join(f"'{part}', {_gathered(part)}" for part in PARTS)
    old = ", ".join(f"'{before}'" for _, _, before in ROWS)
    op.execute(f"UPDATE progress SET body = (body - ARRAY[{old}]) || jsonb_build_object({parts})")  # noqa: S608  (constants)


def downgrade() -> None:
    names = ", ".join(f"('{part}', '{new}', '{old}')" for part, new, old in ROWS)
    parts = ", ".join(f"'{part}'" for part in PARTS)
    op.execute(
        f"""
        UPDATE progress SET body = (body - ARRAY[{parts}]) || (
            SELECT coalesce(jsonb_object_agg(old, body->part->new), '{{}}')
            FROM (VALUES {names}) AS names (part, new, old)
            WHERE body->part ? new
        )
        """  # noqa: S608  (constants)
    )


def _gathered(part: str) -> str:
    """The object of one part, of those fields that a body has."""
    names = ", ".join(f"('{new}', '{old}')" for new, old in PARTS[part])
    return f"""(
        SELECT coalesce(jsonb_object_agg(new, body->old), '{{}}')
        FROM (VALUES {names}) AS names (new, old)
        WHERE body ? old
    )"""  # noqa: S608  (constants)
