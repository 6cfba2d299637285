"""A golden set: many golden answers in one file, each with a tolerance of its own where it needs
one.

tolerance: 1.0e-5 requests:
- name: counts up
  model: add_sub
  inputs: [{name: INPUT0, datatype: FP32, shape: [1, 4], data: [0, 1, 2, 3]}, ...]
  outputs: [{name: OUTPUT0, data: [0, 2, 4, 6]}]
  tolerance: 0.01
"""

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from tidegate.steps.errors import StepFailed
from tidegate.steps.golden import Golden, parse
from tidegate.steps.inference import NotThere

MOST = 10_000  # requests
MOST_BYTES = 64 << 20
TOLERANCE = 1e-5

Infer = Callable[[str, Golden], Mapping[str, Sequence[Any]]]


@dataclass(frozen=True, slots=True)
class Case:
    """One request and what it must answer. name: for people."""

    name: str
    golden: Golden


@dataclass(frozen=True, slots=True)
class Result:
    """What is wrong with the answer in one line, '' where it is right."""

    case: Case
    wrong: str


def read(text: str) -> tuple[Case, ...]:
    """The set in a file's text, YAML or JSON. Raises StepFailed that names the request and what is
    wrong with it."""
    if len(text) > MOST_BYTES:
        raise StepFailed(f"the golden set has more than {MOST_BYTES} characters: split it")
    try:
        if text.lstrip()[:1] in ("{", "["):
            results = json.loads(text)
        else:
            results = _yaml(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise StepFailed(
            f"the golden set is neither YAML nor JSON: {' '.join(str(error).split())}"
        ) from None
    whole = results
    if isinstance(results, list):
        whole = {"requests": results}
    requests = None
    if isinstance(whole, dict):
        requests = whole.get("requests")
    if not isinstance(whole, dict) or not isinstance(requests, list) or not requests:
        raise StepFailed("the golden set holds no requests: write `requests:` with one at least")
    unknown = sorted(map(str, set(whole) - {"tolerance", "requests"}))
    if unknown:
        raise StepFailed(
            f"the golden set: {', '.join(unknown)} is unknown: it has tolerance and requests"
        )
    if len(requests) > MOST:
        raise StepFailed(f"the golden set has {len(requests)} requests, more than {MOST}: split it")
    tolerance = _tolerance(whole.get("tolerance", TOLERANCE), "the golden set")
    return tuple(_case(request, index, tolerance) for index, request in enumerate(requests, 1))


def replay(url: str, cases: Sequence[Case], infer: Infer) -> Iterator[Result]:
    """Ask one after the other at the address. Raises NotThere where nobody answers at it."""
    for case in cases:
        try:
            yield Result(case, case.golden.wrong(infer(url, case.golden)))
        except NotThere:
            raise
        except StepFailed as refused:
            yield Result(case, str(refused))


def _case(item: Any, index: int, tolerance: float) -> Case:
    where = f"request {index}"
    if not isinstance(item, dict):
        raise StepFailed(f"{where} is not an object: write model, inputs and outputs")
    name = item.get("name", where)
    if not isinstance(name, str) or not name.strip():
        raise StepFailed(f"{where}: name {name!r} is not a text")
    own = _tolerance(item.get("tolerance", tolerance), where)
    request = {key: value for key, value in item.items() if key not in ("name", "tolerance")}
    try:
        return Case(name, parse(json.dumps(request), own))
    except (StepFailed, TypeError, ValueError) as error:
        raise StepFailed(f"{where} ({name}): {str(error).removeprefix('--golden: ')}") from None


def _tolerance(value: Any, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise StepFailed(
            f"{where}: tolerance {value!r} is not a number of 0 or more (YAML: 1.0e-5, not 1e-5)"
        )
    return float(value)


def _yaml(text: str) -> Any:
    if "*" in text and any(
        isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, Loader=yaml.SafeLoader)
    ):
        raise StepFailed(
            "the golden set uses YAML aliases, which can grow without end: write the values out"
        )
    return yaml.safe_load(text)
