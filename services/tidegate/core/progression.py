"""The rollout controller: where a rollout goes next. `decide` is the line that says "25 % or
back?".

It is pure: the rollout as asked for, its progress, people's actions, the current intent and one
observation of the cluster go in; a decision comes out, with a reason on every branch. It never
writes to the cluster: it appends intents, and the reconciler makes them real.

    actions first; a `fail` or a crash loop rolls back; an ending is followed to its end; then start, then steps
"""

from dataclasses import replace

from tidegate.core import (
    accepting,
    actions,
    contract_check,
    dead_stable,
    endings,
    exposure,
    heartbeats,
    incidents,
    pauses,
    rolling_back,
    step_needs,
    trial,
)
from tidegate.core.checks import NO_CHECKS, CandidateChecks
from tidegate.core.elapsed import elapsed
from tidegate.core.evidence import MetricKind, new_experiment
from tidegate.core.guard import Heartbeat
from tidegate.core.intent import Intent, Mode
from tidegate.core.observation import Observation
from tidegate.core.reachable import describe as _name
from tidegate.core.rollout import (
    NO_WAIT,
    STARTING,
    Action,
    Decision,
    Outcome,
    Pause,
    PauseKind,
    Progress,
    Rollout,
    StepProgress,
    WaitsFor,
    with_base,
)
from tidegate.core.strategy import Ending, Kind, Step
from tidegate.core.traffic import same
from tidegate.core.turn import Turn


def decide(
    rollout: Rollout,
    progress: Progress,
    requests: tuple[Action, ...],
    intent: Intent,
    observation: Observation,
    now: float,
    interval: float = 5.0,
    heartbeat: Heartbeat | None = None,
    checks: CandidateChecks = NO_CHECKS,
) -> Decision:
    """The next intent of a rollout, if any, and why. `interval`: seconds until the next reconcile
    of a running rollout. `heartbeat`: the last heartbeat of the pipeline that drives it. `checks`:
    what others say of its candidate.
    """
    before_all = progress
    rollout = with_base(rollout, progress)
    seconds = elapsed(progress.at, now, interval)
    turn = Turn(
        rollout, replace(progress, at=now), intent, observation, now, seconds, interval, checks
    )
    if progress.outcome is not None:
        return _with_message(endings.tidy(turn))
    if (
        progress.step.index == STARTING
        and progress.end.toward is None
        and intent.stable not in (None, rollout.base)
    ):
        if not rollout.strategy.urgent:
            return _with_message(endings.overtaken(turn))
        if intent.stable == rollout.candidate:
            return _with_message(endings.already(turn))
        turn = endings.rebase(turn)
    turn, notes = actions.hear(turn, requests)
    people = turn
    turn, received = heartbeats.hear(turn, heartbeat)
    turn, messages = contract_check.hear(turn)
    known = turn.progress
    turn = trial.watch(rolling_back.watch_candidate(turn))
    before = dead_stable.before_ending(turn, people)
    going = turn.progress.end.toward in (None, Outcome.PROMOTED)
    # Also against a person's promotion: it was of what was checked then
    if checks.refuses and going:
        turn = endings.begin(turn, Outcome.ABORTED, checks.refuses)
    elif turn.progress.end.toward is None:
        turn = rolling_back.roll_back(dead_stable.resumed(turn))
    if turn.progress.end.toward is not None:
        decision = contract_check.follow(turn)
    else:
        decision = _forward(turn)
    if dead_stable.postpones(before, decision):
        decision = dead_stable.postpone(before, decision)
    would = trial.notes(turn.author, known, decision.progress)
    accepted = accepting.notes(turn.author, before_all, decision.progress)
    whole = (*notes, *received, *messages, *would, *accepted, *decision.notes)
    return _with_message(replace(decision, notes=whole))


def _with_message(decision: Decision) -> Decision:
    return replace(decision, progress=replace(decision.progress, message=decision.message))


def _forward(turn: Turn) -> Decision:
    """Start, or stay in the present step until it has what it needs."""
    if turn.progress.step.index == STARTING:
        return _start(turn)
    if turn.rollout.strategy.kind is Kind.MANUAL or turn.progress.override:
        return _overridden(turn)
    steps = turn.rollout.strategy.steps
    if turn.progress.step.index >= len(steps) and turn.progress.pause is not None:
        return _paused(turn, turn.progress.pause)
    if turn.progress.step.index >= len(steps):
        if turn.rollout.strategy.ending is Ending.PROMOTE:
            proven = [
                v.message
                for v in turn.progress.analysis.verdicts
                if v.metric.kind is MetricKind.EXPERIMENT
            ]
            return endings.follow(
                endings.begin(turn, Outcome.PROMOTED, "; ".join(["every step is done", *proven]))
            )
        answers = ", ".join(
            f"{v.metric.kind} {v.verdict}"
            for v in turn.progress.analysis.verdicts
            if v.metric.can_pass
        )
        return endings.follow(
            endings.begin(turn, Outcome.KEPT_STABLE, f"every step is done; {answers}")
        )
    return _step(turn, steps[turn.progress.step.index])


