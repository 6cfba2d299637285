"""The first deployment of an endpoint, until it serves."""

from tidegate.client import ApiProblem, Options
from tidegate.schemas import responses as out
from tidegate.steps import outputs, rollout_request, summary
from tidegate.steps.errors import StepFailed
from tidegate.steps.task import Task

Key = tuple[str, str]
INTERVAL_S = 2.0


def preflight(task: Task, key: Key) -> None:
    """The dry run."""
    body = rollout_request.endpoint(task.args, key[1])
    try:
        answer = task.service.ask(
            lambda client: client.create_endpoint(
                body, namespace=key[0], options=Options(dry_run=True)
            )
        )
    except ApiProblem as problem:
        if problem.status != 409 or _own(task, key) is None:
            raise
        task.say("✓ the endpoint of this run is there already")
        return
    task.say(f"✓ {'/'.join(key)} would be made in {answer.mode} mode")
    for warning in answer.warnings:
        task.say(f"⚠ {warning}")


def deploy(task: Task) -> None:
    """Make the endpoint, or attach to the one that this run made; wait until it is ready."""
    key = task.endpoint()
    body, options = rollout_request.endpoint(task.args, key[1]), task.options("deploy")
    try:
        made = task.service.ask(
            lambda client: client.create_endpoint(body, namespace=key[0], options=options)
        )
        task.say(f"✓ {'/'.join(key)} is made in {made.mode} mode")
    except ApiProblem as problem:
        if problem.status != 409 or _own(task, key) is None:
            raise
        task.say("✓ attached to the endpoint that this run made")
    seen = _wait(task, key)
    address = f"{task.url}/api/v1/endpoints/{key[0]}/{key[1]}"
    ready = seen.phase == "ready"
    outputs.write(
        task.args,
        phase=seen.phase,
        routed_percent=100 if ready else 0,
        verdict="none",
        rollout_url=address,
    )
    summary.write_endpoint(task, seen)
    if not ready:
        raise StepFailed(
            f"{'/'.join(key)} was not ready within {_limit(task):.0f} s: {seen.message}"
        )
    task.say(f"✓ {'/'.join(key)} serves: {', '.join(seen.urls) or 'no address is known yet'}")


def _wait(task: Task, key: Key) -> out.EndpointOut:
    clock = task.service.clock
    message = ""
    until = clock() + _limit(task)
    while True:
        seen = task.service.ask(lambda client: client.endpoint(*key), max(until - clock(), 0.0))
        line = f"{seen.phase} · {seen.message}"
        if line != message:
            message = line
            task.say(line)
        if seen.phase == "ready" or clock() >= until:
            return seen
        task.service.sleep(INTERVAL_S)


def _limit(task: Task) -> float:
    limits = (task.args.ready_seconds, task.args.time_limit_seconds)
    return float(min(limit for limit in limits if limit))


def _own(task: Task, key: Key) -> out.EndpointOut | None:
    endpoint = task.service.ask(lambda client: client.endpoint(*key))
    run_id = task.args.run_id
    if run_id and endpoint.spec.run_id == run_id:
        return endpoint
    return None
