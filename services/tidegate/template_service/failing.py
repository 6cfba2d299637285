"""Why a run failed, in one line.

KFP's own answer does not say it. Three places do: the log of the task's pod, whose last line that
begins with a cross is what `tidegate.steps` said; the workflow's word on that pod (deleted, killed,
not scheduled); and the workflow's deadline, which is zero once a person has terminated the run. All
three are asked only for a run that failed, and a KFP that does not answer them leaves the line
shorter.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from tidegate.template_service.catalog import Json
from tidegate.template_service.kfp import Kfp, KfpError, one_line
from tidegate.template_service.tasks import Task

BAD = frozenset({"FAILED", "CANCELED"})
CROSS = "✗ "  # how a step begins its last line
_NUMBER = re.compile(r"\(\d+\)")
_FORMAT = "workflows.argoproj.io/pod-name-format"


@dataclass(frozen=True, slots=True)
class Reason:
    """terminated: a person ended the run. message: of the task that failed; "": there is none."""

    terminated: bool = False
    message: str = ""


NOBODY_SAYS = Reason()


def sentence(
    state: str, tasks: Sequence[Task], kfp_error: str, reason: Reason = NOBODY_SAYS
) -> str:
    """Which task a run failed in, and why; "" for a run that did not."""
    if state not in BAD:
        return ""
    head = _where(failed(tasks))
    if reason.terminated:
        head = f"terminated by a person: {head}"
    message = reason.message or kfp_error
    if message:
        return f"{head}: {message}"
    return head


def _where(task: Task | None) -> str:
    if task is None:
        return "it failed before its first task"
    return f"{task.name} failed"


def with_reason(tasks: Sequence[Task], reason: Reason) -> tuple[Task, ...]:
    """The tasks, with the reason at the one that it is about."""
    task = failed(tasks)
    return tuple(
        replace(item, error=item.error or reason.message) if item == task else item
        for item in tasks
    )


def failed(tasks: Sequence[Task]) -> Task | None:
    """The first task that failed; None: the run did not come to any."""
    return next((task for task in tasks if task.state in BAD), None)


def reason(kfp: Kfp, run_id: str, task: Task | None) -> Reason:
    """Ask KFP why this task of that run failed."""
    try:
        workflow = json.loads(kfp.workflow(run_id))
    except (KfpError, ValueError):
        return Reason()
    if not isinstance(workflow, dict):
        return Reason()
    terminated = (workflow.get("spec") or {}).get("activeDeadlineSeconds") == 0
    if task is None:
        return Reason(terminated)
    pod = _pod(workflow, task.node)
    if pod is None:
        return Reason(terminated)
    message = _last_words(kfp, run_id, _pod_name(workflow, pod))
    return Reason(terminated, message or one_line(str(pod.get("message", ""))))


def _pod(workflow: Json, task: str) -> Json | None:
    """The last pod of a task that failed: its executor's, else its driver's."""
    ends = (f".{task}.executor", f".{task}-driver")
    for end in ends:
        pods = [node for node in _failed_pods(workflow) if _plain(node).endswith(end)]
        if pods:
            return max(pods, key=lambda node: str(node.get("startedAt", "")))
    return None


def _failed_pods(workflow: Json) -> Iterator[Json]:
    nodes = (workflow.get("status") or {}).get("nodes") or {}
    for node in nodes.values():
        if node.get("type") == "Pod" and node.get("phase") in ("Failed", "Error"):
            yield node


def _plain(node: Json) -> str:
    """A node's path without the numbers of attempts."""
    return _NUMBER.sub("", str(node.get("name", "")))


def _pod_name(workflow: Json, node: Json) -> str:
    """As Argo makes it of a node: the workflow's name, the template's, and the node's hash."""
    meta = workflow.get("metadata") or {}
    node_id = str(node.get("id", ""))
    if (meta.get("annotations") or {}).get(_FORMAT) == "v1":
        return node_id
    return f"{meta.get('name', '')}-{node.get('templateName', '')}-{node_id.rpartition('-')[2]}"


def _last_words(kfp: Kfp, run_id: str, pod: str) -> str:
    """What the step said last; "" where its log is gone or is no step's."""
    try:
        log = kfp.log(run_id, pod)
    except KfpError:
        return ""
    lines = [line for line in log.splitlines() if line.startswith(CROSS)]
    if not lines:
        return ""
    return one_line(lines[-1].removeprefix(CROSS))
