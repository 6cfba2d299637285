"""What Argo and KFP make of a run: the workflow's nodes as KFP compiles a pipeline (2.15 to 2.17),
how KFP hands them out, and the logs of the pods.

Read in KFP's compiler (`backend/src/v2/compiler/argocompiler`), in its converter
(`toApiPipelineTaskDetail`) and in Argo's names of nodes. `templateDefaults` are those that KFP 2.17
installs: each node, also a dag, gets attempts.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import NAMESPACE_URL, uuid5

Json = dict[str, Any]
ZERO = "0001-01-01T00:00:00Z"  # Go's zero time
PHASES = {"SUCCEEDED": "Succeeded", "FAILED": "Failed", "RUNNING": "Running", "PENDING": "Pending"}
# How KFP reads Argo's word (`ToV2`); what it does not know is left out of the answer
STATES = {
    "Succeeded": "SUCCEEDED",
    "Failed": "FAILED",
    "Error": "FAILED",
    "Running": "RUNNING",
    "Pending": "PENDING",
    "Skipped": "SKIPPED",
}
Inner = Callable[[str, str], list[str]]


@dataclass(frozen=True)
class Outcome:
    """What became of a task. phases: Argo's word for each of its attempts. driver: it is its driver
    that ended so. message: Argo's, of the last pod. log: of that pod; None: it is gone."""

    task: str
    phases: Sequence[str]
    driver: bool = False
    message: str = ""
    log: str | None = None


def outcome_of(item: tuple[str, str] | Outcome) -> Outcome:
    """A task with its state in KFP's word has one attempt."""
    if isinstance(item, Outcome):
        return item
    task, state = item
    return Outcome(task, (PHASES[state],))


