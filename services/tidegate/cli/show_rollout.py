"""A rollout as people read it: where it stands, desired beside observed weight, verdicts with
counts, its steps. Pure: answers of the API in, text out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from tidegate.cli import words
from tidegate.cli.words import ROLLOUT_ICONS, age, icon, lasts, percent, said

if TYPE_CHECKING:
    from tidegate.schemas import responses as out

_STEP_ICONS = {"done": words.OK, "current": words.GOING, "ahead": words.NEUTRAL}
_VERDICT_ICONS = {
    "pass": words.OK,
    "fail": words.BAD,
    "undecided": words.GOING,
    "no fail": words.OK,
}
_CONTRACT_ICONS = {"compatible": words.OK, "breaking": words.WARNING, "unchecked": words.UNKNOWN}
_REPEAT_S = 30.0  # seconds of one wait after which a watch says again how it stands
_REPEATED = ("ready", "split", "data")  # the waits of which that is worth a line
_QUIET = ("ready", "progressing")  # an endpoint's phases that say nothing beside its rollout
_MOVES = ("starting", "progressing")  # the phases in which its steps go on by themselves
FAILED = frozenset({"aborted", "superseded"})
ENDED = FAILED | {"promoted", "kept-stable"}


def name(rollout: out.RolloutOut) -> str:
    """For `-o name`. What a dry run would make has no id."""
    return f"rollout/{rollout.id or 'dry-run'}"


def phase(rollout: out.RolloutOut) -> Text:
    """Icon and phase. A candidate that a person judges is not bad, only paused."""
    return icon(ROLLOUT_ICONS.get(rollout.phase, words.UNKNOWN), rollout.phase)


def step(rollout: out.RolloutOut) -> str:
    """`2/5`; `ready` while the candidate gets ready; `-` where the plan has no steps."""
    total = len(rollout.steps)
    if rollout.step < 1 and rollout.phase == "starting":
        return "getting ready"
    if total:
        return f"{min(max(rollout.step, 1), total)}/{total}"
    return "-"


def weight(rollout: out.RolloutOut) -> str:
    """The candidate's share: what should be, what the route says, and what the answers since then
    show."""
    message = (
        f"desired {percent(rollout.desired_percent)}, routed {percent(rollout.routed_percent)}"
    )
    if rollout.measured_requests is None:
        return message
    return f"{message}, measured {percent(rollout.measured_percent)} of {rollout.measured_requests:,} requests"


def awaits(rollout: out.RolloutOut) -> str:
    """What must happen next."""
    return rollout.awaits or ""


def _awaits(rollout: out.RolloutOut) -> str:
    """The same where the metrics stand below with their reasons: those are not said twice."""
    text = awaits(rollout)
    wait = rollout.wait
    if wait and wait.what == "data" and asked(rollout):
        text = "enough requests for a verdict"
    if wait and wait.what in _REPEATED:
        return f"{text}, for {lasts(wait.seconds)}"
    return text


def asked(rollout: out.RolloutOut) -> list[out.VerdictOut]:
    """The metrics, once there is something to answer them with."""
    counted = any(
        verdict.candidate_requests or verdict.stable_requests for verdict in rollout.verdicts
    )
    if rollout.step > 0 or counted:
        return list(rollout.verdicts)
    return []


def _telling(rollout: out.RolloutOut) -> list[out.VerdictOut]:
    """Without the metrics that can only fail, where nothing happened."""
    return [
        verdict
        for verdict in asked(rollout)
        if verdict.candidate_bad
        or verdict.stable_bad
        or (verdict.allowed is None and verdict.metric.can_pass)
    ]


def word(verdict: out.VerdictOut) -> str:
    """The verdict; of a metric that no pass waits for, `no fail` instead of undecided."""
    waits = verdict.metric.can_pass or verdict.verdict != "undecided"
    if waits:
        return verdict.verdict
    return "no fail"


def around(endpoint: out.EndpointOut, message: str) -> str:
    """What the worker says about a rollout's endpoint beyond the rollout, after its phase where
    that is no good one."""
    phase = ""
    if endpoint.phase not in _QUIET:
        phase = endpoint.phase
    return ": ".join(part for part in (phase, message) if part)


def status(rollout: out.RolloutOut, now: float, cluster: str = "") -> RenderableType:
    """The whole of `rollout status`. cluster: the worker's one line about the endpoint."""
    table = words.pairs()
    for label, value in _header(rollout, now, cluster):
        table.add_row(f"{label}:", value)
    parts: list[RenderableType] = [table]
    if asked(rollout):
        parts += ["", verdicts(rollout)]
    if rollout.experiment:
        parts += ["", _experiment(rollout)]
    if rollout.steps:
        parts += ["", steps(rollout)]
    return Group(*parts)


