"""A person's values against a template's parameters: every mistake is named at once, before
anything is submitted.

KFP checks the kinds of JSON and nothing else (and tells one mistake at a time); bounds, choices and
what belongs together are known here.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Any

from tidegate.core import rules
from tidegate.core.bounds import Bounds
from tidegate.core.errors import Problem, Remediation
from tidegate.core.intent import Mode, Scaling
from tidegate.core.near import hint
from tidegate.template_service import texts
from tidegate.template_service.catalog import Entry, Parameter

SHOWN = 80
_KINDS: dict[str, str] = {
    "STRING": "a text",
    "NUMBER_INTEGER": "a whole number",
    "NUMBER_DOUBLE": "a number",
    "BOOLEAN": "true or false",
    "LIST": "a list",
    "STRUCT": "an object",
}


def from_text(parameter: Parameter, text: str) -> Any:
    """A value as it is typed on a command line. What does not fit stays a text, and `check` says
    so."""
    if parameter.type == "STRING":
        return text
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if parameter.type == "LIST" and not isinstance(value, list):
        try:
            return json.loads(f"[{text}]")  # 1,5,25
        except ValueError:
            return text
    if value is None:
        return text
    return value


def check(entry: Entry, arguments: Mapping[str, Any]) -> tuple[Problem, ...]:
    """Everything wrong with these values."""
    problems = (*missing(entry, arguments), *check_each(entry, arguments))
    known = {parameter.name for parameter in entry.parameters}
    if any(problem.field in arguments and problem.field in known for problem in problems):
        return problems
    return (*problems, *_together(entry, arguments))


def missing(entry: Entry, arguments: Mapping[str, Any]) -> tuple[Problem, ...]:
    """What is required and not among these values."""
    return tuple(
        Problem(
            parameter.name,
            f"{parameter.name} is required{_what(parameter)}",
            Remediation("give it"),
        )
        for parameter in entry.parameters
        if parameter.required and parameter.name not in arguments
    )


def check_each(entry: Entry, arguments: Mapping[str, Any]) -> tuple[Problem, ...]:
    """What is wrong with each of these values, whatever the others are."""
    known = {parameter.name: parameter for parameter in entry.parameters}
    unknown = [
        Problem(
            name,
            f"unknown parameter {name[:SHOWN]!r} of {entry.name}{hint(name, known)}",
            Remediation(f"use {', '.join(known)}"),
        )
        for name in arguments
        if name not in known
    ]
    wrong = [
        problem
        for name, parameter in known.items()
        if name in arguments
        for problem in _check_one(parameter, arguments[name])
    ]
    named = {problem.field for problem in (*unknown, *wrong)}
    return (*unknown, *wrong, *_carried(entry, arguments, named))


def values(entry: Entry, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The checked values beside the defaults of all others."""
    return {
        parameter.name: arguments.get(parameter.name, parameter.default)
        for parameter in entry.parameters
    }


def _carried(entry: Entry, arguments: Mapping[str, Any], named: set[str]) -> list[Problem]:
    """What KFP would not hand on unchanged, the catalog's own defaults among it. named: fields of
    which something was said already."""
    everything = {**arguments, **values(entry, arguments)}
    problems = [
        problem
        for name, value in everything.items()
        if name not in named
        for problem in texts.check_value(name, value)
    ]
    if problems:
        return problems
    return list(texts.check_size(everything))


def _check_one(parameter: Parameter, value: Any) -> list[Problem]:
    rule = _kind(parameter, value)
    if rule is None:
        match value:
            case str():
                rule = _text(parameter, value)
            case list():
                rule = _list(parameter, value)
            case bool() | dict():
                rule = None
            case int() | float():
                rule = _number(value, parameter.bounds)
    if rule is None:
        return []
    return [
        Problem(
            parameter.name,
            f"{parameter.name}: {_quote(value)} is not {rule}{_what(parameter)}",
            Remediation("give such a value"),
        )
    ]


