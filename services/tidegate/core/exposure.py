"""At most so many requests of the candidate without a verdict (`max_exposed_requests`). Pure.

A pause leaves the candidate its share, so it would go on being exposed. At this limit the share
is taken away with the pause, and given back by a resume, which grants as many again. To stay below
the limit the controller looks ahead: at what the candidate will answer until the share is gone.
"""

from dataclasses import replace

from tidegate.core import trial
from tidegate.core.commands import abort, forward, resume
from tidegate.core.evalues import Block
from tidegate.core.evidence import MetricKind, Scrape, requests_of
from tidegate.core.intent import CandidateTraffic, EndpointKey
from tidegate.core.reachable import describe
from tidegate.core.rollout import (
    NO_WAIT,
    Decision,
    Note,
    Pause,
    PauseKind,
    Progress,
    Rollout,
    WaitsFor,
    WouldHave,
)
from tidegate.core.strategy import Until
from tidegate.core.turn import Turn

INTERVALS = 3  # until a share is gone: one to decide, one to write, one for the gateway


def proven(rollout: Rollout, progress: Progress) -> bool:
    """Whether a verdict, or a person's word, stands behind what the candidate gets now."""
    done = rollout.strategy.steps[: max(progress.step.index, 0)]
    return bool(progress.allowance.accepted) or any(
        step.until is not Until.NO_FAIL and step.candidate_traffic.percent for step in done
    )


def exposed(progress: Progress) -> int:
    """The candidate's requests since the rollout began, or a person granted more."""
    return progress.allowance.exposed - progress.allowance.exposed_from


def counted(rollout: Rollout, progress: Progress, last: Scrape | None, scrape: Scrape) -> Progress:
    """The progress with the candidate's requests of one more interval. Every interval counts, also
    one that is no evidence."""
    if rollout.strategy.max_exposed is None or last is None:
        return progress
    more = requests_of(last, scrape, rollout.candidate)
    allowance = progress.allowance
    allowance = replace(allowance, exposed=allowance.exposed + more)
    return replace(progress, allowance=allowance)


def reached(turn: Turn, traffic: CandidateTraffic) -> bool:
    """Whether the limit is reached, or would be before the candidate's share is gone. traffic: what
    the candidate gets, or would get next."""
    most = turn.rollout.strategy.max_exposed
    gets_some = bool(traffic.percent or traffic.match)
    if most is None or not gets_some or proven(turn.rollout, turn.progress):
        return False
    return exposed(turn.progress) + _soon(turn, traffic) >= most


def _soon(turn: Turn, traffic: CandidateTraffic) -> float:
    """About how many requests the candidate answers until its share is gone."""
    return INTERVALS * turn.interval * _per_second(turn, traffic)


def _per_second(turn: Turn, traffic: CandidateTraffic) -> float:
    """The candidate's requests per second: as measured in the step, or as its percent makes them of
    what both revisions got in this rollout."""
    of_step, of_rollout = _counted(turn.progress)
    measured = 0.0
    if of_step.seconds:
        measured = of_step.candidate.n / of_step.seconds
    if not of_rollout.seconds:
        return measured
    every = (of_rollout.candidate.n + of_rollout.stable.n) / of_rollout.seconds
    return max(measured, every * traffic.percent / 100)


def _counted(progress: Progress) -> tuple[Block, Block]:
    for verdict in progress.analysis.verdicts:
        if verdict.metric.kind is MetricKind.ERRORS:
            return verdict.step, verdict.rollout
    return Block(), Block()


def stop(turn: Turn, traffic: CandidateTraffic) -> Decision:
    """Pause, and take the candidate's share away. traffic: as of `reached`."""
    message = _message(turn, traffic)
    turn = turn.having(pause=Pause(PauseKind.EXPOSED, turn.author, message), wait=NO_WAIT)
    intent = turn.intent
    if intent.candidate_traffic != turn.staging:
        return turn.append(replace(intent, candidate_traffic=turn.staging), "pause", message)
    # The next share alone would be too much
    waiting = turn.waiting(WaitsFor.PAUSE, message)
    return replace(waiting, notes=(Note(turn.author, "pause", message),))


def noted(turn: Turn, traffic: CandidateTraffic) -> Turn:
    """In trial it is only noted that it would have paused."""
    return trial.noted(turn, WouldHave.PAUSED, _message(turn, traffic))


def _message(turn: Turn, traffic: CandidateTraffic) -> str:
    most = turn.rollout.strategy.max_exposed
    soon = round(_soon(turn, traffic))
    follows = ""
    if soon:
        follows = f", about {soon:,} more would follow at {describe(traffic)}"
    return (
        f"r{turn.rollout.candidate} answered {exposed(turn.progress):,} requests without a "
        f"verdict{follows}, and max_exposed_requests is {most:,}, so it gets none now; "
        f"{advice(turn.intent.key, turn.rollout, turn.progress)}"
    )


def advice(key: EndpointKey, rollout: Rollout, progress: Progress) -> str:
    """What a person can do."""
    most = rollout.strategy.max_exposed
    return (
        f"`{resume(key)}` grants {most:,} more, `{abort(key)}` ends it, "
        f"`{forward(key, rollout, progress)}` promotes it all the same"
    )


def granted(turn: Turn) -> Turn:
    """The turn after a person's resume at the limit."""
    allowance = replace(turn.progress.allowance, exposed_from=turn.progress.allowance.exposed)
    return turn.having(allowance=allowance)
