"""The smoke test: real inference with tritonclient, sent to the candidate alone, compared with a
golden answer.

The rollout stands at a stop without traffic meanwhile. A right answer approves that stop, a wrong
one rejects the rollout; the same run says either of them once, so that a pod that is retried cannot
approve the stop after it. What stands already (`--strategy` promote, deploy) has no such stop: see
running.py.
"""

from tidegate.core.shown_address import shown_address
from tidegate.schemas import responses as out
from tidegate.steps import asking, outputs, reading, running
from tidegate.steps.errors import StepFailed, UsageError
from tidegate.steps.task import Task


def smoke(task: Task) -> None:
    """Ask, compare, say yes or no. Raises StepFailed, UsageError, ApiProblem."""
    match task.args.strategy:
        case "promote":
            running.candidate(task)
        case "deploy":
            running.endpoint(task)
        case "":
            _at_the_stop(task)
        case other:
            raise UsageError(
                f"--strategy {other!r} is unknown: use promote, deploy, or none with --rollout-id"
            )


def _at_the_stop(task: Task) -> None:
    if not task.args.rollout_id:
        raise UsageError(
            "--rollout-id is missing: name the rollout, or give --strategy promote or deploy"
        )
    watch = task.watch()
    seen = watch.observe(task.args.rollout_id)
    if not reading.gated(seen):
        task.say(running.NOT_ASKED)
        outputs.of_rollout(task.args, seen, task.url)
        return
    seen = watch.until(seen, lambda now: reading.past(now, 0) or _ready(now))
    if not reading.past(seen, 0):
        _test(task, seen)
        seen = watch.until(seen, lambda now: reading.past(now, 0))
    outputs.of_rollout(task.args, seen, task.url)
    if seen.phase in reading.BAD:
        raise StepFailed(reading.taken_back(seen))
    task.say("✓ the smoke test is past")


def _ready(rollout: out.RolloutOut) -> bool:
    return reading.at_gate(rollout) and bool(rollout.candidate_url)


def _test(task: Task, rollout: out.RolloutOut) -> None:
    url = str(rollout.candidate_url)
    wrong = asking.wrong(task, lambda: url)
    if wrong:
        _answer(task, rollout, "reject", f"smoke test: {wrong}")
        raise StepFailed(f"r{rollout.candidate} failed the smoke test, nothing has moved: {wrong}")
    task.say(f"✓ r{rollout.candidate} at {shown_address(url)} gives the golden answer")
    _answer(task, rollout, "approve", "smoke test passed")


def _answer(task: Task, rollout: out.RolloutOut, verb: str, message: str) -> None:
    reason = message
    if task.args.run_id:
        reason = f"{message}; pipeline run {task.args.run_id}"
    step = None
    if verb == "approve":
        step = rollout.step
    options = task.options(f"smoke-{verb}")
    run_id = task.args.run_id or None
    task.service.ask(
        lambda client: client.act(
            rollout.id, verb, reason=reason[:2000], step=step, run_id=run_id, options=options
        )
    )
