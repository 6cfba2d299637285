"""Preflight in values: what is asked before anything moves, and what was found.

The service asks, the worker looks (it alone sees the cluster). A problem refuses the request, a
warning is said, and what could not be looked at is said too: silence would read as "fine".
"""

from dataclasses import dataclass, field
from enum import StrEnum

from tidegate.core import reachable
from tidegate.core.errors import Remediation
from tidegate.core.intent import Intent, Revision
from tidegate.core.reachable import ReachableIntent
from tidegate.core.rollout import Rollout

EITHER = Remediation("change the request, or what the cluster has, then repeat")


class Level(StrEnum):
    """What a finding does."""

    PROBLEM = "problem"  # nothing is accepted
    WARNING = "warning"  # accepted, and said
    UNCHECKED = "not checked"  # nobody could look


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found. rule: what it breaks, in a few words. detail: for a person, with the way
    out. step: the first way that it concerns, '' for all. index: of the plan's step. object: kind
    and name. path: JSON path in it."""

    level: Level
    rule: str
    detail: str
    step: str = ""
    index: int | None = None
    object: str = ""
    path: str = ""
    remediation: Remediation = EITHER

    @property
    def text(self) -> str:
        """One line: where, what breaks which rule, and what to do where that is more than
        `EITHER`."""
        reachable_intent = ""
        if self.remediation != EITHER:
            reachable_intent = str(self.remediation)
        return ": ".join(
            part
            for part in (self.step, self.object, self.path, self.detail, reachable_intent)
            if part
        )


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody asks for. intent: the present one, or the first of an endpoint that is made.
    revisions: every one that it may name, the candidate among them. rollout: None where an endpoint
    is made. override: a percent that comes with it."""

    intent: Intent
    revisions: tuple[Revision, ...]
    rollout: Rollout | None = None
    override: int | None = None

    @property
    def reachable_intents(self) -> tuple[ReachableIntent, ...]:
        """Every intent on the reachable intent."""
        if self.rollout is None:
            return reachable.first(self.intent)
        return reachable.reachable_intents(self.rollout, self.intent, self.override)


@dataclass(frozen=True, slots=True)
class Report:
    """What was found. checked: objects that went through the cluster's admission. start_seconds:
    until pods of a revision are ready, as stable's were; undo_seconds: until stable has everything
    again; None: unknown. undo: how it goes back, for a person. own: what each metric of people's own
    answered when it was tried. trouble: why there is no answer at
    all, '' where there is one."""

    findings: tuple[Finding, ...] = ()
    checked: int = 0
    start_seconds: float | None = None
    undo_seconds: float | None = None
    undo: str = ""
    trouble: str = field(default="")
    own: tuple[str, ...] = ()

    def of(self, level: Level) -> tuple[Finding, ...]:
        """Findings of one level."""
        return tuple(finding for finding in self.findings if finding.level is level)
