"""Endpoints as people read them: who serves what, since when, why; desired beside routed traffic.
Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.text import Text

from tidegate.cli import show_rollout, show_watch, words
from tidegate.cli.words import ENDPOINT_ICONS, age, icon, model, said
from tidegate.core.conditions import Code

if TYPE_CHECKING:
    from tidegate.schemas import responses as out

_URGENT = (
    words.BAD,
    words.WARNING,
    words.UNKNOWN,
    words.PAUSED,
    words.WAITING,
    words.GOING,
    words.OK,
    words.NEUTRAL,
)
_HELD = ("paused", "waiting")
# Conditions that the rollout, the traffic and the watch tell
TOLD_BESIDE = (
    Code.ROLLOUT,
    Code.SERVING,
    Code.WATCH_COMPARING,
    Code.SHARED_OUTAGE,
    Code.WATCH_FAILED,
)
FIRST_RECONCILE = 5.0  # seconds after which a worker has usually reconciled a new endpoint


def name(endpoint: out.EndpointOut) -> str:
    """For `-o name`."""
    return f"endpoint/{endpoint.namespace}/{endpoint.name}"


def health(endpoint: out.EndpointOut) -> tuple[str, str]:
    """(icon, word): its phase; a rollout that waits for a person shows."""
    word = endpoint.phase
    sign = ENDPOINT_ICONS.get(word, words.UNKNOWN)
    rollout = endpoint.rollout
    if rollout and rollout.phase in _HELD and sign in (words.OK, words.GOING):
        return words.PAUSED, f"{word}, rollout {rollout.phase}"
    return sign, word


def message(endpoint: out.EndpointOut, now: float) -> str:
    """The worker's one line; that there is none says something too, once it takes long."""
    if endpoint.message or endpoint.status:
        return endpoint.message
    made = endpoint.created_at or endpoint.since
    if made and now - made.timestamp() > FIRST_RECONCILE:
        return "no worker has reconciled it yet: is a deploy-worker running?"
    return "waiting for the first reconcile"


def beyond_the_rest(endpoint: out.EndpointOut, now: float) -> str:
    """The worker's line, without what the traffic and the rollout say beside it."""
    conditions = []
    if endpoint.status:
        conditions = endpoint.status.conditions
    if not conditions:
        return message(endpoint, now)
    return "; ".join(
        condition.message for condition in conditions if condition.code not in TOLD_BESIDE
    )


def shares(traffic: out.TrafficOut | None) -> str:
    """`r1 75 %, r2 25 %`."""
    if traffic:
        return traffic.text
    return "-"


def details(
    endpoint: out.EndpointOut,
    now: float,
    revisions: Sequence[out.RevisionOut] = (),
    *,
    dry_run: bool = False,
) -> RenderableType:
    """`endpoint get`. revisions: newest first, those that `undo --to` may name. dry_run: no worker
    will ever see it."""
    table = words.pairs()
    if dry_run:
        text = endpoint.message
    else:
        text = beyond_the_rest(endpoint, now)
    for label, value in _rows(endpoint, now, text):
        table.add_row(f"{label}:", value)
    if revisions:
        table.add_row("Revisions:", ", ".join(model(revision) for revision in revisions))
    return table


def _rows(endpoint: out.EndpointOut, now: float, text: str) -> Iterator[tuple[str, RenderableType]]:
    sign, word = health(endpoint)
    status = endpoint.status
    yield (
        "Endpoint",
        f"{endpoint.namespace}/{endpoint.name} ({endpoint.mode}, generation {endpoint.generation})",
    )
    yield "Status", icon(sign, word)
    if text:
        yield "Message", text
    for url in endpoint.urls:
        yield "URL", url
    yield "Stable", model(endpoint.stable)
    if endpoint.candidate:
        yield "Candidate", model(endpoint.candidate)
    if endpoint.standby:
        yield "Standby", ", ".join(f"r{number}" for number in endpoint.standby)
    yield "Desired", shares(endpoint.traffic.desired)
    yield "Routed", shares(endpoint.traffic.routed)
    yield "Replicas", _scaling(endpoint.autoscaling)
    for live in status.live if status else []:
        yield f"  r{live.revision}", _live(live)
        yield from _of_containers(live)
    yield "Since", f"{age(endpoint.since, now)} by {said(endpoint.author, endpoint.reason)}"
    rollout = endpoint.rollout
    if rollout:
        yield "Rollout", rollout_line(rollout)
    if endpoint.watch:
        yield "Watch", show_watch.line(endpoint.watch, now)
    for drift in status.drift if status else []:
        yield "Drift", _drift(drift, now)


def _of_containers(live: out.LiveOut) -> Iterator[tuple[str, RenderableType]]:
    """What is told beside the replicas: restarts that judge nobody, and the end of a log."""
    if live.beside:
        yield f"  r{live.revision} beside", ", ".join(live.beside)
    if live.log:
        yield f"  r{live.revision} log", Text("\n".join(live.log))


def _drift(drift: out.DriftOut, now: float) -> Text:
    if drift.put_back:
        return icon(words.OK, f"put back {age(drift.seen_at, now)} ago: {drift.message}")
    return icon(words.WARNING, drift.message)


def _scaling(scaling: out.AutoscalingOut) -> str:
    low = scaling.minReplicas
    high = scaling.maxReplicas
    if low == high:
        bounds = str(low)
    else:
        bounds = f"{low} to {high}"
    return f"{bounds} per revision" + (", KEDA asked for" if scaling.keda else "")


