"""What a round tells people: the endpoint's status, one JSON object that the API answers as it is."""

from collections.abc import Mapping, Sequence
from typing import Any

from tidegate.core import failed_writes as refusals
from tidegate.core.evidence import Scrape
from tidegate.core.intent import Intent
from tidegate.core.observed import Observed
from tidegate.core.traffic import describe, same, wanted
from tidegate.store import Context, codec

MOST = 200  # characters of an exception's words


def render(
    context: Context, result: str, intent: Intent | None, observed: Observed | None, why: str, says: Sequence[str]
) -> dict[str, Any]:
    """phase: ready, progressing, degraded, blocked, deleting, gone, unreachable or unknown; message: one line."""
    if intent is None or observed is None:
        kept = {**context.status, "phase": "unreachable"} if result == "unavailable" else {"phase": "unknown"}
        return {**kept, "message": "; ".join(says)}
    phase, message = _phase(result, intent, observed, why, says)
    return {
        "phase": phase,
        "message": message,
        "generation": observed.generation,
        "traffic": codec.plain(observed.traffic) if observed.traffic else None,
        "settled": observed.settled,
        "live": [codec.plain(live) for live in observed.live],
        "waiting": list(says),
        "drift": list(observed.drift),
        "urls": [observed.address] if observed.address else [],
    }


def failed(known: Mapping[str, Any], error: Exception) -> dict[str, Any]:
    """The status that was known, with the bug that ended a round."""
    said = str(error).partition("\n")[0][:MOST]
    message = f"a fault of Tidegate, please report it; the worker's log has more: {type(error).__name__}: {said}"
    return {**known, "phase": "blocked", "message": message}


def _phase(result: str, intent: Intent, observed: Observed, why: str, says: Sequence[str]) -> tuple[str, str]:
    waits = "; ".join(dict.fromkeys((*([why] if why else []), *says)))
    if result in ("fenced", "held"):
        return "blocked", waits
    if intent.stable is None:
        return ("gone", "nothing is left") if result == "gone" else ("deleting", waits or "objects go")
    if any(line.startswith((refusals.REFUSED, refusals.UNDONE)) for line in says):
        return "degraded", waits
    stable = observed.of(intent.stable)
    there = stable is not None and (stable.ready > 0 or stable.idle)
    leaves = any(line.endswith(refusals.NEEDED) for line in says)
    if there and observed.settled and same(observed.traffic, wanted(intent)) and not leaves:
        return "ready", waits or describe(observed.traffic)
    said = observed.failure(intent.stable)
    if said and not observed.ready(intent.stable):
        return "degraded", "; ".join(part for part in (f"r{intent.stable}: {said}", waits) if part)
    return "progressing", waits or _lacks(intent, observed)


def _lacks(intent: Intent, observed: Observed) -> str:
    """What is missing where neither the pilot nor the plan waits for anything."""
    stable, target = observed.of(intent.stable), wanted(intent)
    if stable is None:
        return f"r{intent.stable} is being made"
    if not (stable.ready or stable.idle):
        return f"r{intent.stable} has {stable.ready} of {stable.wanted} replicas ready"
    if not same(observed.traffic, target):
        return f"now {describe(observed.traffic)}, wanted {describe(target)}"
    return "the gateway has not taken the route yet"


def rate(before: Scrape | None, now: Scrape) -> float | None:
    """Answers per second over all revisions between two scrapes, rounded so that the status stays quiet."""
    if before is None or now.at <= before.at:
        return None
    old = {(r.source, r.revision): r.counters.answers for r in before.readings}
    new = sum(max(r.counters.answers - old.get((r.source, r.revision), 0), 0) for r in now.readings)
    return round(new / (now.at - before.at), 1)
