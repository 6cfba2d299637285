"""One decision of the rollout controller: everything a decision looks at, and the few moves that
every decision is made of."""

from dataclasses import dataclass, replace

from tidegate.core import reachable
from tidegate.core.checks import NO_CHECKS, CandidateChecks
from tidegate.core.evidence import Evidence, MetricVerdict, judge
from tidegate.core.intent import CandidateTraffic, Intent
from tidegate.core.observation import Observation
from tidegate.core.rollout import Decision, Note, Progress, Rollout, RolloutWait, WaitsFor
from tidegate.core.watch_values import ALONE, Surroundings

CONTROLLER = "system:rollout:{}"  # the author of the rollout controller's own intents


@dataclass(frozen=True, slots=True)
class Turn:
    """Everything one decision looks at. `elapsed`: observed seconds since the last reconcile,
    capped. `checks`: of its candidate. `surroundings`: what else the endpoint does."""

    rollout: Rollout
    progress: Progress
    intent: Intent
    observation: Observation
    now: float
    elapsed: float
    interval: float
    checks: CandidateChecks = NO_CHECKS
    surroundings: Surroundings = ALONE

    def having(self, **changes: object) -> "Turn":
        """The same turn with other progress."""
        return replace(self, progress=replace(self.progress, **changes))  # type: ignore[arg-type]

    @property
    def author(self) -> str:
        """Who signs the rollout controller's intents."""
        return CONTROLLER.format(self.rollout.id)

    def judged(self, evidence: Evidence) -> tuple[MetricVerdict, ...]:
        """The verdicts of this evidence by the rollout's plan."""
        plan = self.rollout.strategy
        return judge(evidence, plan.metrics, plan.alpha, plan.noise_window)

    def waiting(self, what: WaitsFor, message: str) -> Decision:
        """Nothing to append; counts the time spent on this one wait."""
        spent = 0.0
        if self.progress.wait.kind == what:
            spent = self.progress.wait.seconds
        progress = replace(self.progress, wait=RolloutWait(kind=what, seconds=spent + self.elapsed))
        return Decision(progress, message, self.now + self.interval)

    def overdue(self, what: WaitsFor, limit: float) -> bool:
        """Whether this wait has lasted longer than it may."""
        return self.progress.wait.kind == what and self.progress.wait.seconds >= limit

    def append(self, intent: Intent, action: str, message: str) -> Decision:
        """The decision to make `intent` the next generation; `action` names it in the ledger."""
        following = replace(
            intent, generation=self.intent.generation + 1, author=self.author, message=message
        )
        return Decision(
            self.progress,
            message,
            self.now + self.interval,
            following,
            (Note(self.author, action, message),),
        )

    @property
    def staging(self) -> CandidateTraffic:
        """The candidate traffic a candidate gets ready in: no traffic."""
        return reachable.staging(self.rollout.strategy, self.intent.mode)