def _live(live: out.LiveOut) -> str:
    text = f"{live.ready_replicas} of {live.desired_replicas} ready"
    if live.idle:
        text += ", scaled to zero"
    if live.restarts:
        text += f", {live.restarts} restarts"
    if live.failure:
        return f"{text}: {live.failure}"
    return text


def rollout_line(rollout: out.RolloutOut) -> Text:
    """One line about the running rollout, with the id to look it up."""
    step = show_rollout.step(rollout)
    awaits = show_rollout.awaits(rollout)
    where = ""
    if rollout.step > 0 and step != "-":
        where = f" step {step}"
    if awaits:
        for_approval = rollout.wait is not None and rollout.wait.what == "approval"
        if for_approval:
            awaits = f" for {awaits}"
        else:
            awaits = f": {awaits}"
    phase = show_rollout.phase(rollout)
    called = ""
    if rollout.id:
        called = f" ({rollout.id})"
    return Text.assemble(f"{rollout.strategy}{where} ", phase, f"{awaits}{called}")


def listing(endpoints: Sequence[out.EndpointOut], now: float) -> RenderableType:
    """`endpoint list`."""
    table = words.table("ENDPOINT", "STATUS", "STABLE", "CANDIDATE", "DESIRED", "ROUTED", "SINCE")
    for endpoint in endpoints:
        sign, word = health(endpoint)
        traffic = endpoint.traffic
        table.add_row(
            f"{endpoint.namespace}/{endpoint.name}",
            icon(sign, word),
            model(endpoint.stable),
            model(endpoint.candidate),
            _candidate_share(endpoint, traffic.desired),
            _candidate_share(endpoint, traffic.routed),
            age(endpoint.since, now),
        )
    return table


def _candidate_share(endpoint: out.EndpointOut, traffic: out.TrafficOut | None) -> str:
    """The candidate's share of unmatched requests: the number that a rollout moves."""
    if traffic is None:
        return "-"
    if endpoint.candidate is None:
        return shares(traffic)
    number = endpoint.candidate.revision
    results = (
        s.percent
        for rule in traffic.rules
        if not rule.match
        for s in rule.shares
        if s.revision == number
    )
    return f"r{number} {sum(results)} %"


def overview(endpoints: Sequence[out.EndpointOut], now: float) -> RenderableType:
    """`status`: what needs a person first."""
    ordered = sorted(
        endpoints,
        key=lambda endpoint: (
            _URGENT.index(health(endpoint)[0]),
            endpoint.namespace,
            endpoint.name,
        ),
    )
    counts = Counter(_counted(endpoint) for endpoint in ordered)
    total = Text(f"{len(ordered)} endpoint{'' if len(ordered) == 1 else 's'}")
    summary = [icon(sign, f"{count} {word}") for (sign, word), count in counts.items()]
    parts: list[RenderableType] = [Columns([total, *summary], padding=(0, 2))]
    for endpoint in ordered:
        parts += ["", _block(endpoint, now)]
    return Group(*parts)


def change(endpoint: out.EndpointOut, now: float) -> str:
    """One line of a watch that no terminal shows."""
    parts = [words.clock(now), f"{endpoint.namespace}/{endpoint.name}", " ".join(health(endpoint))]
    parts.append(_serving(endpoint))
    rollout = endpoint.rollout
    if rollout:
        parts.append(rollout_line(rollout).plain)
    text = beyond_the_rest(endpoint, now)
    return "  ".join([*parts, *([f"({text})"] if text else [])])


def mark(endpoint: out.EndpointOut) -> tuple[object, ...]:
    """What makes a watch of all endpoints print a line about this one."""
    rollout = endpoint.rollout
    if rollout:
        progress = show_rollout.mark(rollout)
    else:
        progress = ()
    return (endpoint.generation, *health(endpoint), _serving(endpoint), *progress)


def _serving(endpoint: out.EndpointOut) -> str:
    desired = shares(endpoint.traffic.desired)
    routed = shares(endpoint.traffic.routed)
    if desired == routed:
        return desired
    return f"desired {desired}; routed {routed}"


def _counted(endpoint: out.EndpointOut) -> tuple[str, str]:
    """Icon and word under which the first line counts an endpoint."""
    sign, word = health(endpoint)
    rollout = endpoint.rollout
    return sign, f"rollout {rollout.phase}" if rollout and sign == words.PAUSED else word


def _block(endpoint: out.EndpointOut, now: float) -> RenderableType:
    sign, word = health(endpoint)
    head = Text.assemble(
        icon(sign), f" {endpoint.namespace}/{endpoint.name}  ", icon(sign, word).plain[2:]
    )
    table = words.pairs()
    for label, value in _facts(endpoint, now):
        table.add_row(f"  {label}", value)
    return Group(head, table)


def _facts(endpoint: out.EndpointOut, now: float) -> Iterator[tuple[str, RenderableType]]:
    candidate = ""
    if endpoint.candidate:
        candidate = f", {model(endpoint.candidate)} as candidate"
    yield "serves", f"{model(endpoint.stable)}{candidate}"
    yield "traffic", _serving(endpoint)
    rollout = endpoint.rollout
    if rollout:
        yield "rollout", rollout_line(rollout)
    if endpoint.watch:
        yield "watch", show_watch.line(endpoint.watch, now)
    text = beyond_the_rest(endpoint, now)
    if text:
        yield "message", text
    yield "since", f"{age(endpoint.since, now)}, by {said(endpoint.author, endpoint.reason)}"
