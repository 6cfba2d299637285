"""Runs of templates: start one, find those that were started here, watch one.

Nothing is kept here: a run that Tidegate started says so in its description, and KFP is the list.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tidegate.core.errors import Problem, Remediation, TidegateError
from tidegate.core.shown_address import shown_address
from tidegate.template_service.catalog import Json
from tidegate.template_service.kfp import Kfp
from tidegate.template_service.rendering import InvalidParametersError, Rendered

EXPERIMENT = "tidegate"
ENDED = frozenset({"SUCCEEDED", "FAILED", "CANCELED", "SKIPPED"})
_MARK = re.compile(
    r"Tidegate (?P<template>[a-z0-9-]+) (?P<version>\d+\.\d+\.\d+)(?: by (?P<author>.*))?"
)


class NotOursError(TidegateError):
    """A run that Tidegate did not start, or that the caller may not see."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a run goes. namespace: as `place` says it. name: of the run."""

    namespace: str | None = None
    experiment: str = EXPERIMENT
    name: str = ""
    service_account: str = ""


@dataclass(frozen=True, slots=True)
class Task:
    """A task of a run, in the order of its start."""

    name: str
    state: str
    started_at: str | None
    ended_at: str | None
    error: str


@dataclass(frozen=True, slots=True)
class Run:
    """A run as KFP knows it. state: KFP's word. url: its page, relative to KFP's."""

    run_id: str
    name: str
    template: str
    version: str
    author: str
    experiment_id: str
    state: str
    created_at: str | None
    finished_at: str | None
    error: str
    parameters: Json
    tasks: tuple[Task, ...]

    @property
    def ended(self) -> bool:
        """Whether nothing more happens to it."""
        return self.state in ENDED


def place(kfp: Kfp, namespace: str) -> str | None:
    """The namespace as this KFP takes it: none in a single-user one, which refuses to hear of any.
    Roles are asked for there, not where a caller says. Raises KfpError, InvalidParametersError."""
    if not kfp.multi_user():
        return None
    if not namespace:
        detail = f"KFP at {shown_address(kfp.url)} keeps runs by namespace"
        remediation = Remediation("name the one to run in")
        raise InvalidParametersError((Problem("namespace", detail, remediation),))
    return namespace


def submit(kfp: Kfp, rendered: Rendered, target: Target, author: str) -> Run:
    """Start a run of a template. Raises KfpError."""
    experiment = kfp.experiment(target.experiment, target.namespace)
    entry = rendered.entry
    values = rendered.parameters
    words = (entry.name, values.get("endpoint"), values.get("model_version"))
    body: Json = {
        "display_name": target.name or " ".join(str(word) for word in words if word),
        "description": f"Tidegate {entry.name} {entry.version} by {author}",
        "experiment_id": experiment,
        "pipeline_spec": rendered.spec,
        "runtime_config": {"parameters": values},
    }
    if target.service_account:
        body["service_account"] = target.service_account
    made = as_run({**kfp.create_run(body), "description": body["description"]})
    assert made is not None, "the description is ours"
    return made


def runs(kfp: Kfp, namespace: str | None, experiment: str = EXPERIMENT) -> Iterator[Run]:
    """The runs that were started by Tidegate, newest first. namespace: as `place` says it. Raises
    KfpError."""
    value = kfp.find_experiment(experiment, namespace)
    if value is None:
        return
    yield from (run for raw in kfp.runs(value) if (run := as_run(raw)))


def observe(kfp: Kfp, run_id: str) -> Run:
    """One run. Raises KfpError, NotOursError."""
    run = as_run(kfp.run(run_id))
    if run is None:
        raise NotOursError(f"run {run_id[:80]} was not started by Tidegate")
    return run


def as_run(raw: Json) -> Run | None:
    """KFP's answer as ours; None: Tidegate did not start it."""
    mark = _MARK.fullmatch(str(raw.get("description", "")))
    if mark is None:
        return None
    details = raw.get("run_details", {}).get("task_details", ())
    return Run(
        run_id=str(raw["run_id"]),
        name=str(raw.get("display_name", "")),
        template=mark["template"],
        version=mark["version"],
        author=mark["author"] or "",
        experiment_id=str(raw.get("experiment_id", "")),
        state=str(raw.get("state", "PENDING")),
        created_at=raw.get("created_at"),
        finished_at=_time(raw.get("finished_at")),
        error=_error(raw),
        parameters=dict(raw.get("runtime_config", {}).get("parameters", {})),
        tasks=tuple(_tasks(details, _labels(raw))),
    )


def _labels(raw: Json) -> dict[str, str]:
    """What a task is called on KFP's page, by its name in the template."""
    sent: Json = raw.get("pipeline_spec") or {}
    spec: Json = sent.get("pipeline_spec") or sent
    tasks = spec.get("root", {}).get("dag", {}).get("tasks", {})
    return {name: str(task.get("taskInfo", {}).get("name") or name) for name, task in tasks.items()}


def _tasks(details: list[Json], labels: dict[str, str]) -> Iterator[Task]:
    """Without KFP's own: drivers, and the root that stands for the run."""
    rows = [
        detail for detail in details if not str(detail.get("display_name", "")).endswith("-driver")
    ]
    for item in sorted(
        rows, key=lambda task: str(task.get("start_time") or task.get("create_time") or "")
    ):
        name = str(item.get("display_name", ""))
        if name not in ("root", "executor"):
            state = str(item.get("state", "PENDING"))
            yield Task(
                labels.get(name, name),
                state,
                _time(item.get("start_time")),
                _time(item.get("end_time")),
                _error(item),
            )


def _time(value: str | None) -> str | None:
    if value is None or value.startswith(("0001-", "1970-01-01T00:00:00")):
        return None
    return value


def _error(raw: Json) -> str:
    return str((raw.get("error") or {}).get("message", ""))
