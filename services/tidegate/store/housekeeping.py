"""What may be forgotten: expired idempotency keys, old inquiries, workers long dead, samples of
rollouts that ended long ago. Nothing else ever is."""

from tidegate.store import samples
from tidegate.store.engine import Tx, run
from tidegate.store.workers import FORGET_S

INQUIRIES_KEEP_S = 3600.0
SAMPLES_DAYS = 90.0


def prune(tx: Tx, samples_days: float = SAMPLES_DAYS) -> int:
    """Delete them. samples_days: after a rollout's end. Return how many rows."""
    old = "make_interval(secs => :seconds)"
    return (
        run(tx, "DELETE FROM idempotency_keys WHERE expires_at < now()")
        + run(tx, f"DELETE FROM inquiries WHERE asked_at < now() - {old}", seconds=INQUIRIES_KEEP_S)  # noqa: S608
        + run(tx, f"DELETE FROM workers WHERE seen_at < now() - {old}", seconds=FORGET_S)  # noqa: S608
        + samples.prune(tx, samples_days)
    )
