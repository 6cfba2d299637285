"""From stored values to answers. Pure: no store, no clock."""

from collections.abc import Mapping
from typing import Any

from tidegate.core import experiments, trial
from tidegate.core.contract import Contract
from tidegate.core.forecast import step_seconds
from tidegate.core.guard import Guard, Heartbeats
from tidegate.core.heartbeats import missed_message
from tidegate.core.intent import Intent
from tidegate.core.load import Rates
from tidegate.core.phases import phase
from tidegate.core.rollout import Outcome, Pause, PauseKind, Phase, Progress, Rollout, Would
from tidegate.core.strategy import Step, Strategy
from tidegate.deployment_service import analysis, durations, pace, verdicts
from tidegate.deployment_service.statuses import address, at, headers, rates, routed_traffic, when
from tidegate.schemas import responses as out
from tidegate.store.values import StoredRollout


def steps(plan: Strategy, progress: Progress, rates: Rates) -> list[out.StepOut]:
    """The plan, with how far it is and about how long each step takes at the measured rates."""
    rows = []
    for index, step in enumerate(plan.steps):
        state = _state(index, progress.step.index)
        rows.append(
            out.StepOut(
                percent=step.candidate_traffic.percent,
                match=headers(step.candidate_traffic.match),
                mirror_percent=step.candidate_traffic.mirror,
                replicas_percent=step.candidate_traffic.replicas_percent,
                until=step.until,
                bake_seconds=step.bake,
                baked_seconds=_baked(state, step, progress),
                state=state,
                expected_seconds=step_seconds(plan, step, rates),
            )
        )
    return rows


def _state(index: int, present: int) -> out.StepState:
    if index == present:
        return out.StepState.CURRENT
    if index < present:
        return out.StepState.DONE
    return out.StepState.AHEAD


def _baked(state: out.StepState, step: Step, progress: Progress) -> float:
    match state:
        case out.StepState.DONE:
            return step.bake
        case out.StepState.CURRENT:
            return progress.step.baked
        case out.StepState.AHEAD:
            return 0.0


def awaits(rollout: Rollout, progress: Progress, outcome: Outcome | None) -> str | None:
    """What must happen next, in one line; None when the rollout has ended."""
    match phase(rollout, progress, outcome):
        case Phase.STARTING:
            return progress.message or f"r{rollout.candidate} to get ready"
        case Phase.WAITING:
            return "a person: approve or promote, or reject or abort"
        case Phase.PAUSED:
            return _awaits_paused(progress)
        case Phase.PROMOTING | Phase.ABORTING:
            return progress.message or "the cluster to follow"
        case Phase.PROGRESSING:
            return progress.message or "its step to end"
    return None


def _awaits_paused(progress: Progress) -> str:
    pause = progress.pause
    if pause is not None and pause.kind is PauseKind.NO_STABLE:
        return pause.message
    if pause is not None and pause.kind is PauseKind.TIME_BOX:
        return "a person: approve the stated bound, resume (it waits again) or abort"
    if pause is not None and pause.kind is PauseKind.EXPOSED:
        return "a person: resume (it gets as many requests again), promote or abort"
    return "a person: resume, promote or abort"


