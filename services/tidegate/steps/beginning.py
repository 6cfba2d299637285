"""Tasks that ask for something: preflight, start, undo, promote. Each may be repeated, and makes
what it makes once."""

from tidegate.client import ApiProblem
from tidegate.client.api import PLAIN, Client, Options
from tidegate.schemas import responses as out
from tidegate.steps import deploying, golden, outputs, reading, rollout_request, summary
from tidegate.steps.arguments import PLANS
from tidegate.steps.errors import StepFailed, UsageError
from tidegate.steps.task import Task
from tidegate.steps.waiting import send

_UNKNOWN = "; how long it takes is unknown: too little was measured"


def preflight(task: Task) -> None:
    """The same call as the one that follows, as a dry run: what would be refused is refused before
    anything moves."""
    chosen = task.args.strategy
    if chosen not in PLANS:
        raise UsageError(f"--strategy {chosen!r} is unknown: use {', '.join(PLANS)}")
    if task.args.smoke:
        golden.parse(task.args.golden, task.args.tolerance)
    key = task.endpoint()
    match chosen:
        case "deploy":
            deploying.preflight(task, key)
        case "undo":
            answer = task.service.ask(
                lambda client: _undo(client, task, key, Options(dry_run=True))
            )
            task.say(f"✓ {'/'.join(key)} would go back to r{_back_to(answer)}")
        case "promote":
            rollout = _running(task, key)
            task.say(
                f"✓ {'/'.join(key)}: r{rollout.candidate} waits to be promoted "
                f"({reading.line(rollout)})"
            )
        case _:
            _check_rollout(task, key)


def start(task: Task) -> None:
    """Start the rollout of this run, or attach to it."""
    key, body = task.endpoint(), rollout_request.rollout(task.args)
    rollout = _own(task, key)
    if rollout is None:
        options = task.options("start")
        rollout = task.service.ask(
            lambda client: client.start_rollout(
                *key, body, supersede=task.args.supersede, options=options
            )
        )
        task.say(
            f"✓ {rollout.strategy} of r{rollout.candidate} against r{rollout.base}: rollout "
            f"{rollout.id}"
        )
        _warn(task, rollout)
    else:
        task.say(
            f"✓ attached to the rollout that this run started: {rollout.id} "
            f"({reading.line(rollout)})"
        )
    task.say(reading.url(rollout, task.url))
    send(task.service, rollout.id, release=False)
    outputs.of_rollout(task.args, rollout, task.url)


def undo(task: Task) -> None:
    """Back to an older revision, until it serves."""
    key = task.endpoint()
    rollout = _own_undo(task, key)
    if rollout is None:
        rollout = task.service.ask(lambda client: _undo(client, task, key, task.options("undo")))
        task.say(f"back to r{_back_to(rollout)}: rollout {rollout.id}")
    else:
        task.say(
            f"attached to the undo that this run asked for: back to r{_back_to(rollout)}, rollout "
            f"{rollout.id}"
        )
    task.say(reading.url(rollout, task.url))
    seen = task.watch().until(rollout, reading.ended)
    outputs.of_rollout(task.args, seen, task.url)
    summary.write(task, seen)
    if seen.strategy == "undo" and seen.phase != "promoted":
        raise StepFailed(f"the undo ended without r{seen.candidate} in place: {reading.line(seen)}")
    task.say(f"✓ r{_back_to(seen)} serves everything")


def promote(task: Task) -> None:
    """The person's word that a staged rollout waits for, until the candidate serves."""
    key = task.endpoint()
    rollout_id = task.args.rollout_id or to_promote(task, key).id
    watch = task.watch()
    seen = watch.observe(rollout_id)
    if not reading.ended(seen) and seen.phase != "promoting":
        words = rollout_request.reason(task.args) or "promoted by a pipeline"
        task.service.ask(
            lambda client: client.act(
                rollout_id,
                "promote",
                reason=words,
                step=reading.step_to_answer(seen),
                run_id=_run(task),
                options=task.options("promote"),
            )
        )
        task.say(f"promote r{seen.candidate}: rollout {rollout_id}")
    seen = watch.until(seen, reading.ended)
    outputs.of_rollout(task.args, seen, task.url)
    summary.write(task, seen)
    if seen.phase != "promoted":
        raise StepFailed(f"r{seen.candidate} was not promoted: {reading.line(seen)}")
    task.say(f"✓ r{seen.candidate} serves everything")


