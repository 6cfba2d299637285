"""Runs of templates: start one, find those that were started here, watch one.

Nothing is kept here: a run that Tidegate started says so in its description, and KFP is the list.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from tidegate.core.errors import Problem, Remediation, TidegateError
from tidegate.core.shown_address import shown_address
from tidegate.template_service import failing, texts
from tidegate.template_service.catalog import Json
from tidegate.template_service.kfp import Kfp
from tidegate.template_service.releases import check_release
from tidegate.template_service.rendering import InvalidParametersError, Rendered
from tidegate.template_service.tasks import ENDED, Task, error, tasks, time

EXPERIMENT = "tidegate"
# Characters of KFP's columns; it has none for a run's name, which people read in a list
MOST_NAME = 128
MOST_EXPERIMENT = 128
MOST_NAMESPACE = 63
MOST_ACCOUNT = 253
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
class Run:
    """A run as KFP knows it. state: KFP's word. error: which task failed and why, in one line."""

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
    """Start a run of a template. Raises KfpError, KfpTooOldError, InvalidParametersError."""
    check(target)
    check_release(kfp)
    experiment = kfp.experiment(target.experiment, target.namespace)
    body = request(rendered, target, author)
    made = kfp.create_run({**body, "experiment_id": experiment})
    run = as_run({**made, "description": body["description"]})
    assert run is not None, "the description is ours"
    return run


def request(rendered: Rendered, target: Target, author: str) -> Json:
    """What KFP is sent for a run, but for the id of the experiment, which only KFP knows."""
    entry = rendered.entry
    values = rendered.parameters
    words = (entry.name, values.get("endpoint"), values.get("model_version"))
    body: Json = {
        "display_name": target.name or " ".join(str(word) for word in words if word),
        "description": f"Tidegate {entry.name} {entry.version} by {texts.harmless(author)}",
        "pipeline_spec": rendered.spec,
        "runtime_config": {"parameters": values},
    }
    if target.service_account:
        body["service_account"] = target.service_account
    return body


def check(target: Target) -> None:
    """Whether KFP can hold the names that a caller chose. Raises InvalidParametersError."""
    problems = tuple(_check_names(target))
    if problems:
        raise InvalidParametersError(problems)


def _check_names(target: Target) -> Iterator[Problem]:
    names = {
        "name": (target.name, MOST_NAME),
        "experiment": (target.experiment, MOST_EXPERIMENT),
        "namespace": (target.namespace or "", MOST_NAMESPACE),
        "service_account": (target.service_account, MOST_ACCOUNT),
    }
    for field, (text, most) in names.items():
        yield from texts.check_text(field, text)
        yield from texts.check_length(field, text, most)


def runs(kfp: Kfp, namespace: str | None, experiment: str = EXPERIMENT) -> Iterator[Run]:
    """The runs that were started by Tidegate, newest first. namespace: as `place` says it. Raises
    KfpError."""
    value = kfp.find_experiment(experiment, namespace)
    if value is None:
        return
    yield from (run for raw in kfp.runs(value) if (run := as_run(raw)))


def observe(kfp: Kfp, run_id: str) -> Run:
    """One run; of one that failed, with the reason. Raises KfpError, NotOursError."""
    raw = kfp.run(run_id)
    run = as_run(raw)
    if run is None:
        raise NotOursError(f"run {run_id[:80]} was not started by Tidegate")
    if run.state not in failing.BAD:
        return run
    reason = failing.reason(kfp, run_id, failing.failed(run.tasks))
    return replace(
        run,
        error=failing.sentence(run.state, run.tasks, error(raw), reason),
        tasks=failing.with_reason(run.tasks, reason),
    )


def as_run(raw: Json) -> Run | None:
    """KFP's answer as ours; None: Tidegate did not start it."""
    mark = _MARK.fullmatch(str(raw.get("description", "")))
    if mark is None:
        return None
    state = str(raw.get("state", "PENDING"))
    ran = tasks(raw)
    return Run(
        run_id=str(raw["run_id"]),
        name=str(raw.get("display_name", "")),
        template=mark["template"],
        version=mark["version"],
        author=mark["author"] or "",
        experiment_id=str(raw.get("experiment_id", "")),
        state=state,
        created_at=raw.get("created_at"),
        finished_at=time(raw.get("finished_at")),
        error=failing.sentence(state, ran, error(raw)),
        parameters=dict(raw.get("runtime_config", {}).get("parameters", {})),
        tasks=ran,
    )
