"""A rollout's answer as a task reads it: where it stands, what its steps are, in which words.
Pure."""

from collections.abc import Iterator, Sequence

from tidegate.core.shown_address import shown_address
from tidegate.schemas import responses as out

GOOD = frozenset({"promoted", "kept-stable"})
BAD = frozenset({"aborted", "superseded"})
APPROVAL = "approval"


def ended(rollout: out.RolloutOut) -> bool:
    """Whether the cluster shows its outcome."""
    return rollout.phase in GOOD | BAD


def gated(rollout: out.RolloutOut) -> bool:
    """Whether its plan begins with a stop for the smoke test: no traffic of any kind, and steps
    after it."""
    steps = rollout.steps
    return len(steps) > 1 and steps[0].until == APPROVAL and not _moves(steps[0])


def past(rollout: out.RolloutOut, index: int) -> bool:
    """Whether a step lies behind it, or no step matters any more."""
    return rollout.step > index + 1 or rollout.phase == "promoting" or ended(rollout)


def taken_back(rollout: out.RolloutOut) -> str:
    """Why a rollout did not get through, in one line."""
    where = f"r{rollout.base} serves, r{rollout.candidate} was rolled back ({rollout.phase})"
    return f"{where}: {rollout.outcome_message}"


def at_gate(rollout: out.RolloutOut) -> bool:
    """Whether it stands at that stop."""
    return gated(rollout) and rollout.step == 1 and rollout.phase == "waiting"


def step_to_answer(rollout: out.RolloutOut) -> int | None:
    """The number of the step that waits for a person's answer; None where none does."""
    if rollout.override or not 0 < rollout.step <= len(rollout.steps):
        return None
    boxed = rollout.pause is not None and rollout.pause.kind == "time-box"
    if rollout.steps[rollout.step - 1].until != APPROVAL and not boxed:
        return None
    return int(rollout.step)


def traffic_steps(rollout: out.RolloutOut) -> list[int]:
    """Indices of the steps that people count: without the smoke test's stop and stops at the
    percent before."""
    return list(_traffic_steps(rollout.steps, int(gated(rollout))))


def _traffic_steps(steps: Sequence[out.StepOut], first: int) -> Iterator[int]:
    for index in range(first, len(steps)):
        if (
            index > first
            and steps[index].until == APPROVAL
            and _candidate_traffic(steps[index]) == _candidate_traffic(steps[index - 1])
        ):
            continue
        yield index


def _candidate_traffic(step: out.StepOut) -> tuple[object, ...]:
    return step.percent, step.match, step.mirror_percent, step.replicas_percent


def _moves(step: out.StepOut) -> bool:
    return bool(step.percent or step.match or step.mirror_percent)


def approval(rollout: out.RolloutOut) -> int | None:
    """Index of the last step, where that is a person's; None: nobody is asked."""
    steps = rollout.steps
    if steps and steps[-1].until == APPROVAL:
        return len(steps) - 1
    return None


def name(step: out.StepOut) -> str:
    """`25 %`, `requests with x-group: beta`, `100 % mirrored`, `no traffic`."""
    if step.match:
        return ", ".join(f"requests with {header.name}: {header.value}" for header in step.match)
    if step.mirror_percent:
        return f"{step.mirror_percent} % mirrored"
    if step.percent:
        return f"{step.percent} %"
    return "no traffic"


def observed(rollout: out.RolloutOut) -> int:
    """The candidate's share by the route; after the end by the outcome."""
    if rollout.phase == "promoted":
        return 100
    if ended(rollout):
        return 0
    return int(rollout.routed_percent or 0)


def verdict(rollout: out.RolloutOut) -> str:
    """Of all metrics: fail before undecided before pass; none where nothing is measured. Metrics of
    pods, and those that no pass waits for, can only fail."""
    verdicts = {
        item.verdict
        for item in rollout.verdicts
        if item.verdict == "fail" or (of_requests(item) and item.metric.can_pass)
    }
    return next((each for each in ("fail", "undecided", "pass") if each in verdicts), "none")


def url(rollout: out.RolloutOut, base_url: str) -> str:
    """Where it can be read."""
    return f"{shown_address(base_url)}/api/v1/rollouts/{rollout.id}"


def line(rollout: out.RolloutOut) -> str:
    """Where it stands, for a log: `step 2 of 5 · 10 % (routed 10 %) · baking 10 % for 0 of 60
    s`."""
    steps = rollout.steps
    at = rollout.step - 1
    parts: list[str] = [rollout.phase]
    if not ended(rollout):
        if 0 <= at < len(steps):
            parts.append(f"step {at + 1} of {len(steps)}: {name(steps[at])}")
        if rollout.routed_percent is not None:
            parts.append(f"r{rollout.candidate} has {rollout.routed_percent} % by the route")
    message = _message(rollout)
    return " · ".join([*parts, *([message] if message else [])])


def _message(rollout: out.RolloutOut) -> str:
    if ended(rollout):
        return rollout.outcome_message
    guard = rollout.guard
    if guard and guard.missed and not rollout.pause:
        return guard.message
    if rollout.pause:
        return rollout.pause.message
    return rollout.awaits or ""


def mark(rollout: out.RolloutOut) -> tuple[object, ...]:
    """What must differ for another line: not the seconds of a wait."""
    metrics = tuple((item.metric, item.verdict) for item in rollout.verdicts)
    pause = None
    if rollout.pause:
        pause = rollout.pause.message
    return (
        rollout.phase,
        rollout.step,
        rollout.routed_percent,
        pause,
        metrics,
        rollout.outcome_message,
    )


def of_requests(metric: out.VerdictOut) -> bool:
    """Whether it counts bad answers; the others count what happened to pods."""
    return metric.allowed is None


def share(metric: out.VerdictOut, side: str) -> float:
    """Bad answers of a side, `candidate` or `stable`, 0..1."""
    bad, requests = _side(metric, side)
    if not requests:
        return 0.0
    return bad / requests


def count(metric: out.VerdictOut, side: str) -> str:
    """`20 of 1,000 bad (2.00 %)`; of a metric of pods `1, allowed 0`."""
    bad, requests = _side(metric, side)
    if metric.allowed is None:
        return f"{bad:,} of {requests:,} bad ({100 * share(metric, side):.2f} %)"
    if side == "candidate":
        return f"{bad:g}, allowed {metric.allowed:g}"
    return f"{bad:g}"


def _side(metric: out.VerdictOut, side: str) -> tuple[int, int]:
    """Bad answers and all answers of a side."""
    if side == "candidate":
        return metric.candidate_bad, metric.candidate_requests
    return metric.stable_bad, metric.stable_requests


def metrics(rollout: out.RolloutOut) -> list[str]:
    """A line per metric, with its counts."""
    return [
        f"{item.metric}: {item.verdict} · r{rollout.candidate} {count(item, 'candidate')} · "
        f"r{rollout.base} {count(item, 'stable')}" + (f" · {item.message}" if item.message else "")
        for item in rollout.verdicts
    ]