@dataclass
class Workflow:
    """The nodes by id. defaults: `templateDefaults` hold. logs: by pod."""

    name: str
    spec: Json
    defaults: bool = True
    terminated: bool = False
    nodes: dict[str, Json] = field(default_factory=dict)
    logs: dict[str, str] = field(default_factory=dict)
    _clock: int = 0

    def run(self, phase: str, outcomes: Sequence[Outcome]) -> None:
        """All nodes, as far as the run has come. phase: of the whole."""
        by_task = {item.task: item for item in outcomes}
        over = phase in ("Succeeded", "Failed", "Error")

        def entry(name: str, phase: str) -> list[str]:
            driver = self._pod(f"{name}.root-driver", "system-dag-driver", ["Succeeded"])
            root = self._dag(
                f"{name}.root",
                "root",
                [phase],
                lambda path, _: self._tasks(path, by_task, over),
            )
            return [driver, root]

        self._dag(self.name, "entrypoint", [phase], entry)

    def manifest(self) -> Json:
        """As KFP keeps it, and hands it out by its older API only."""
        annotations = {"workflows.argoproj.io/pod-name-format": "v2"}
        spec = {}
        if self.terminated:
            spec["activeDeadlineSeconds"] = 0
        return {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Workflow",
            "metadata": {"name": self.name, "annotations": annotations},
            "spec": spec,
            "status": {"nodes": self.nodes},
        }

    def details(self, run_id: str) -> list[Json]:
        """`task_details`: no node says its own id there, and none has an error. Without an order:
        they come from a map."""
        return [_detail(run_id, node) for node in sorted(self.nodes.values(), key=_hash)]

    def _tasks(self, path: str, outcomes: Mapping[str, Outcome], over: bool) -> list[str]:
        ids = []
        for name, task in sorted(self.spec["root"]["dag"]["tasks"].items()):
            item = outcomes.get(name)
            if item is not None:
                ids += self._task(f"{path}.{name}", task, item)
            elif over:
                ids += [self._omitted(f"{path}.{name}-driver"), self._omitted(f"{path}.{name}")]
        return ids

    def _task(self, path: str, task: Json, item: Outcome) -> list[str]:
        driver_name = f"{path}-driver"
        if item.driver:
            driver = self._pod(driver_name, "system-container-driver", item.phases, item)
            return [driver, self._omitted(path)]
        driver = self._pod(driver_name, "system-container-driver", ["Succeeded"])
        retried = "retry-" * ("retryPolicy" in task)
        template = f"metadata-0-1-{retried}system-container"

        def last(name: str, phase: str) -> list[str]:
            return [self._pod(f"{name}.executor", f"{template}-impl", [phase], item)]

        def all_of_them(name: str, _: str) -> list[str]:
            retry = self.defaults or bool(retried)
            return [self._pod(f"{name}.executor", f"{template}-impl", item.phases, item, retry)]

        if self.defaults:
            return [driver, self._dag(path, f"{template}-executor", item.phases, last)]
        return [driver, self._dag(path, f"{template}-executor", item.phases[-1:], all_of_them)]

    def _dag(self, name: str, template: str, phases: Sequence[str], inner: Inner) -> str:
        return self._attempts(name, "DAG", template, phases, inner, self.defaults)

    def _pod(
        self,
        name: str,
        template: str,
        phases: Sequence[str],
        item: Outcome | None = None,
        retry: bool = False,
    ) -> str:
        retry = retry or self.defaults
        made = self._attempts(name, "Pod", template, phases, lambda *_: [], retry)
        if item is not None:
            last = [node for node in self.nodes.values() if node["type"] == "Pod"][-1]
            last["message"] = item.message
            if item.log is not None:
                self.logs[pod_name(self.name, last)] = item.log
        return made

    def _attempts(
        self, name: str, kind: str, template: str, phases: Sequence[str], inner: Inner, retry: bool
    ) -> str:
        """With attempts: a node that holds them, and each under its name with a number."""
        if not retry:
            return self._add(name, kind, template, phases[-1], inner(name, phases[-1]))
        children = [
            self._add(f"{name}({n})", kind, template, phase, inner(f"{name}({n})", phase))
            for n, phase in enumerate(phases)
        ]
        return self._add(name, "Retry", template, phases[-1], children)

    def _omitted(self, name: str) -> str:
        made = self._add(name, "Skipped", "", "Omitted", [])
        self.nodes[made] |= {"startedAt": ZERO, "finishedAt": ZERO}
        return made

    def _add(self, name: str, kind: str, template: str, phase: str, children: list[str]) -> str:
        self._clock += 1
        node_id = self.name
        if name != self.name:
            node_id = f"{self.name}-{_fnv32a(name)}"
        begin = f"2026-01-01T00:{self._clock // 60:02d}:{self._clock % 60:02d}Z"
        end = begin
        if phase in ("Running", "Pending"):
            end = ZERO
        self.nodes[node_id] = {
            "id": node_id,
            "name": name,
            "displayName": name.rpartition(".")[2],
            "type": kind,
            "templateName": template,
            "phase": phase,
            "startedAt": begin,
            "finishedAt": end,
            "children": children,
        }
        return node_id


def pod_name(workflow: str, node: Json) -> str:
    """As KFP makes it (`RetrievePodName`)."""
    return f"{workflow}-{node['templateName']}-{node['id'].rpartition('-')[2]}"


def _detail(run_id: str, node: Json) -> Json:
    detail = {
        "run_id": run_id,
        "task_id": str(uuid5(NAMESPACE_URL, node["id"])),
        "display_name": node["displayName"],
        "create_time": node["startedAt"],
        "start_time": node["startedAt"],
        "end_time": node["finishedAt"],
        "child_tasks": [{"pod_name": child} for child in node["children"]],
    }
    state = STATES.get(node["phase"])
    if state:
        detail["state"] = state
    return detail


def _hash(node: Json) -> str:
    return str(node["id"])[::-1]


def _fnv32a(text: str) -> int:
    """As Argo hashes a node's name."""
    value = 0x811C9DC5
    for byte in text.encode():
        value = ((value ^ byte) * 0x01000193) & 0xFFFFFFFF
    return value
