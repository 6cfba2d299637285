"""The progress of a rollout as it was stored before revision 0010 of the database: flat. A worker
of that version may still store it so after the migration, at the end of a reconcile that it had
begun."""

from tidegate.store.codec import Json

# part: its fields as (name now, name before)
PARTS = {
    "step": (
        ("index", "step"),
        ("baked", "baked"),
        ("since", "since"),
        ("approved_by", "approved_by"),
    ),
    "wait": (("kind", "waits_for"), ("seconds", "waited")),
    "routed": (("traffic", "seen"), ("since", "shown_at")),
    "analysis": (("evidence", "evidence"), ("verdicts", "verdicts"), ("sample", "sample")),
    "pods": (
        ("alive", "alive"),
        ("losses", "losses"),
        ("incidents", "incidents"),
        ("findings", "findings"),
    ),
    "end": (
        ("toward", "ending"),
        ("message", "ending_message"),
        ("at", "ending_at"),
        ("standby_until", "standby_until"),
        ("tidy", "tidy"),
    ),
}


def is_flat(stored: Json) -> bool:
    """Whether a body was stored by that version."""
    return "waits_for" in stored


def gathered(stored: Json) -> Json:
    """A flat body in parts."""
    old = {before for fields in PARTS.values() for _, before in fields}
    parts = {
        part: {now: stored[before] for now, before in fields if before in stored}
        for part, fields in PARTS.items()
    }
    return {**{name: value for name, value in stored.items() if name not in old}, **parts}
