"""Submissions are never repeated blindly: each has an id, which its tasks carry into Tidegate.

KFP may answer an error after it has begun a run, and then lists none (its database refused the row,
a gateway gave up first). Whoever repeats that undoes an undo. So an answer that leaves it open is
looked into: by the submission's id, in KFP's list, then in Tidegate; and the error says what is
known. A submission whose id is handed in again is looked for first.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import islice
from uuid import uuid4

from tidegate.client import ApiProblem, Client, Unreachable
from tidegate.core.errors import TidegateError
from tidegate.template_service import submitting
from tidegate.template_service.kfp import Kfp, KfpError, UncertainError
from tidegate.template_service.rendering import Rendered
from tidegate.template_service.submitting import Run, Target

PARAMETER = "submission_id"
PAUSE_S = 5.0  # between two readings of Tidegate: a task's pod takes its time to start
NEWEST = 100  # runs of KFP among which a submission is looked for


class AlreadyBegunError(TidegateError):
    """A submission that is there, or may be there; nothing was submitted."""


class UnknownTrace(TidegateError):  # noqa: N818  (an expected outcome, named after what it is)
    """Tidegate cannot be asked; says why."""


@dataclass(frozen=True, slots=True)
class Tidegate:
    """Where it is looked for what a submission did. trace: by namespace, name of the endpoint and
    submission, in words; "" where nothing is there; raises UnknownTrace. patience: seconds."""

    trace: Callable[[str, str, str], str]
    patience: float = 0.0
    sleep: Callable[[float], None] = time.sleep


def submit(kfp: Kfp, rendered: Rendered, target: Target, author: str, tidegate: Tidegate) -> Run:
    """Start a run, once per submission. Raises KfpError (UncertainError where it may run all the
    same), KfpTooOldError, AlreadyBegunError, InvalidParametersError."""
    if rendered.given.get(PARAMETER):
        begun = _begun_before(kfp, rendered, target, tidegate)
        if begun is not None:
            return begun
    else:
        rendered = replace(rendered, given={**rendered.given, PARAMETER: uuid4().hex})
    try:
        return submitting.submit(kfp, rendered, target, author)
    except UncertainError as error:
        run = _listed(kfp, rendered, target)
        if run is not None:
            return run
        message = _whether_it_runs(rendered, target, tidegate)
        raise UncertainError(error.status, f"{error.detail}; {message}") from error


def trace(client: Client, namespace: str, name: str, submission: str) -> str:
    """What a submission did at an endpoint, in words; "" for nothing. Raises UnknownTrace."""
    try:
        space = namespace or _only_tenant(client)
        made_by = client.endpoint(space, name).spec.run_id or ""
        if made_by.endswith(f".{submission}"):
            return f"it made the endpoint {space}/{name}"
        rollout = next(client.rollouts(space, name, submission_id=submission), None)
    except ApiProblem as problem:
        if problem.status == 404:
            return ""
        raise UnknownTrace(problem.detail or problem.title) from problem
    except (Unreachable, ValueError) as error:
        raise UnknownTrace(str(error)) from error
    if rollout is None:
        return ""
    return f"it began, or acted on, rollout {rollout.id} of {space}/{name} ({rollout.phase})"


def _only_tenant(client: Client) -> str:
    tenants = client.whoami().tenants
    if len(tenants) != 1:
        raise UnknownTrace("the endpoint's namespace is not named")
    return tenants[0]


def _begun_before(kfp: Kfp, rendered: Rendered, target: Target, tidegate: Tidegate) -> Run | None:
    run = _listed(kfp, rendered, target)
    if run is not None:
        return run
    submission = rendered.given[PARAMETER]
    try:
        traces = _trace(rendered, target, tidegate)
    except UnknownTrace as error:
        detail = f"whether submission {submission} runs is not known, for Tidegate cannot be asked"
        raise AlreadyBegunError(
            f"{detail} ({error}): nothing was submitted; repeat later"
        ) from None
    if traces:
        raise AlreadyBegunError(
            f"submission {submission} runs already: {traces}; nothing was submitted"
        )
    return None


def _listed(kfp: Kfp, rendered: Rendered, target: Target) -> Run | None:
    """The run of this submission as KFP lists it; None also where KFP does not answer."""
    submission = rendered.given[PARAMETER]
    runs = submitting.runs(kfp, target.namespace, target.experiment)
    try:
        newest = islice(runs, NEWEST)
        return next((run for run in newest if run.parameters.get(PARAMETER) == submission), None)
    except KfpError:
        return None


def _whether_it_runs(rendered: Rendered, target: Target, tidegate: Tidegate) -> str:
    """For whoever would repeat it."""
    submission = rendered.given[PARAMETER]
    again = f"repeat it with {PARAMETER}={submission}, which looks for it first"
    left = tidegate.patience
    try:
        traces = _trace(rendered, target, tidegate)
        while not traces and left > 0:
            tidegate.sleep(min(PAUSE_S, left))
            left -= PAUSE_S
            traces = _trace(rendered, target, tidegate)
    except UnknownTrace as error:
        return f"whether it runs is not known, for Tidegate cannot be asked ({error}): {again}"
    if traces:
        return f"it runs all the same: {traces}: do not repeat it"
    return (
        f"KFP lists no such run, and nothing of it has reached Tidegate in {tidegate.patience:.0f} "
        f"s, but it may come yet: {again}"
    )


def _trace(rendered: Rendered, target: Target, tidegate: Tidegate) -> str:
    values = rendered.parameters
    namespace, _, name = str(values["endpoint"]).rpartition("/")
    namespace = namespace or str(values.get("namespace", "")) or target.namespace or ""
    return tidegate.trace(namespace, name, str(values[PARAMETER]))