def _header(
    rollout: out.RolloutOut, now: float, cluster: str
) -> Iterator[tuple[str, RenderableType]]:
    ended = rollout.phase in ENDED
    if rollout.id:
        yield (
            "Rollout",
            rollout.id + (f" (attempt {rollout.attempt})" if rollout.attempt > 1 else ""),
        )
    yield "Endpoint", f"{rollout.namespace}/{rollout.endpoint}"
    yield "Status", phase(rollout)
    versus = "back from" if rollout.strategy == "undo" else "against"
    chosen = (
        ", by header: not randomised, so no comparison decides"
        if rollout.randomised is False
        else ""
    )
    yield "Strategy", f"{rollout.strategy}: r{rollout.candidate} {versus} r{rollout.base}{chosen}"
    if not ended and rollout.id:
        if rollout.steps:
            yield "Step", step(rollout)
        yield "Weight", f"r{rollout.candidate} {weight(rollout)}"
    if rollout.because:
        yield "Because", rollout.because
    eta = _eta(rollout)
    if eta:
        yield "ETA", eta
    yield from _pace(rollout)
    if rollout.awaits and rollout.id:
        yield "Waiting for", _awaits(rollout)
    if rollout.pending:
        yield "Accepted", f"{', '.join(rollout.pending)}: the next reading takes it up"
    contract = rollout.contract
    if contract and (contract.differences or contract.compatibility != "compatible"):
        yield "Contract", _contract(contract)
    if (guard := rollout.guard) and guard.missed and not ended:
        yield "Pipeline", icon(words.PAUSED, guard.message)
    if rollout.trial:
        yield "Trial", "verdicts are stored, and nothing follows from them"
    for would in rollout.would_have:
        yield "Would have", icon(words.WARNING, would.message.removeprefix("would have "))
    if pause := rollout.pause:
        yield "Paused", icon(words.PAUSED, said(pause.author, pause.message))
    if rollout.override:
        yield "Override", f"{rollout.override} sets the percent until `tidegate rollout resume`"
    if rollout.outcome_message:
        yield "Reason", rollout.outcome_message
    if cluster:
        yield "Message", cluster
    if rollout.id:
        yield (
            "Started",
            f"{age(rollout.created_at, now)} ago by {said(rollout.author, rollout.reason)}",
        )
    if ended:
        yield "Ended", f"{age(rollout.ended_at, now)} ago"


def _eta(rollout: out.RolloutOut) -> str:
    """How long until its steps are done; '' where a person decides, or nothing is left."""
    if rollout.seconds_left is not None:
        all_steps = " for all steps" if rollout.step < 1 else ""
        return f"about {lasts(rollout.seconds_left)}{all_steps}, at the present rate of requests"
    left = [step for step in rollout.steps if step.state != "done"]
    waits = any(step.until == "approval" for step in left)
    if not left or waits or rollout.override or rollout.phase not in _MOVES:
        return ""
    return "unknown: too little was measured"


