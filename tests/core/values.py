"""Small values for unit tests of the core."""

from dataclasses import replace
from typing import Any

from tidegate.core.intent import CandidateTraffic, EndpointKey, Intent, Mode, Scaling
from tidegate.core.observation import Live, Observation
from tidegate.core.traffic import Rule, Share, Traffic

KEY = EndpointKey("team", "fraud")


def intent(percent: int = 0, **changes: Any) -> Intent:
    """r1 stable, r2 candidate at `percent`, scaling 1 to 4."""
    base = Intent(
        KEY,
        3,
        Mode.STANDARD,
        1,
        2,
        CandidateTraffic(percent=percent),
        scaling=Scaling(1, 4),
        author="ann",
    )
    return replace(base, **changes)


def split(percent: int, *, stable: int = 1, candidate: int = 2) -> Traffic:
    """One rule: `percent` to the candidate."""
    return Traffic((Rule((), (Share(stable, 100 - percent), Share(candidate, percent))),))


def seen(traffic: Traffic | None, **ready: int) -> Observation:
    """A settled look; `r1=2`: two ready replicas of two."""
    live = tuple(Live(int(name[1:]), desired=count, ready=count) for name, count in ready.items())
    return Observation(live, traffic, settled=True)