def rollout(stored: StoredRollout, intent: Intent, status: Mapping[str, Any]) -> out.RolloutOut:
    """A rollout as answered. `intent`, `status`: the endpoint's present ones, for desired and
    routed percents."""
    value, progress = stored.rollout, stored.progress
    running = stored.outcome is None and intent.candidate == value.candidate
    seen = routed_traffic(status) if running else None
    plan = steps(value.strategy, progress, rates(status))
    percent, requests = measured(progress, intent) if running else (None, None)
    exposed = verdicts.exposed(progress)
    return out.RolloutOut(
        id=value.id,
        namespace=stored.key.namespace,
        endpoint=stored.key.name,
        strategy=value.strategy.kind,
        ending=value.strategy.ending,
        attempt=value.attempt,
        base=value.base,
        candidate=value.candidate,
        phase=phase(value, progress, stored.outcome),
        step=progress.step.index + 1,
        steps=plan,
        expected_seconds=durations.total([step.expected_seconds for step in plan]),
        seconds_left=None if stored.outcome else durations.seconds_left(progress, plan),
        desired_percent=intent.candidate_traffic.percent if running else None,
        routed_percent=seen.percent(value.candidate) if seen else None,
        measured_percent=percent,
        measured_requests=requests,
        candidate_url=address(status, value.candidate) if running else None,
        guard=_guard(value.guard, progress.heartbeats),
        contract=_contract(progress.contract),
        accept_breaking=value.accept_breaking,
        trial=value.trial,
        would_have=[would(each) for each in progress.would],
        pause=_pause(progress.pause),
        override=progress.override,
        awaits=awaits(value, progress, stored.outcome),
        wait=out.WaitOut(what=progress.wait.kind, seconds=progress.wait.seconds)
        if progress.wait.kind
        else None,
        randomised=experiments.randomised(value.strategy),
        settled_at=when(progress.step.since),
        verdicts=verdicts.of(progress, value.strategy.alpha) if value.strategy.metrics else [],
        exposed_requests=exposed.n,
        exposed_bad=exposed.bad,
        max_exposed_requests=value.strategy.max_exposed,
        because=value.strategy.because,
        time_box=pace.time_box(value.strategy, progress),
        accepted_bounds=pace.accepted_bounds(progress),
        analysis=analysis.answered(value.strategy),
        outcome=stored.outcome or progress.outcome,
        outcome_message=progress.end.message,
        author=value.author,
        run_id=value.run_id or None,
        reason=value.reason,
        created_at=when(stored.created_at),
        updated_at=when(stored.updated_at),
        ended_at=when(ended_at(stored)),
    )


def measured(progress: Progress, intent: Intent) -> tuple[float | None, int | None]:
    """The candidate's share of the answers since the split settled, in percent, and how many these
    are; (None, None) before the first. Where headers or copies decide who answers, the share says
    nothing."""
    split = progress.analysis.evidence.split
    total = split.candidate.n + split.stable.n
    if not total or intent.candidate_traffic.match or intent.candidate_traffic.mirror:
        return None, None
    return round(100 * split.candidate.n / total, 1), total


def ended_at(stored: StoredRollout) -> float | None:
    """When it ended, epoch seconds. The reconcile that tidies up follows at once, but after a
    promotion with the undo window between; that window began when it ended."""
    if stored.outcome is None:
        return None
    closes = stored.progress.end.standby_until
    if closes is None:
        return stored.updated_at
    return closes - stored.rollout.strategy.deadlines.undo


def _guard(value: Guard | None, heartbeats: Heartbeats) -> out.GuardOut | None:
    if value is None:
        return None
    return out.GuardOut(
        on_heartbeat_timeout=value.on_heartbeat_timeout,
        heartbeat_timeout_seconds=value.timeout,
        last_heartbeat_at=when(heartbeats.at),
        seconds_since_heartbeat=heartbeats.since,
        missed=heartbeats.missed,
        released=heartbeats.released,
        message=missed_message(value) if heartbeats.missed else "",
    )


def _contract(value: Contract | None) -> out.ContractOut | None:
    if value is None:
        return None
    return out.ContractOut(
        compatibility=value.compatibility,
        differences=[
            out.DifferenceOut(model=o.model, what=o.what, breaking=o.breaking)
            for o in value.differences
        ],
        message=value.message,
        accepted_by=value.accepted_by,
    )


def would(value: Would) -> out.WouldOut:
    """What a rollout in trial would have done, as answered."""
    return out.WouldOut(
        action=value.action,
        at=at(value.at),
        step=value.step,
        percent=value.percent,
        requests=value.requests,
        reason=value.message,
        message=trial.sentence(value),
    )


def _pause(value: Pause | None) -> out.PauseOut | None:
    if not value:
        return None
    return out.PauseOut(kind=value.kind, author=value.author, message=value.message)