def _start(turn: Turn) -> Decision:
    rollout = turn.rollout
    intent = turn.intent
    if intent.candidate != rollout.candidate:
        warm = turn.progress.pods.alive or turn.observation.not_warmed_up(rollout.candidate)
        at_once = rollout.strategy.urgent and turn.progress.pause is None
        if at_once and rollout.candidate in intent.standby and warm:
            return endings.follow(endings.begin(turn, Outcome.PROMOTED, rollout.reason or "undo"))
        message = f"r{rollout.candidate} gets ready without traffic: {rollout.reason or rollout.strategy.kind}"
        standby = tuple(r for r in intent.standby if r != rollout.candidate)
        return turn.append(
            replace(
                intent, candidate=rollout.candidate, standby=standby, candidate_traffic=turn.staging
            ),
            "start",
            message,
        )
    if dead_stable.waits_behind(turn):
        return dead_stable.wait_behind(turn)
    live = turn.observation.of(rollout.candidate)
    need = _staging_need(turn)
    ready = live.ready if live else 0
    pending = turn.checks.uncompared
    if live is not None and not pending and (ready >= need or live.idle):
        return _forward(_enter(turn, 0))
    text = pending or turn.observation.failure(rollout.candidate) or turn.checks.not_warm
    failure = f": {text}" if text else ""
    if turn.overdue(WaitsFor.READY, rollout.strategy.deadlines.ready):
        limit = rollout.strategy.deadlines.ready
        if rollout.strategy.urgent and ready:
            replicas = f"r{rollout.candidate} has {ready} of {need} replicas ready"
            message = f"{replicas} after {limit:.0f} s: better than to stay"
            return endings.follow(endings.begin(turn, Outcome.PROMOTED, message))
        message = f"r{rollout.candidate} was not ready within {limit:.0f} s{failure}"
        return endings.follow(endings.begin(turn, Outcome.ABORTED, message))
    return turn.waiting(
        WaitsFor.READY, f"r{rollout.candidate} has {ready} of {need} replicas ready{failure}"
    )


def _staging_need(turn: Turn) -> int:
    stable = turn.observation.of(turn.rollout.base)
    size = min(max(stable.desired if stable else 1, 1), turn.intent.scaling.max_replicas)
    if turn.intent.mode is Mode.STANDARD:
        return max(1, -(-size * turn.intent.candidate_traffic.replicas_percent // 100))
    return 1


def _enter(turn: Turn, step: int) -> Turn:
    evidence = new_experiment(turn.progress.analysis.evidence)
    fresh = incidents.new_step(turn.progress.pods.incidents)
    return turn.having(
        step=StepProgress(index=step),
        wait=NO_WAIT,
        analysis=replace(turn.progress.analysis, evidence=evidence),
        pods=replace(turn.progress.pods, incidents=fresh),
    )


def _overridden(turn: Turn) -> Decision:
    """A person sets each percent; the rollout controller guards, and rolls an abandoned rollout
    back in the end."""
    before = turn.progress.routed.traffic
    turn, _ = step_needs.measure(turn)
    if not same(before, turn.progress.routed.traffic):
        # The person moved it: it is not abandoned
        turn = turn.having(wait=replace(turn.progress.wait, seconds=0.0))
    who = turn.progress.override or turn.rollout.author
    limit = turn.rollout.strategy.deadlines.decision
    if turn.overdue(WaitsFor.APPROVAL, limit):
        return endings.follow(
            endings.begin(turn, Outcome.ABORTED, f"nobody decided within {limit:.0f} s")
        )
    return turn.waiting(
        WaitsFor.APPROVAL, f"{who} sets the percent: now {turn.intent.candidate_traffic.percent} %"
    )


def _step(turn: Turn, step: Step) -> Decision:
    progress = turn.progress
    intent = turn.intent
    if intent.mode is Mode.KNATIVE:
        size = turn.staging.replicas_percent
    else:
        size = step.candidate_traffic.replicas_percent
    candidate_traffic = replace(step.candidate_traffic, replicas_percent=size)
    if dead_stable.approved(turn):
        return _forward(_enter(turn, progress.step.index + 1))
    if progress.pause is not None:
        return _paused(turn, progress.pause)
    if exposure.reached(turn, step.candidate_traffic):
        if not turn.rollout.trial:
            return exposure.stop(turn, step.candidate_traffic)
        turn = exposure.noted(turn, step.candidate_traffic)
    if intent.candidate_traffic != candidate_traffic:
        count = len(turn.rollout.strategy.steps)
        message = f"step {progress.step.index + 1} of {count}: {_name(candidate_traffic)}"
        return turn.append(replace(intent, candidate_traffic=candidate_traffic), "step", message)
    turn, split = step_needs.measure(turn)
    small = pauses.too_small(turn.rollout, turn.progress)
    if small is not None:
        return pauses.pause(turn, PauseKind.TOO_SMALL, small)
    failing = pauses.failing(turn.rollout, turn.progress)
    if failing is not None:
        return pauses.pause(turn, PauseKind.FAILING, failing)
    if split:
        return step_needs.unsettled(turn, split)
    turn = accepting.by_policy(turn, step)
    missing = step_needs.missing(turn, step)
    if missing is not None and trial.goes_on(turn, step):
        turn = accepting.trial_end(turn, missing)
        return _forward(_enter(turn, progress.step.index + 1))
    if missing is None:
        return _forward(_enter(turn, progress.step.index + 1))
    return step_needs.wait_for(turn, step, missing)


def _paused(turn: Turn, pause: Pause) -> Decision:
    turn, _ = step_needs.measure(turn)
    if pause.kind is not PauseKind.EXPOSED and exposure.reached(
        turn, turn.intent.candidate_traffic
    ):
        return exposure.stop(turn, turn.intent.candidate_traffic)
    limit = turn.rollout.strategy.deadlines.decision
    if turn.overdue(WaitsFor.PAUSE, limit):
        message = f"paused for {limit:.0f} s, and nobody resumed"
        return endings.follow(endings.begin(turn, Outcome.ABORTED, message))
    return turn.waiting(
        WaitsFor.PAUSE,
        f"{pause.kind} by {pause.author} at {turn.intent.candidate_traffic.percent} %: "
        f"{pause.message}",
    )