def _kind(parameter: Parameter, value: Any) -> str | None:
    number = (
        isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < float("inf")
    )
    fits = {
        "STRING": isinstance(value, str),
        "NUMBER_INTEGER": number and value == int(value),
        "NUMBER_DOUBLE": number,
        "BOOLEAN": isinstance(value, bool),
        "LIST": isinstance(value, list),
        "STRUCT": isinstance(value, dict),
    }[parameter.type]
    if fits:
        return None
    return _KINDS[parameter.type]


def _text(parameter: Parameter, value: str) -> str | None:
    if parameter.choices is not None and value not in parameter.choices:
        return f"one of {', '.join(map(repr, parameter.choices))}"
    if parameter.pattern is not None and re.fullmatch(parameter.pattern, value) is None:
        return f"of the form {parameter.pattern}"
    if parameter.max_length is not None and len(value) > parameter.max_length:
        return f"of at most {parameter.max_length} characters"
    if any(not char.isprintable() for char in value):
        return "one line of visible characters"
    if parameter.required and not value:
        return "there"
    return None


def _number(value: float, bounds: Bounds) -> str | None:
    if bounds.holds(value):
        return None
    if bounds.gt is None and bounds.lt is None and bounds.ge is not None and bounds.le is not None:
        return f"between {bounds.ge:g} and {bounds.le:g}"
    words = {
        "at least": bounds.ge,
        "above": bounds.gt,
        "at most": bounds.le,
        "below": bounds.lt,
    }
    return " and ".join(f"{word} {bound:g}" for word, bound in words.items() if bound is not None)


def _list(parameter: Parameter, value: list[Any]) -> str | None:
    low = parameter.min_items or 0
    high = parameter.max_items
    if len(value) < low or (high is not None and len(value) > high):
        return f"a list of {low} to {high} items"
    bounded = parameter.item_minimum is not None
    for item in value if bounded else ():
        if isinstance(item, bool) or not isinstance(item, int | float) or item != int(item):
            return "a list of whole numbers"
        rule = _number(item, Bounds(ge=parameter.item_minimum, le=parameter.item_maximum))
        if rule:
            return f"a list of numbers {rule}"
    if parameter.rising and any(after <= before for before, after in pairwise(value)):
        return "rising: each number has to be above the one before"
    return None


def _together(entry: Entry, arguments: Mapping[str, Any]) -> list[Problem]:
    """What values say about each other."""
    has = {parameter.name for parameter in entry.parameters}
    problems = []
    if {"smoke", "golden"} <= has and bool(arguments.get("smoke")) != bool(arguments.get("golden")):
        problems.append(
            Problem(
                "golden", "smoke and golden belong together", Remediation("give both, or neither")
            )
        )
    namespace, _, name = str(arguments.get("endpoint", "")).rpartition("/")
    other = arguments.get("namespace", "")
    if namespace and other and namespace != other:
        detail = f"the endpoint {namespace}/{name} is not in {other!r}"
        problems.append(Problem("namespace", detail, Remediation("name one namespace")))
    if entry.strategy == "deploy":
        problems += _new_endpoint(entry, arguments)
    return problems


# The API's fields, as the parameters are called
_PARAMETERS = {
    "/name": "endpoint",
    "/autoscaling/minReplicas": "min_replicas",
    "/autoscaling/keda": "keda",
}


def _new_endpoint(entry: Entry, arguments: Mapping[str, Any]) -> Iterator[Problem]:
    """What the rule book says about an endpoint before a cluster is asked."""
    chosen = values(entry, arguments)
    scaling = Scaling(
        int(chosen["min_replicas"]), int(chosen["max_replicas"]), bool(chosen["keda"])
    )
    problems = list(rules.check_name(str(chosen["endpoint"] or "a").rpartition("/")[2]))
    mode = Mode.KNATIVE  # in which less is refused; "" is the installation's
    if chosen["mode"]:
        mode = Mode(chosen["mode"])
        problems += rules.check_keda_mode(scaling, mode)
    problems += rules.check_scaling(scaling, mode)
    for problem in problems:
        yield replace(problem, field=_PARAMETERS[problem.field])


def _what(parameter: Parameter) -> str:
    return f" ({parameter.description.removesuffix('.')})"


def _quote(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    if len(text) <= SHOWN:
        return text
    return text[:SHOWN] + "…"
