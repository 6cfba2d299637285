"""The smoke test of what stands already: a candidate before its promotion, an endpoint after its
first deployment.

No stop of a plan is answered here, and nothing is rejected: a wrong answer fails the task, so that
the task after it never begins, and what stands stays for people to look at.
"""

from tidegate.core.shown_address import shown_address
from tidegate.schemas import responses as out
from tidegate.steps import asking, outputs, reading
from tidegate.steps.beginning import to_promote
from tidegate.steps.errors import StepFailed
from tidegate.steps.inference import NotThere
from tidegate.steps.task import Task

NOT_ASKED = "✓ no smoke test was asked for"


def candidate(task: Task) -> None:
    """Ask the candidate that the next task promotes; hand on which rollout that is."""
    watch = task.watch()
    seen = watch.observe(task.args.rollout_id or to_promote(task, task.endpoint()).id)
    if not task.args.smoke:
        task.say(NOT_ASKED)
        outputs.of_rollout(task.args, seen, task.url)
        return
    seen = watch.until(seen, lambda now: _over(now) or _answers(now))
    outputs.of_rollout(task.args, seen, task.url)
    if seen.phase in reading.BAD:
        raise StepFailed(reading.taken_back(seen))
    name = f"r{seen.candidate}"
    url = str(seen.candidate_url)
    if _over(seen):
        task.say(f"✓ {name} is past its promotion: nobody is asked any more")
        return
    wrong = asking.wrong(task, lambda: url)
    if wrong:
        where = f"{seen.namespace}/{seen.endpoint}"
        raise StepFailed(
            f"{name} failed the smoke test, nothing is promoted: {wrong}; {name} still stands, "
            f"r{seen.base} serves: "
            f"`tidegate rollout abort {where}` keeps stable it"
        )
    task.say(f"✓ {name} at {shown_address(url)} gives the golden answer")


def endpoint(task: Task) -> None:
    """Ask the endpoint at its own address, as its clients do."""
    if not task.args.smoke:
        task.say(NOT_ASKED)
        return
    key = task.endpoint()
    name = "/".join(key)
    wrong = asking.wrong(task, lambda: _address(task, key))
    if wrong:
        raise StepFailed(
            f"{name} is deployed and failed the smoke test: {wrong}; the endpoint stays and "
            "serves: bring another "
            f"version with the template rollout-canary, or `tidegate endpoint delete {name}`"
        )
    task.say(f"✓ {name} at {shown_address(_address(task, key))} gives the golden answer")


def _over(rollout: out.RolloutOut) -> bool:
    return rollout.phase == "promoting" or reading.ended(rollout)


def _answers(rollout: out.RolloutOut) -> bool:
    return rollout.phase not in ("starting", "aborting") and bool(rollout.candidate_url)


def _address(task: Task, key: tuple[str, str]) -> str:
    """The scheme says gRPC where the endpoint has that one port only, as candidate_url does."""
    seen = task.service.ask(lambda client: client.endpoint(*key))
    if not seen.urls:
        raise NotThere("none is known yet")
    url = seen.urls[0]
    protocol = None
    if seen.stable:
        protocol = seen.stable.runtime_config.protocolVersion
    only_grpc = seen.mode == "knative" and protocol == "grpc-v2"
    if only_grpc:
        return url.replace("http", "grpc", 1)
    return url
