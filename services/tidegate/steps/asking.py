"""Asking for the golden answer: whoever is asked, an address that is not there yet is asked again
for a moment."""

import os
from collections.abc import Callable

from tidegate.core.shown_address import shown_address
from tidegate.core.triton.restriction import VARIABLE
from tidegate.steps.errors import StepFailed
from tidegate.steps.golden import parse
from tidegate.steps.inference import NotThere, infer
from tidegate.steps.task import Task

PATIENCE_S = 30.0  # a Service knows a pod a moment later than its rollout does
AGAIN_S = 1.0


def wrong(task: Task, find: Callable[[], str]) -> str:
    """What is wrong with the answer in one line, "" when nothing is. find: the address; raises
    NotThere while none is known. Raises ApiProblem."""
    until = task.service.clock() + PATIENCE_S
    try:
        golden = parse(task.args.golden, task.args.tolerance)
        while True:
            url = "the address"
            try:
                url = find()
                return golden.wrong(infer(url, golden, os.environ.get(VARIABLE, "")))
            except NotThere as error:
                if task.service.clock() >= until:
                    return f"{shown_address(url)} does not answer: {error}"
                task.service.sleep(AGAIN_S)
    except StepFailed as failed:
        return str(failed)
