"""Tasks that wait for a rollout: reach, approval, finish."""

from tidegate.schemas import responses as out
from tidegate.steps import outputs, reading, summary
from tidegate.steps.errors import StepFailed, UsageError
from tidegate.steps.task import Task
from tidegate.steps.waiting import send

AT = ("end", "waiting")


def reach(task: Task) -> None:
    """Until a traffic step is past."""
    watch = task.watch()
    number = task.args.step
    seen = watch.observe(task.args.rollout_id)
    steps = reading.traffic_steps(seen)
    if number < 1:
        raise UsageError(f"--step {number} is not a step: the first is 1")
    if number > len(steps):
        task.say(f"✓ the plan has {len(steps)} steps: there is no step {number} to wait for")
        outputs.of_rollout(task.args, seen, task.url)
        return
    index = steps[number - 1]
    _say_person(task, seen, index)
    seen = watch.until(seen, lambda now: reading.past(now, index))
    outputs.of_rollout(task.args, seen, task.url)
    _check(task, seen)
    task.say(f"✓ {reading.name(seen.steps[index])} is past")


def approval(task: Task) -> None:
    """Until a person has answered, where one is asked."""
    watch = task.watch()
    seen = watch.observe(task.args.rollout_id)
    index = reading.approval(seen)
    if index is None:
        task.say("✓ no approval was asked for")
    else:
        _say_person(task, seen, index)
        seen = watch.until(seen, lambda now: reading.past(now, index))
        task.say(
            "✓ a person has approved"
            if seen.phase not in reading.BAD
            else "a person, or a deadline, said no"
        )
    outputs.of_rollout(task.args, seen, task.url)
    _check(task, seen)


def finish(task: Task) -> None:
    """Until the end, or until a person's word is all that is missing; then what the page shows."""
    if task.args.at not in AT:
        raise UsageError(f"--at {task.args.at!r} is unknown: use {', '.join(AT)}")
    staged = task.args.at == "waiting"
    watch = task.watch()
    seen = watch.observe(task.args.rollout_id)
    seen = watch.until(seen, lambda now: reading.ended(now) or (staged and _waits(now)))
    for line in reading.metrics(seen):
        task.say(f"    {line}")
    outputs.of_rollout(task.args, seen, task.url)
    summary.write(task, seen)
    _check(task, seen)
    if reading.ended(seen):
        what = "ends with stable kept"
        if seen.phase == "promoted":
            what = "serves everything"
        task.say(f"✓ r{seen.candidate} {what}")
        return
    send(task.service, seen.id, release=True)
    task.say(f"✓ r{seen.candidate} is ready and waits for a person's word: promote or abort it")


def _waits(rollout: out.RolloutOut) -> bool:
    """Whether nothing but a person's word is missing, at its last step."""
    return bool(rollout.phase == "waiting" and rollout.step == len(rollout.steps))


def _check(task: Task, rollout: out.RolloutOut) -> None:
    if rollout.phase in reading.BAD:
        raise StepFailed(reading.taken_back(rollout))


def _say_person(task: Task, rollout: out.RolloutOut, index: int) -> None:
    """How to answer, before the wait begins."""
    if rollout.steps[index].until == reading.APPROVAL and not reading.past(rollout, index):
        named = rollout.id
        task.say(
            f"a person decides: `tidegate rollout approve {named} --step {index + 1}` or `tidegate "
            f"rollout reject {named}`, "
            f'or POST {reading.url(rollout, task.url)}/approve with {{"step": {index + 1}}} '
            "(or /reject)"
        )