def _check_rollout(task: Task, key: tuple[str, str]) -> None:
    body = rollout_request.rollout(task.args)
    try:
        answer = task.service.ask(
            lambda client: client.start_rollout(
                *key, body, supersede=task.args.supersede, options=Options(dry_run=True)
            )
        )
    except ApiProblem as problem:
        rollout = None
        if problem.status == 409:
            rollout = _own(task, key)
        if rollout is None:
            raise
        task.say(
            f"✓ the rollout of this run is there already: {rollout.id} ({reading.line(rollout)})"
        )
        return
    took = answer.expected_seconds
    task.say(
        f"✓ {answer.strategy} of r{answer.candidate} against r{answer.base} would be accepted"
        + (f"; about {took:.0f} s at the present rate" if took else _UNKNOWN)
    )
    if answer.because:
        task.say(f"  because: {answer.because}")
    for step in answer.steps:
        task.say(f"    {reading.name(step)} for {step.bake_seconds:.0f} s until {step.until}")
    _warn(task, answer)


def _own(task: Task, key: tuple[str, str]) -> out.RolloutOut | None:
    """The newest rollout that this run started, also when its idempotency key has been
    forgotten."""
    run_id = task.args.run_id
    if not run_id:
        return None

    def newest(client: Client) -> out.RolloutOut | None:
        rollouts = client.rollouts(*key, run_id=run_id)
        return next((rollout for rollout in rollouts if rollout.run_id == run_id), None)

    return task.service.ask(newest)


def _touched(task: Task, key: tuple[str, str]) -> out.RolloutOut | None:
    """The newest rollout that this run started or acted on."""
    run_id = task.args.run_id
    if not run_id:
        return None
    return task.service.ask(lambda client: next(client.rollouts(*key, run_id=run_id), None))


def _own_undo(task: Task, key: tuple[str, str]) -> out.RolloutOut | None:
    """The undo that this run has asked for. An idempotency key is forgotten after a day, and a
    second undo would take back the first."""
    known = _touched(task, key)
    if known is None:
        return None
    if known.run_id == task.args.run_id:
        began = known.strategy == "undo"
    else:  # acted on: the end of a rollout that ran
        began = known.phase == "aborting" or known.phase in reading.BAD
    if began:
        return known
    return None


def _running(task: Task, key: tuple[str, str]) -> out.RolloutOut:
    rollout = task.service.ask(lambda client: client.endpoint(*key)).rollout
    if not rollout:
        raise StepFailed(
            f"no rollout of {'/'.join(key)} is running: there is nothing to promote; stage one "
            "first"
        )
    return rollout


def to_promote(task: Task, key: tuple[str, str]) -> out.RolloutOut:
    """The rollout that this run has started or said yes to, else the running one. What it said yes
    to stays its rollout, also when that one has ended: another one may run by then."""
    known = _touched(task, key)
    if known is None:
        return _running(task, key)
    acted_on = known.run_id != task.args.run_id
    if acted_on or known.phase == "promoted":
        return known
    return _running(task, key)


def _undo(
    client: Client, task: Task, key: tuple[str, str], options: Options = PLAIN
) -> out.RolloutChange:
    to = task.args.to or None
    words = rollout_request.reason(task.args)
    return client.undo(*key, to=to, reason=words, run_id=_run(task), options=options)


def _run(task: Task) -> str | None:
    return task.args.run_id or None


def _back_to(rollout: out.RolloutOut) -> int:
    """An undo makes its candidate stable; the end of another rollout is its base."""
    return int(rollout.candidate if rollout.strategy == "undo" else rollout.base)


def _warn(task: Task, answer: out.RolloutChange) -> None:
    for warning in answer.warnings:
        task.say(f"⚠ {warning}")
