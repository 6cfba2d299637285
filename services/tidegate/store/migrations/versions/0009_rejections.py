"""Errors, rejections and saturation apart: running rollouts are judged by all three.

Counters of the previous version held rejections among the bad answers, so no interval may reach
from there to here: the next scrape is a new base line.
"""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

KINDS = ("rejections", "saturation")
NEW_BASE_LINE = """
    UPDATE progress SET body = jsonb_set(body, '{evidence,last}', 'null'::jsonb)
    WHERE jsonb_typeof(body #> '{evidence,last}') = 'object'
"""
RUNNING = "(SELECT id FROM rollouts WHERE outcome IS NULL)"
METRICS = f"""
    UPDATE rollouts SET body = jsonb_set(body, '{{strategy,metrics}}',
        body #> '{{strategy,metrics}}' || '[{{"kind": "rejections"}}, {{"kind": "saturation"}}]')
    WHERE id IN {RUNNING} AND body #> '{{strategy,metrics}}' @> '[{{"kind": "errors"}}]'
"""  # noqa: S608  (constants)
TRACKS = f"""
    UPDATE progress SET body = jsonb_set(body, '{{evidence,tracks}}',
        body #> '{{evidence,tracks}}'
        || '[{{"metric": {{"kind": "rejections"}}}}, {{"metric": {{"kind": "saturation"}}}}]')
    WHERE rollout_id IN {RUNNING}
        AND body #> '{{evidence,tracks}}' @> '[{{"metric": {{"kind": "errors"}}}}]'
"""  # noqa: S608
# table, path of a list, path of an item's kind
LISTS = (
    ("rollouts", "{strategy,metrics}", "{kind}"),
    ("progress", "{evidence,tracks}", "{metric,kind}"),
    ("progress", "{verdicts}", "{metric,kind}"),
)
PAUSE = """
    UPDATE progress SET body = jsonb_set(body, '{pause,kind}', '"no-data"')
    WHERE body #>> '{pause,kind}' = 'too-small'
"""


def upgrade() -> None:
    for statement in (NEW_BASE_LINE, METRICS, TRACKS):
        op.execute(statement)


def downgrade() -> None:
    for table, place, kind in LISTS:
        op.execute(_without(table, place, kind))
    for statement in (NEW_BASE_LINE, PAUSE):
        op.execute(statement)


def _without(table: str, place: str, kind: str) -> str:
    """The statement that drops the items of these kinds from a list in every body."""
    kinds = ", ".join(f"'{each}'" for each in KINDS)
    return f"""
        UPDATE {table} SET body = jsonb_set(body, '{place}', (
            SELECT coalesce(jsonb_agg(item ORDER BY number), '[]'::jsonb)
            FROM jsonb_array_elements(body #> '{place}') WITH ORDINALITY AS items (item, number)
            WHERE item #>> '{kind}' NOT IN ({kinds})
        ))
        WHERE jsonb_typeof(body #> '{place}') = 'array'
    """  # noqa: S608  (constants)
