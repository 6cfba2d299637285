"""What a step needs before the next one begins, and what follows where it does not come. Pure."""

from dataclasses import replace

from tidegate.core import (
    accepting,
    consequences,
    dead_stable,
    endings,
    no_traffic,
    pauses,
    trial,
)
from tidegate.core.evidence import MetricKind, Verdict, new_step, overall
from tidegate.core.proof import Measured, prove
from tidegate.core.reachable import describe as _name
from tidegate.core.rollout import Decision, Outcome, PauseKind, Progress, Routed, WaitsFor
from tidegate.core.strategy import Kind, Step, Until
from tidegate.core.traffic import describe, desired, same
from tidegate.core.turn import Turn


def measure(turn: Turn) -> tuple[Turn, str]:
    """Whether the cluster shows the intended split; bakes while it does. A step's evidence begins
    when its split first shows."""
    target = desired(turn.intent)
    traffic = turn.observation.traffic
    known = same(turn.progress.routed.traffic, traffic)
    if not known:
        turn = turn.having(routed=replace(turn.progress.routed, since=turn.now))
    if not same(traffic, target):
        routed = replace(turn.progress.routed, traffic=traffic)
        return turn.having(routed=routed), f"routed {describe(traffic)}, desired {describe(target)}"
    if not turn.observation.settled:
        return turn.having(routed=Routed()), "the gateway has not taken the route yet"
    if not known:
        fresh = new_step(turn.progress.analysis.evidence)
        verdicts = turn.judged(fresh)
        since = turn.progress.step.since
        if since is None:
            since = turn.now
        return turn.having(
            routed=replace(turn.progress.routed, traffic=traffic),
            step=replace(turn.progress.step, since=since, baked=0.0),
            analysis=replace(turn.progress.analysis, evidence=fresh, verdicts=verdicts),
        ), ""
    if _both_up(turn):
        baked = turn.progress.step.baked + turn.elapsed
        return turn.having(step=replace(turn.progress.step, baked=baked)), ""
    return turn, ""


def missing(turn: Turn, step: Step) -> str | None:
    """What the step still lacks, None when it is done."""
    progress = turn.progress
    if dead_stable.is_down(turn):
        return f"waiting: {dead_stable.with_advice(turn, dead_stable.cause(turn))}"
    if not turn.observation.up(turn.rollout.candidate):
        return f"waiting: r{turn.rollout.candidate} has no ready pod"
    undecided = [f.message for f in progress.pods.findings if consequences.holds(turn.rollout, f)]
    if undecided:
        return f"waiting: {'; '.join(undecided)}"
    if progress.step.baked < step.bake:
        baked = f"{progress.step.baked:.0f} of {step.bake:.0f} s"
        return f"baking {_name(step.candidate_traffic)} for {baked}"
    if step.until is Until.APPROVAL:
        messages = [
            v.message for v in progress.analysis.verdicts if v.metric.kind is MetricKind.EXPERIMENT
        ]
        asks = "waiting for a person: approve (or promote) or reject"
        if progress.step.approved_by:
            return None
        return "; ".join([asks, *messages])
    split = progress.analysis.evidence.split
    total = split.candidate.n + split.stable.n
    proof = None
    if step.candidate_traffic.percent:
        proof = prove(step.candidate_traffic.percent, split.candidate.n, total)
    if proof is not None and proof.result is Measured.WRONG:
        return f"waiting: {proof.message}"
    if progress.allowance.has(progress.step.index + 1):
        return None
    nobody = no_traffic.message(turn, step)
    if nobody is not None:
        return nobody
    if step.until is Until.NO_FAIL:
        short = [
            v.message
            for v in progress.analysis.verdicts
            if v.min_requests_more and v.metric.waited_for
        ]
        return "; ".join(short) or None
    if overall(progress.analysis.verdicts) is Verdict.PASS:
        return None
    if turn.rollout.trial and trial.answered(progress.analysis.verdicts):
        return None
    return _undecided(progress)


def unsettled(turn: Turn, split: str) -> Decision:
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
    if live.trouble.failure:
        failure = f": {live.trouble.failure}"
    return f"; r{live.revision} has {live.ready} of {live.desired} replicas{failure}"


def _undecided(progress: Progress) -> str:
    return (
        "; ".join(
            v.message
            for v in progress.analysis.verdicts
            if v.metric.waited_for and v.verdict is not Verdict.PASS
        )
        or "no metric is configured"
    )


def _both_up(turn: Turn) -> bool:
    """Whether both sides of the comparison can answer: nothing bakes else."""
    candidate = turn.rollout.candidate
    return turn.observation.up(turn.intent.stable) and turn.observation.up(candidate)


def wait_for(turn: Turn, step: Step, missing: str) -> Decision:
    deadlines = turn.rollout.strategy.deadlines
    if step.until is Until.APPROVAL:
        if turn.overdue(WaitsFor.APPROVAL, deadlines.decision):
            message = f"nobody answered within {deadlines.decision:.0f} s"
            return endings.follow(endings.begin(turn, Outcome.ABORTED, message))
        return turn.waiting(WaitsFor.APPROVAL, missing)
    if turn.progress.step.baked < step.bake and _both_up(turn):
        return turn.waiting(WaitsFor.BAKE, missing)
    ended = accepting.at_end(turn)
    if ended is not None:
        return ended
    if turn.overdue(WaitsFor.DATA, deadlines.data):
        if turn.rollout.strategy.kind is Kind.AB:  # its last word: stable stays
            lacks = missing
            if dead_stable.is_down(turn):
                lacks = dead_stable.cause(
                    turn
                )  # an end takes no promotion: its message advises none
            message = f"undecided after {deadlines.data:.0f} s: {lacks}"
            return endings.follow(endings.begin(turn, Outcome.KEPT_STABLE, message))
        return pauses.pause(
            turn, PauseKind.NO_DATA, f"no answer within {deadlines.data:.0f} s: {missing}"
        )
    return turn.waiting(WaitsFor.DATA, missing)
