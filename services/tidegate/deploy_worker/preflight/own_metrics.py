"""People's own metrics, tried once before a rollout needs them: what each answers of stable now."""

from collections.abc import Iterator

from tidegate.core.errors import Remediation
from tidegate.core.own.due import OwnRequest
from tidegate.core.own.readings import OwnReading
from tidegate.core.own.spec import Own
from tidegate.core.ports import Snapshot
from tidegate.core.preflight import Finding, Level, Request
from tidegate.deploy_worker.own.source import OwnSource, pods_of

RULE = "own metric"
_WRONG = Remediation("mend the query, or leave the metric out")
_UNREAD = Remediation("it stays undecided while that is so, and no pass comes")


def tried(
    request: Request, source: OwnSource, snapshot: Snapshot, now: float
) -> tuple[OwnReading, ...]:
    """Each metric of the plan that is read from somewhere, of stable. now: epoch seconds."""
    if request.rollout is None:
        return ()
    plan = request.rollout.strategy
    base = request.rollout.base
    requests = [
        OwnRequest(metric.own, (base,), now, plan.noise_window)
        for metric in plan.metrics
        if metric.own is not None and not metric.own.of_answers
    ]
    if not requests:
        return ()
    return source.read(request.intent.key, pods_of(snapshot, (base,)), requests)


def findings(readings: tuple[OwnReading, ...]) -> Iterator[Finding]:
    """A query that can never be answered refuses the rollout; one that is not answered now is told."""
    for reading in readings:
        if reading.trouble and reading.refused:
            yield Finding(
                Level.PROBLEM, RULE, f"{reading.name}: {reading.trouble}", remediation=_WRONG
            )
        elif reading.trouble:
            yield Finding(
                Level.WARNING, RULE, f"{reading.name}: {reading.trouble}", remediation=_UNREAD
            )


def answers(request: Request, readings: tuple[OwnReading, ...]) -> tuple[str, ...]:
    """What each answered, a line each."""
    if request.rollout is None:
        return ()
    own = {
        metric.own.name: metric.own
        for metric in request.rollout.strategy.metrics
        if metric.own is not None
    }
    return tuple(f"{each.name}: {_answer(own[each.name], each)}" for each in readings)


def _answer(own: Own, reading: OwnReading) -> str:
    if reading.trouble:
        return reading.trouble
    if not reading.tallies:
        return ", ".join(
            f"r{revision} {value:.4g} in the last {reading.seconds:.0f} s"
            for revision, value in reading.values
        )
    part = sum(tally.part for tally in reading.tallies)
    whole = sum(tally.whole for tally in reading.tallies)
    sources = f"at {len(reading.tallies)} source"
    if len(reading.tallies) > 1:
        sources += "s"
    if not own.is_mean:
        return f"r{reading.tallies[0].revision} counted {part:,} good of {whole:,} {sources}"
    mean = "nothing yet"
    if whole:
        mean = f"{part / whole / own.scale:.4g}"
    return f"r{reading.tallies[0].revision} {mean} over {whole:,} requests {sources}"
