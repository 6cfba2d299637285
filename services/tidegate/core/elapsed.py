"""How much time a reconcile counts."""

MOST_INTERVALS = 4  # late by a few intervals is normal under load; later than that, nobody looked


def elapsed(since: float | None, now: float, interval: float) -> float:
    """Return the observed seconds between the last reconcile, at `since`, and `now`.

    Deadlines, bake times and heartbeats count only time in which somebody looked. So a gap counts
    as at most four intervals: an outage of the worker, or a clock that jumps ahead, neither
    finishes a bake nor lets a deadline pass. A clock that jumps back counts nothing. since None:
    the first reconcile, of which nothing has elapsed. interval: seconds between two reconciles.
    """
    if since is None:
        return 0.0
    return min(max(now - since, 0.0), MOST_INTERVALS * interval)
