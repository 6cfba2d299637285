"""The tasks of a run as its template has them.

KFP answers with the nodes of the workflow that runs a pipeline: the tasks of its dag, but also
their drivers, the executors within them, the dag itself, and each attempt of each of these under
the name with a number (`approval(1)`). What never ran has no state there, or does not appear.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tidegate.template_service.catalog import Json

ENDED = frozenset({"SUCCEEDED", "FAILED", "CANCELED", "SKIPPED"})
_ATTEMPT = re.compile(r"(?P<name>.+?)\((?P<number>\d+)\)")
_NEVER = ("0001-", "1970-01-01T00:00:00")  # how KFP writes a time that is none


@dataclass(frozen=True, slots=True)
class Task:
    """A task of a run. node: its name in the dag. name: what its template calls it. state: KFP's
    word for its last attempt; SKIPPED: the run ended before it. times: ISO 8601, of the last
    attempt. error: why it failed; "": it did not, or nobody says."""

    node: str
    name: str
    state: str
    started_at: str | None
    ended_at: str | None
    error: str


def tasks(raw: Json) -> tuple[Task, ...]:
    """The tasks of the template's dag in its order, each once."""
    dag = _dag(raw)
    nodes = _last_attempts(raw)
    over = raw.get("state") in ENDED
    return tuple(_task(name, dag[name], nodes, over) for name in _in_order(dag))


def time(value: str | None) -> str | None:
    """A time as KFP writes it; None where that means none."""
    if value is None or value.startswith(_NEVER):
        return None
    return value


def _dag(raw: Json) -> Mapping[str, Json]:
    sent: Json = raw.get("pipeline_spec") or {}
    spec: Json = sent.get("pipeline_spec") or sent
    dag: Mapping[str, Json] = spec.get("root", {}).get("dag", {}).get("tasks", {})
    return dag


def _in_order(dag: Mapping[str, Json]) -> Iterator[str]:
    """Each task after those that it depends on."""
    left = dict(dag)
    while left:
        waiting = left.keys()
        ready = [
            name
            for name, task in left.items()
            if waiting.isdisjoint(task.get("dependentTasks", ()))
        ]
        for name in ready or list(left):  # a circle cannot run: KFP refuses it
            del left[name]
            yield name


def _last_attempts(raw: Json) -> Mapping[str, Json]:
    """The last attempt of each node by its plain name. While another attempt is due, the node that
    holds the attempts is the one that has not ended."""
    newest: dict[str, tuple[int, Json]] = {}
    holders: dict[str, Json] = {}
    for node in (raw.get("run_details") or {}).get("task_details", ()):
        name = str(node.get("display_name", ""))
        attempt = _ATTEMPT.fullmatch(name)
        if attempt is None:
            holders[name] = node
        elif newest.get(attempt["name"], (-1, node))[0] < int(attempt["number"]):
            newest[attempt["name"]] = (int(attempt["number"]), node)
    last = {name: node for name, (_, node) in newest.items()}
    for name, node in holders.items():
        if name not in last:
            last[name] = node
        elif _state(node) == "RUNNING":
            last[name] = {**last[name], "state": "RUNNING", "end_time": None}
    return last


def _task(name: str, task: Json, nodes: Mapping[str, Json], over: bool) -> Task:
    node = nodes.get(name, {})
    driver = nodes.get(f"{name}-driver", {})
    if not _state(node) and _state(driver) == "FAILED":
        node = driver  # it failed before its own pod began
    state = _state(node) or {True: "SKIPPED", False: "PENDING"}[over]
    label = str((task.get("taskInfo") or {}).get("name") or name)
    return Task(
        name, label, state, time(node.get("start_time")), time(node.get("end_time")), error(node)
    )


def _state(node: Json) -> str:
    """KFP's word; "" for what has not begun."""
    state = str(node.get("state", ""))
    if state in ("PENDING", "RUNTIME_STATE_UNSPECIFIED"):
        return ""
    return state


def error(raw: Json) -> str:
    """What KFP itself says of a run or a node that failed; mostly nothing."""
    return str((raw.get("error") or {}).get("message", ""))
