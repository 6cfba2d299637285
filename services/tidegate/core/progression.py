"""The rollout controller: where a rollout goes next. `decide` is the line that says "25 % or
back?".

It is pure: the rollout as asked for, its progress, people's actions, the current intent and one
observation of the cluster go in; a decision comes out, with a reason on every branch. It never
writes to the cluster: it appends intents, and the reconciler makes them real.

    actions first; a `fail` or a crash loop rolls back; an ending is followed to its end; then start, then steps
"""

from dataclasses import replace

from tidegate.core import (
    actions,
    contract_check,
    dead_stable,
    endings,
    heartbeats,
    incidents,
    pauses,
)
from tidegate.core.checks import NO_CHECKS, CandidateChecks
from tidegate.core.drivers.pod_state import CRASH_LOOP
from tidegate.core.elapsed import elapsed
from tidegate.core.evidence import MetricKind, Verdict, judge, new_experiment, new_step, overall
from tidegate.core.findings import find
from tidegate.core.guard import Heartbeat
from tidegate.core.intent import Intent, Mode
from tidegate.core.observation import Observation
from tidegate.core.proof import Measured, prove
from tidegate.core.reachable import describe as _name
from tidegate.core.rollout import (
    STARTING,
    Action,
    Decision,
    Outcome,
    Pause,
    PauseKind,
    Progress,
    Rollout,
    WaitsFor,
    with_base,
)
from tidegate.core.strategy import Ending, Kind, Step, Until
from tidegate.core.traffic import describe, desired, same
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
    rollout = with_base(rollout, progress)
    seconds = elapsed(progress.at, now, interval)
    turn = Turn(
        rollout, replace(progress, at=now), intent, observation, now, seconds, interval, checks
    )
    if progress.outcome is not None:
        return _with_message(endings.tidy(turn))
    if (
        progress.step == STARTING
        and progress.ending is None
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
    turn = _watch_candidate(turn)
    before = dead_stable.before_ending(turn, people)
    going = turn.progress.ending in (None, Outcome.PROMOTED)
    # Also against a person's promotion: it was of what was checked then
    if checks.refuses and going:
        turn = endings.begin(turn, Outcome.ABORTED, checks.refuses)
    elif turn.progress.ending is None:
        turn = _roll_back(dead_stable.resumed(turn))
    decision = contract_check.follow(turn) if turn.progress.ending is not None else _forward(turn)
    if dead_stable.postpones(before, decision):
        decision = dead_stable.postpone(before, decision)
    return _with_message(replace(decision, notes=(*notes, *received, *messages, *decision.notes)))


def _with_message(decision: Decision) -> Decision:
    return replace(decision, progress=replace(decision.progress, message=decision.message))


def _watch_candidate(turn: Turn) -> Turn:
    """Count how often the candidate lost its last ready pod, and what befell its pods. Pods that
    are only not warmed up are not lost: a new worker counts none until each has answered an
    inference."""
    candidate = turn.rollout.candidate
    alive = turn.observation.up(candidate) or (
        turn.progress.alive and turn.observation.not_warmed_up(candidate)
    )
    lost = turn.progress.alive and not alive and turn.progress.step > STARTING
    verdicts = judge(
        turn.progress.evidence, turn.rollout.strategy.metrics, turn.rollout.strategy.alpha
    )
    return _count_incidents(
        turn.having(alive=alive, losses=turn.progress.losses + lost, verdicts=verdicts)
    )


def _count_incidents(turn: Turn) -> Turn:
    """Not of an undo: what served before is wanted back, whatever its pods go through on the
    way."""
    rollout = turn.rollout
    if turn.intent.candidate != rollout.candidate or rollout.strategy.proven:
        return turn
    counted = incidents.count(
        turn.progress.incidents, turn.observation, rollout.base, rollout.candidate, turn.elapsed
    )
    return turn.having(
        incidents=counted, findings=find(counted, rollout.strategy.limits, rollout.candidate)
    )


def _roll_back(turn: Turn) -> Turn:
    """The reasons to abort that need nobody: a `fail`, a crash loop, pods lost twice, an endpoint
    deleted."""
    rollout = turn.rollout
    progress = turn.progress
    candidate = turn.observation.of(turn.rollout.candidate)
    if turn.intent.stable is None:
        return endings.begin(turn, Outcome.ABORTED, "the endpoint is being deleted")
    failed = [v for v in progress.verdicts if v.verdict is Verdict.FAIL and not v.metric.pauses]
    unwell = [v.message for v in failed if v.metric.kind is not MetricKind.EXPERIMENT]
    unwell = [*unwell, *(f.message for f in progress.findings if f.verdict is Verdict.FAIL)]
    if unwell:
        return endings.begin(turn, Outcome.ABORTED, "; ".join(unwell))
    if failed:  # it works, and people like stable better
        return endings.begin(turn, Outcome.KEPT_STABLE, "; ".join(v.message for v in failed))
    down = candidate is not None and not candidate.up and not candidate.not_warmed_up
    # An undo is exempt from it: what served before has restarted before, and is the better of the
    # two.
    if (
        candidate is not None
        and down
        and candidate.restarts >= CRASH_LOOP
        and not rollout.strategy.proven
    ):
        message = ""
        if candidate.failure:
            message = f": {candidate.failure}"
        return endings.begin(
            turn,
            Outcome.ABORTED,
            f"r{candidate.revision} crashed {candidate.restarts} times{message}",
        )
    if progress.losses > 1:
        return endings.begin(turn, Outcome.ABORTED, f"r{rollout.candidate} lost all its pods twice")
    return turn


def _forward(turn: Turn) -> Decision:
    """Start, or stay in the present step until it has what it needs."""
    if turn.progress.step == STARTING:
        return _start(turn)
    if turn.rollout.strategy.kind is Kind.MANUAL or turn.progress.override:
        return _overridden(turn)
    steps = turn.rollout.strategy.steps
    if turn.progress.step >= len(steps) and turn.progress.pause is not None:
        return _paused(turn, turn.progress.pause)
    if turn.progress.step >= len(steps):
        if turn.rollout.strategy.ending is Ending.PROMOTE:
            proven = [
                v.message for v in turn.progress.verdicts if v.metric.kind is MetricKind.EXPERIMENT
            ]
            return endings.follow(
                endings.begin(turn, Outcome.PROMOTED, "; ".join(["every step is done", *proven]))
            )
        answers = ", ".join(
            f"{v.metric.kind} {v.verdict}" for v in turn.progress.verdicts if v.metric.can_pass
        )
        return endings.follow(
            endings.begin(turn, Outcome.KEPT_STABLE, f"every step is done; {answers}")
        )
    return _step(turn, steps[turn.progress.step])


def _start(turn: Turn) -> Decision:
    rollout = turn.rollout
    intent = turn.intent
    if intent.candidate != rollout.candidate:
        warm = turn.progress.alive or turn.observation.not_warmed_up(rollout.candidate)
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
    evidence = new_experiment(turn.progress.evidence)
    fresh = incidents.new_step(turn.progress.incidents)
    begun = turn.having(
        step=step, baked=0.0, waited=0.0, waits_for=WaitsFor.NOTHING, approved_by=None
    )
    return begun.having(since=None, evidence=evidence, incidents=fresh)


def _overridden(turn: Turn) -> Decision:
    """A person sets each percent; the rollout controller guards, and rolls an abandoned rollout
    back in the end."""
    before = turn.progress.seen
    turn, _ = _measure(turn)
    if not same(before, turn.progress.seen):
        turn = turn.having(waited=0.0)  # the person moved it: not abandoned
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
        return _forward(_enter(turn, progress.step + 1))
    if progress.pause is not None:
        return _paused(turn, progress.pause)
    if intent.candidate_traffic != candidate_traffic:
        count = len(turn.rollout.strategy.steps)
        message = f"step {progress.step + 1} of {count}: {_name(candidate_traffic)}"
        return turn.append(replace(intent, candidate_traffic=candidate_traffic), "step", message)
    turn, split = _measure(turn)
    small = pauses.too_small(turn.rollout, turn.progress)
    if small is not None:
        return pauses.pause(turn, PauseKind.TOO_SMALL, small)
    if split:
        return _unsettled(turn, split)
    missing = _missing(turn, step)
    if missing is None:
        return _forward(_enter(turn, progress.step + 1))
    return _await(turn, step, missing)


def _measure(turn: Turn) -> tuple[Turn, str]:
    """Whether the cluster shows the intended split; bakes while it does. A step's evidence begins
    when its split first shows."""
    target = desired(turn.intent)
    traffic = turn.observation.traffic
    known = same(turn.progress.seen, traffic)
    if not known:
        turn = turn.having(shown_at=turn.now)
    if not same(traffic, target):
        return turn.having(seen=traffic), f"routed {describe(traffic)}, desired {describe(target)}"
    if not turn.observation.settled:
        return turn.having(seen=None, shown_at=None), "the gateway has not taken the route yet"
    if not known:
        fresh = new_step(turn.progress.evidence)
        verdicts = judge(fresh, turn.rollout.strategy.metrics, turn.rollout.strategy.alpha)
        if turn.progress.since is None:
            since = turn.now
        else:
            since = turn.progress.since
        return turn.having(
            seen=traffic, since=since, evidence=fresh, verdicts=verdicts, baked=0.0
        ), ""
    if _both_up(turn):
        return turn.having(baked=turn.progress.baked + turn.elapsed), ""
    return turn, ""


def _paused(turn: Turn, pause: Pause) -> Decision:
    turn, _ = _measure(turn)
    limit = turn.rollout.strategy.deadlines.decision
    if turn.overdue(WaitsFor.PAUSE, limit):
        message = f"paused for {limit:.0f} s, and nobody resumed"
        return endings.follow(endings.begin(turn, Outcome.ABORTED, message))
    return turn.waiting(
        WaitsFor.PAUSE,
        f"{pause.kind} by {pause.author} at {turn.intent.candidate_traffic.percent} %: "
        f"{pause.message}",
    )


def _unsettled(turn: Turn, split: str) -> Decision:
    """The split is not what it should be: that ends too, by an abort, or by a pause where stable is
    what is missing."""
    limit = turn.rollout.strategy.deadlines.ready
    text = split + _lacking(turn)
    dead = dead_stable.is_down(turn)
    if dead:
        text = dead_stable.with_advice(turn, f"{dead_stable.cause(turn)}; {text}")
    if not turn.overdue(WaitsFor.SPLIT, limit):
        return turn.waiting(WaitsFor.SPLIT, text)
    if dead:
        return pauses.pause(turn, PauseKind.NO_STABLE, text)
    message = f"the split did not settle within {limit:.0f} s: {text}"
    return endings.follow(endings.begin(turn, Outcome.ABORTED, message))


def _lacking(turn: Turn) -> str:
    """What the candidate's replicas say about it."""
    live = turn.observation.of(turn.rollout.candidate)
    if live is None or live.idle or live.ready >= live.desired:
        return ""
    failure = ""
    if live.failure:
        failure = f": {live.failure}"
    return f"; r{live.revision} has {live.ready} of {live.desired} replicas{failure}"


def _missing(turn: Turn, step: Step) -> str | None:
    """What the step still lacks, None when it is done."""
    progress = turn.progress
    if dead_stable.is_down(turn):
        return f"waiting: {dead_stable.with_advice(turn, dead_stable.cause(turn))}"
    if not turn.observation.up(turn.rollout.candidate):
        return f"waiting: r{turn.rollout.candidate} has no ready pod"
    undecided = [f.message for f in progress.findings if f.verdict is not Verdict.PASS]
    if undecided:
        return f"waiting: {'; '.join(undecided)}"
    if progress.baked < step.bake:
        return (
            f"baking {_name(step.candidate_traffic)} for {progress.baked:.0f} of {step.bake:.0f} s"
        )
    if step.until is Until.APPROVAL:
        messages = [v.message for v in progress.verdicts if v.metric.kind is MetricKind.EXPERIMENT]
        asks = "waiting for a person: approve (or promote) or reject"
        if progress.approved_by:
            return None
        return "; ".join([asks, *messages])
    split = progress.evidence.split
    total = split.candidate.n + split.stable.n
    proof = None
    if step.candidate_traffic.percent:
        proof = prove(step.candidate_traffic.percent, split.candidate.n, total)
    if proof is not None and proof.result is Measured.WRONG:
        return f"waiting: {proof.message}"
    if step.until is Until.NO_FAIL:
        short = [v.message for v in progress.verdicts if v.min_requests_more]
        return "; ".join(short) or None
    if overall(progress.verdicts) is Verdict.PASS:
        return None
    return _undecided(progress)


def _both_up(turn: Turn) -> bool:
    """Whether both sides of the comparison can answer: nothing bakes else."""
    candidate = turn.rollout.candidate
    return turn.observation.up(turn.intent.stable) and turn.observation.up(candidate)


def _undecided(progress: Progress) -> str:
    return (
        "; ".join(
            v.message
            for v in progress.verdicts
            if v.metric.can_pass and v.verdict is not Verdict.PASS
        )
        or "no metric is configured"
    )


def _await(turn: Turn, step: Step, missing: str) -> Decision:
    deadlines = turn.rollout.strategy.deadlines
    if step.until is Until.APPROVAL:
        if turn.overdue(WaitsFor.APPROVAL, deadlines.decision):
            message = f"nobody answered within {deadlines.decision:.0f} s"
            return endings.follow(endings.begin(turn, Outcome.ABORTED, message))
        return turn.waiting(WaitsFor.APPROVAL, missing)
    if turn.progress.baked < step.bake and _both_up(turn):
        return turn.waiting(WaitsFor.BAKE, missing)
    if turn.overdue(WaitsFor.DATA, deadlines.data):
        if turn.rollout.strategy.kind is Kind.AB:  # its last word: stable stays
            message = f"undecided after {deadlines.data:.0f} s: {missing}"
            return endings.follow(endings.begin(turn, Outcome.KEPT_STABLE, message))
        return pauses.pause(
            turn, PauseKind.NO_DATA, f"no answer within {deadlines.data:.0f} s: {missing}"
        )
    return turn.waiting(WaitsFor.DATA, missing)
