"""The smoke test: real inference with tritonclient, sent to the candidate alone, compared with a golden answer.

The rollout stands at a stop without traffic meanwhile. A right answer approves that stop, a wrong one rejects the
rollout; the same run says either of them once, so that a pod that is retried cannot approve the stop after it.
"""

from typing import Any

from tidegate.steps import outputs, reading
from tidegate.steps.errors import StepFailed
from tidegate.steps.golden import Golden, parse
from tidegate.steps.inference import NotThere, infer
from tidegate.steps.task import Task

Json = dict[str, Any]
PATIENCE_S = 30.0  # a Service knows a pod a moment later than its rollout does
AGAIN_S = 1.0


def smoke(task: Task) -> None:
    """Ask, compare, say yes or no."""
    watch = task.watch()
    seen = watch.look(task.args.rollout_id)
    if not reading.gated(seen):
        task.say("✓ no smoke test was asked for")
        outputs.of_rollout(task.args, seen, task.url)
        return
    seen = watch.until(seen, lambda now: reading.past(now, 0) or _ready(now))
    if not reading.past(seen, 0):
        _test(task, seen)
        seen = watch.until(seen, lambda now: reading.past(now, 0))
    outputs.of_rollout(task.args, seen, task.url)
    if seen["phase"] in reading.BAD:
        raise StepFailed(reading.taken_back(seen))
    task.say("✓ the smoke test is past")


def _ready(rollout: Json) -> bool:
    return reading.at_gate(rollout) and bool(rollout["candidate_url"])


def _test(task: Task, rollout: Json) -> None:
    try:
        golden = parse(task.args.golden, task.args.tolerance)
        wrong = _ask(task, rollout, golden)
    except StepFailed as failed:
        wrong = str(failed)
    if wrong:
        _answer(task, rollout, "reject", f"smoke test: {wrong}")
        raise StepFailed(f"r{rollout['candidate']} failed the smoke test, nothing has moved: {wrong}")
    task.say(f"✓ r{rollout['candidate']} at {rollout['candidate_url']} gives the golden answer")
    _answer(task, rollout, "approve", "smoke test passed")


def _ask(task: Task, rollout: Json, golden: Golden) -> str:
    """What is wrong with the answer, "" when nothing is."""
    url = str(rollout["candidate_url"])
    until = task.service.clock() + PATIENCE_S
    while True:
        try:
            return golden.wrong(infer(url, golden))
        except NotThere as error:
            if task.service.clock() >= until:
                return f"{url} does not answer: {error}"
            task.service.sleep(AGAIN_S)


def _answer(task: Task, rollout: Json, verb: str, why: str) -> None:
    reason = f"{why}; pipeline run {task.args.run_id}" if task.args.run_id else why
    asked = task.options(f"smoke-{verb}")
    task.service.ask(lambda client: client.act(rollout["id"], verb, reason=reason[:2000], options=asked))
