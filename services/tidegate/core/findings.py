"""Findings: The verdicts on the metrics that are counts against an allowance, in numbers and in one
line."""

from dataclasses import dataclass, replace
from enum import StrEnum

from tidegate.core.incidents import TOGETHER, Incidents, Limits, NotReady, Tally
from tidegate.core.on_fail import OnFail
from tidegate.core.verdicts import Verdict


class IncidentKind(StrEnum):
    """What is counted."""

    RESTARTS = "restarts"
    OOM_KILLS = "oom_kills"
    NO_READY_PODS = "no_ready_pods"


@dataclass(frozen=True, slots=True)
class Finding:
    """The verdict on one such metric. `undecided`: what came just now would be too much, and is
    still compared with stable. candidate, stable, allowed: counts, seconds for NO_READY_PODS.
    message: one line for people. on_fail: what follows from a fail."""

    kind: IncidentKind
    verdict: Verdict
    candidate: float
    stable: float
    allowed: float
    message: str
    on_fail: OnFail = OnFail.ABORT

    @property
    def quiet(self) -> bool:
        """Nothing happened on either side."""
        return not (self.candidate or self.stable)


def find(incidents: Incidents, limits: Limits, candidate: int) -> tuple[Finding, ...]:
    """One finding per metric. candidate: the revision's number."""
    findings = (
        _counted(IncidentKind.RESTARTS, incidents.restarts, limits.restarts, candidate, "restart"),
        _counted(IncidentKind.OOM_KILLS, incidents.oom_kills, limits.oom_kills, candidate, "kill"),
        _not_ready(
            incidents.not_ready, incidents.stable_not_ready, limits.no_ready_pods, candidate
        ),
    )
    follows = (limits.restarts_on_fail, limits.oom_kills_on_fail, limits.no_ready_pods_on_fail)
    return tuple(replace(each, on_fail=then) for each, then in zip(findings, follows, strict=True))


def _counted(kind: IncidentKind, tally: Tally, allowed: int, candidate: int, what: str) -> Finding:
    verdict = Verdict.PASS
    if tally.against > allowed:
        verdict = Verdict.FAIL
    elif tally.against + tally.fresh > allowed:
        verdict = Verdict.UNDECIDED
    seen = f"{tally.candidate} {what}{'' if tally.candidate == 1 else 's'}"
    message = f"r{candidate}: {seen}" + (
        " for memory (OOMKilled)" if kind is IncidentKind.OOM_KILLS else ""
    )
    message += f", allowed {allowed}"
    if tally.shared:
        message += f"; {tally.shared} at the same time as stable"
    if verdict is Verdict.UNDECIDED:
        message += f"; compared with stable for {tally.fresh_for:.0f} of {TOGETHER:.0f} s"
    return Finding(kind, verdict, tally.candidate, tally.stable, allowed, message)


def _not_ready(not_ready: NotReady, stable: NotReady, allowed: float, candidate: int) -> Finding:
    verdict = Verdict.PASS
    if not_ready.seconds > allowed:
        verdict = Verdict.FAIL
    message = (
        f"r{candidate}: {not_ready.seconds:.0f} s of this step with a share and no ready pod, "
        f"allowed {allowed:g} s"
    )
    return Finding(
        IncidentKind.NO_READY_PODS, verdict, not_ready.seconds, stable.seconds, allowed, message
    )
