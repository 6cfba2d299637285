"""What KFP and Argo make of a run's strings, by hand: the values become JSON in an argument of a
workflow, Argo replaces `{{workflow.…}}` and evaluates `{{=…}}` in it, the driver reads what is
left, and each container's arguments go through Argo once more.

Of Argo's expressions only what an attack needs is here (texts, `+`, sprig.b64dec, sprig.upper);
anything else ends a workflow in Error, as an expression that Argo cannot evaluate does. Sources:
argo-workflows 4.0 util/template (fasttemplate over marshalled JSON, `strconv.Quote` of what is put
in) and kubeflow/pipelines 2.17 backend/src/v2/compiler/argocompiler.
"""

import base64
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

Json = dict[str, Any]
VARIABLES = {"workflow.name": "rollout-canary-x7k2p", "workflow.uid": "0b6f0b1e"}
INPUT = re.compile(r"\{\{\$\.inputs\.parameters\['(\w+)'\]\}\}")
_TEXT = re.compile(r"'([^'\\]*)'|\"([^\"\\]*)\"")
_FUNCTION = re.compile(r"sprig\.(b64dec|upper)\((.*)\)")


class WorkflowError(Exception):
    """The workflow ends in Error: nothing of it runs."""


class SubmitError(Exception):
    """KFP answers 500: Argo's check of the workflow fails."""


def replace(content: Any) -> Any:
    """A value as it is after Argo has replaced every tag in its JSON. Raises WorkflowError,
    SubmitError."""
    text = json.dumps(content)
    parts = []
    while "{{" in text:
        before, _, rest = text.partition("{{")
        tag, end, text = rest.partition("}}")
        if not end:
            raise WorkflowError("cannot find end tag")
        parts += [before, _replacement(tag)]
    try:
        return json.loads("".join([*parts, text]))
    except ValueError as error:
        raise WorkflowError("the result was invalid JSON") from error


def received(name: str, values: Mapping[str, Any]) -> tuple[str, Json]:
    """Name and parameter values as KFP's driver gets them. Raises WorkflowError, SubmitError."""
    config = json.dumps({"parameterValues": dict(values)}, sort_keys=True, ensure_ascii=False)
    name, config, _ = replace([name, config, "{{workflow.uid}}"])
    try:
        arrived = json.loads(config)["parameterValues"]  # fields that it does not know are dropped
    except (ValueError, KeyError) as error:
        raise WorkflowError("the driver cannot read the values") from error
    return name, arrived


def arguments(container: Json, values: Mapping[str, Any]) -> list[str]:
    """The command line of a task. Raises WorkflowError, SubmitError."""
    words = [*container["command"], *container["args"]]
    return list(replace([INPUT.sub(_filled(values), word) for word in words]))


def _filled(values: Mapping[str, Any]) -> Callable[[re.Match[str]], str]:
    def fill(match: re.Match[str]) -> str:
        value = values.get(match[1], "")
        if isinstance(value, str):
            return value
        return json.dumps(value)

    return fill


def _replacement(tag: str) -> str:
    """What takes a tag's place within a JSON text."""
    if tag.startswith("="):
        try:
            result = _evaluate(json.loads(f'"{tag[1:]}"'))
        except ValueError as error:
            raise WorkflowError("failed to evaluate expression") from error
        return json.dumps(result)[1:-1]
    if tag.strip() in VARIABLES:
        return json.dumps(VARIABLES[tag.strip()])[1:-1]
    if tag.strip().startswith("workflow."):
        raise SubmitError(f"failed to resolve {{{{{tag}}}}}")
    return f"{{{{{tag}}}}}"


def _evaluate(expression: str) -> str:
    """Raises ValueError for what this model, or Argo, does not know."""
    text = expression.strip()
    whole = _TEXT.fullmatch(text)
    if whole:
        return whole[1] or whole[2] or ""
    function = _FUNCTION.fullmatch(text)
    if function:
        value = _evaluate(function[2])
        if function[1] == "upper":
            return value.upper()
        return base64.b64decode(value, validate=True).decode()
    left, plus, right = text.rpartition("+")
    if not plus:
        raise ValueError(text)
    return _evaluate(left) + _evaluate(right)