def _pace(rollout: out.RolloutOut) -> Iterator[tuple[str, RenderableType]]:
    """What bounds it in requests and time, and what was accepted."""
    most = rollout.max_exposed_requests
    if most is not None and rollout.phase not in ENDED:
        yield "At most", f"{most:,} requests of r{rollout.candidate} before a verdict"
    box = rollout.time_box
    if box is not None and rollout.phase not in ENDED:
        most_points = ""
        if box.max_accepted_points is not None:
            most_points = f" at most {box.max_accepted_points:g} points"
        yield "Time box", f"{lasts(box.seconds)} for each step, then {box.on_time_box}{most_points}"
        if box.statement and box.points is not None:
            yield "Stated", box.statement
    for bound in rollout.accepted_bounds:
        yield "Accepted", f"step {bound.step} by {bound.by}: {bound.statement}"


def _contract(contract: out.ContractOut) -> Text:
    """What differs from stable's, and who answers for it."""
    who = ""
    if contract.accepted_by:
        who = f", accepted by {contract.accepted_by}"
    return icon(
        _CONTRACT_ICONS.get(contract.compatibility, words.UNKNOWN),
        f"{contract.compatibility}{who}: {contract.message}",
    )


def steps(rollout: out.RolloutOut) -> Table:
    """The plan, step by step."""
    table = words.table("STEP", "CANDIDATE", "UNTIL", "BAKE", "EXPECTED")
    for number, item in enumerate(rollout.steps, 1):
        current = item.state == "current"
        baked = ""
        if current:
            baked = f"{lasts(item.baked_seconds)} of "
        expected = _expected(rollout, item)
        if current and rollout.phase in FAILED:
            sign = words.BAD
        else:
            sign = _STEP_ICONS[item.state]
        table.add_row(
            icon(sign, str(number)),
            candidate_traffic(item),
            _until(item.until),
            baked + lasts(item.bake_seconds),
            expected,
        )
    return table


def _expected(rollout: out.RolloutOut, item: out.StepOut) -> str:
    """How long a step takes; `-` where that is nobody's guess any more, or a person decides."""
    if item.state == "done" or rollout.phase in ENDED or item.until == "approval":
        return "-"
    if item.expected_seconds is None:
        return "unknown"
    return f"about {lasts(item.expected_seconds)}"


def candidate_traffic(item: out.StepOut) -> str:
    """What the candidate gets in a step."""
    parts = []
    if item.match:
        parts.append(" and ".join(f"{m.name}: {m.value}" for m in item.match))
    if item.mirror_percent:
        parts.append(f"{item.mirror_percent} % mirrored")
    if item.percent or not parts:
        parts.append(f"{item.percent} %")
    if item.replicas_percent:
        parts.append(f"replicas {item.replicas_percent} % of stable's")
    return ", ".join(parts)


def _until(until: str) -> str:
    return {"no-fail": "no fail", "pass": "pass", "approval": "an approval"}.get(until, until)


def verdicts(rollout: out.RolloutOut) -> RenderableType:
    """Each metric with its counts; the reasons below at full width, because a cell would squeeze
    them."""
    table = words.table("METRIC", "VERDICT", "CANDIDATE BAD", "STABLE BAD", "MORE")
    for item in asked(rollout):
        verdict = icon(_VERDICT_ICONS.get(word(item), words.UNKNOWN), word(item))
        table.add_row(
            item.metric, verdict, bad(item, "candidate"), bad(item, "stable"), _more(rollout, item)
        )
    reasons = [entry.message for entry in _telling(rollout) if rollout.phase not in ENDED]
    return Group(table, *(Padding(message, (0, 0, 0, 2), expand=False) for message in reasons))


def bad(verdict: out.VerdictOut, who: str) -> str:
    """Bad answers of all answers; of a metric of pods the count, and what is allowed. who:
    candidate or stable."""
    of_candidate = who == "candidate"
    if of_candidate:
        count = verdict.candidate_bad
        requests = verdict.candidate_requests
    else:
        count = verdict.stable_bad
        requests = verdict.stable_requests
    if verdict.allowed is not None:
        unit = ""
        if verdict.metric == "no_ready_pods":
            unit = " s"
        allowed = ""
        if of_candidate:
            allowed = f" (allowed {verdict.allowed:g}{unit})"
        return f"{count:,}{unit}{allowed}"
    return f"{count:,} of {requests:,}"


