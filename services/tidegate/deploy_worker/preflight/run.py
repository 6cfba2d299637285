"""One preflight from a request to a report. It writes nothing; it may be asked again at any
time."""

import time
from collections.abc import Callable, Iterator, Mapping

from tidegate.core import rules
from tidegate.core.drivers import driver_for
from tidegate.core.drivers.base import fence
from tidegate.core.drivers.planned import Planned
from tidegate.core.observation import Observation
from tidegate.core.ports import Manifest, Snapshot, Unavailable
from tidegate.core.preflight import Finding, Level, Report, Request
from tidegate.deploy_worker.parts import Parts
from tidegate.deploy_worker.preflight import capacity, gates, own_metrics, times
from tidegate.deploy_worker.preflight.dry_runs import Say, through
from tidegate.deploy_worker.preflight.site import Made, Pod

LIMIT_S = 15.0  # for the cluster's admission; the service waits a little longer


def run(
    request: Request,
    parts: Parts,
    store: str,
    say: Say,
    clock: Callable[[], float] = time.monotonic,
) -> Report:
    """Everything that can be known. clock: monotonic seconds."""
    key, ends = request.intent.key, clock() + LIMIT_S
    say(f"looking at {key}")
    if (message := parts.site.denied(key.namespace)) is not None:
        return Report(
            (Finding(Level.PROBLEM, "tenant", message, object=f"Namespace {key.namespace}"),)
        )
    snapshot = parts.cluster.observe(key)
    if isinstance(snapshot, Unavailable):
        return Report(trouble=f"the cluster does not answer: {snapshot.detail}")
    driver = driver_for(request.intent.mode, parts.platform(store))
    known = {revision.number: revision for revision in request.revisions}
    seen = driver.read(key, known, snapshot)
    if (stop := fence(request.intent, seen, store)) is not None:
        return Report((Finding(Level.PROBLEM, "whose objects", stop.message),))
    reached = driver.reachable(request.reachable_intents, known, snapshot)
    admitted = through(parts.cluster, reached, snapshot, say, lambda: clock() < ends)
    if isinstance(admitted, Unavailable):
        return Report(trouble=f"the cluster does not answer: {admitted.detail}")
    refused, checked = admitted
    say("looking at quotas, nodes and what KServe will make")
    made = _made(request, parts, reached, snapshot)
    findings = [
        *_rule_book(request, parts),
        *refused,
        *(finding for each in made.values() for finding in each.findings),
    ]
    findings += _capacity(request, parts, seen, snapshot, made)
    newest = known[request.rollout.candidate if request.rollout else request.intent.stable or 0]
    silent = parts.site.evidence(key, request.intent.mode, newest.runtime)
    untold = parts.site.untold(request.intent.mode, newest.runtime)
    findings += gates.check(request, silent, untold)
    say("trying the plan's own metrics")
    readings = own_metrics.tried(request, parts.sources.own, snapshot, time.time())
    findings += own_metrics.findings(readings)
    start = times.starts(snapshot, request.intent.stable)
    seconds, how = times.undo(request, start)
    count = checked + sum(item.checked for item in made.values())
    answers = own_metrics.answers(request, readings)
    return Report(tuple(dict.fromkeys(findings)), count, start, seconds, how, own=answers)


def _rule_book(request: Request, parts: Parts) -> Iterator[Finding]:
    """The one rule book, with what the cluster can do by its newest word."""
    caps = parts.capabilities()
    for reachable_intent in request.reachable_intents:
        for problem in rules.check(reachable_intent.intent, None, caps):
            yield Finding(
                Level.PROBLEM, "rule book", problem.detail, remediation=problem.remediation
            )


def _made(
    request: Request, parts: Parts, reached: tuple[Planned, ...], snapshot: Snapshot
) -> Mapping[int, Made]:
    """By revision, what KServe would make of its first InferenceService on the reachable intent."""
    result: dict[int, Made] = {}
    for revision in request.revisions:
        isvc = _first_of(revision.label, reached)
        if isvc is not None:
            result[revision.number] = parts.site.made_of(isvc, revision.runtime, snapshot)
    return result


def _first_of(label: str, reached: tuple[Planned, ...]) -> Manifest | None:
    services = (
        planned.manifest for planned in reached if planned.manifest["kind"] == "InferenceService"
    )
    return next(
        (
            service
            for service in services
            if label in (_label(service), _label(service["spec"]["predictor"]))
        ),
        None,
    )


def _label(item: Manifest) -> str | None:
    labels = item.get("metadata", item).get("labels") or {}
    result = labels.get("tidegate.dev/revision")
    if not result:
        return None
    return str(result)


def _capacity(
    request: Request, parts: Parts, seen: Observation, snapshot: Snapshot, made: Mapping[int, Made]
) -> Iterator[Finding]:
    budget = parts.site.budget(snapshot)
    if budget is None:
        return
    needs: dict[int, Pod] = {
        number: item.pod for number, item in made.items() if item.pod is not None
    }
    for number in made.keys() - needs.keys():
        yield Finding(
            Level.UNCHECKED,
            "capacity",
            f"what a pod of r{number} asks for is unknown, and so is its capacity",
        )
    sizes = [max(live.desired, live.ready) for live in seen.live]
    size = max([request.intent.scaling.min_replicas, 1, *sizes])
    findings = list(
        capacity.check(list(capacity.demands(request.reachable_intents, size)), needs, budget)
    )
    yield from findings
    yield from capacity.unsaid(needs, budget)
    if not any(finding.level is Level.PROBLEM for finding in findings):
        if request.rollout:
            newest = request.rollout.candidate
        else:
            newest = request.intent.stable or 0
        yield from capacity.ceiling(request.intent, newest, needs, budget)