def _more(rollout: out.RolloutOut, verdict: out.VerdictOut) -> str:
    if rollout.phase in ENDED or verdict.verdict != "undecided":
        return "-"
    if verdict.requests_more is None:
        numbers = verdict.evidence
        can_pass = numbers is not None and numbers.log10_threshold_pass is not None
        return "unknown" if can_pass else "-"
    if not verdict.requests_more and verdict.metric != "experiment":
        return f"enough requests, {lasts(verdict.seconds_more)} more"
    what = "requests"
    if verdict.metric == "experiment":
        what = "units"
    return f"{verdict.requests_more:,} {what}, {lasts(verdict.seconds_more)}"


def _experiment(rollout: out.RolloutOut) -> Table:
    table = words.table("EXPERIMENT", "SUCCESSES", "UNITS", "BY")
    for experiment in rollout.experiment:
        table.add_row(
            f"r{experiment.revision}",
            f"{experiment.successes:,}",
            f"{experiment.units:,}",
            experiment.author,
        )
    return table


def change(rollout: out.RolloutOut, now: float) -> str:
    """One line of a watch that no terminal shows. An ended rollout's time is that of its end."""
    parts = [words.clock(rollout.ended_at or now), phase(rollout).plain]
    if rollout.phase not in ENDED:
        if rollout.steps:
            parts.append(step(rollout) if rollout.step < 1 else f"step {step(rollout)}")
        if rollout.desired_percent is not None:
            parts.append(weight(rollout))
    parts += [f"{verdict.metric} {word(verdict)}" for verdict in _telling(rollout)]
    held = ""
    if rollout.pause:
        held = rollout.pause.message
    message = rollout.outcome_message or held or awaits(rollout)
    return "  ".join([*parts, *([f"({message})"] if message else [])])


def mark(rollout: out.RolloutOut) -> tuple[object, ...]:
    """What makes a watch print another line; of a long wait, one now and then."""
    verdicts = tuple((verdict.metric, verdict.verdict) for verdict in _telling(rollout))
    pause = None
    if rollout.pause:
        pause = rollout.pause.message
    weights = (rollout.desired_percent, rollout.routed_percent)
    return (
        rollout.phase,
        rollout.step,
        *weights,
        pause,
        rollout.override,
        verdicts,
        *_wait(rollout),
    )


def _wait(rollout: out.RolloutOut) -> tuple[object, ...]:
    """The kind of the present wait, and how often it was worth a line."""
    wait = rollout.wait
    if wait is None:
        return "", 0
    times = 0
    if wait.what in _REPEATED:
        times = int(wait.seconds // _REPEAT_S)
    return wait.what, times


def stopped(rollout: out.RolloutOut) -> str:
    """Where an ended rollout stood: `2/3, 25 %`; `-` where its plan has no steps."""
    plan = rollout.steps
    at = rollout.step - 1
    if not plan:
        return "-"
    if at < 0:
        return "before the first"
    if at < len(plan):
        return f"{at + 1}/{len(plan)}, {candidate_traffic(plan[at])}"
    return f"{at}/{len(plan)}"


def listing(rollouts: list[out.RolloutOut], now: float, *, of_one: bool = False) -> Table:
    """`rollout list`. of_one: all are of the endpoint that was named."""
    where = () if of_one else ("ENDPOINT",)
    table = words.table("ID", *where, "STRATEGY", "CHANGE", "STATUS", "STEP", "AGE")
    table.columns[0].no_wrap = True  # an id is there to be copied
    for rollout in rollouts:
        change = f"r{rollout.base} → r{rollout.candidate}"
        if rollout.phase in ENDED:
            done = stopped(rollout)
        else:
            done = step(rollout)
        place = () if of_one else (f"{rollout.namespace}/{rollout.endpoint}",)
        table.add_row(
            rollout.id,
            *place,
            rollout.strategy,
            change,
            phase(rollout),
            done,
            age(rollout.created_at, now),
        )
    return table
