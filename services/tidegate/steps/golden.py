"""A golden answer: what is asked of the candidate and what it must say, as V2 writes both.

{"model": "add_sub", "inputs": [{"name": "INPUT0", "datatype": "FP32", "shape": [1, 4], "data": [0,
1, 2, 3]}],
 "outputs": [{"name": "OUTPUT0", "data": [0, 2, 4, 6]}]}
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tidegate.steps.errors import StepFailed

DATATYPES = frozenset(
    (
        "BOOL",
        "UINT8",
        "UINT16",
        "UINT32",
        "UINT64",
        "INT8",
        "INT16",
        "INT32",
        "INT64",
        "FP16",
        "FP32",
        "FP64",
        "BYTES",
    )
)


@dataclass(frozen=True, slots=True)
class Tensor:
    """One input. data: flat, row by row."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    data: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Golden:
    """outputs: flat values by name. tolerance: of numbers, relative and absolute."""

    model: str
    inputs: tuple[Tensor, ...]
    outputs: tuple[tuple[str, tuple[Any, ...]], ...]
    tolerance: float

    def wrong(self, answer: Mapping[str, Sequence[Any]]) -> str:
        """The first difference in one line, "" where there is none. answer: flat values by name."""
        for name, expected in self.outputs:
            results = answer.get(name)
            if results is None:
                return f"{self.model} has no output {name!r}, only {', '.join(answer) or 'none'}"
            if len(results) != len(expected):
                return f"{name} has {len(results)} values, expected {len(expected)}"
            for index, (first, other) in enumerate(zip(results, expected, strict=True)):
                if not self._same(first, other):
                    return f"{name}[{index}] is {first!r}, expected {other!r} (tolerance {self.tolerance:g})"
        return ""

    def _same(self, first: Any, other: Any) -> bool:
        numbers = isinstance(first, int | float) and isinstance(other, int | float)
        if not numbers:
            return bool(first == other)
        if math.isnan(first) or math.isnan(other):
            return math.isnan(first) and math.isnan(other)
        return math.isclose(first, other, rel_tol=self.tolerance, abs_tol=self.tolerance)


def parse(text: str, tolerance: float) -> Golden:
    """From the flag. Raises StepFailed that names what is wrong with it."""
    if not text or text.strip() == "{}":
        raise StepFailed(
            "--golden is missing: the smoke test does not know what to ask and what to expect"
        )
    try:
        content = json.loads(text)
    except ValueError as error:
        raise StepFailed(f"--golden is not JSON: {error}") from None
    if not isinstance(content, dict):
        raise StepFailed(
            '--golden is not an object: write {"model": ..., "inputs": [...], "outputs": [...]}'
        )
    unknown = sorted(set(content) - {"model", "inputs", "outputs"})
    if unknown:
        raise StepFailed(
            f"--golden: {', '.join(unknown)} is unknown: it has model, inputs and outputs"
        )
    model = content.get("model")
    if not isinstance(model, str) or not model:
        raise StepFailed(
            "--golden: model is missing: name the model in the repository that is asked"
        )
    inputs = tuple(
        _input(item, f"inputs[{index}]") for index, item in enumerate(_list(content, "inputs"))
    )
    outputs = tuple(
        _output(item, f"outputs[{index}]") for index, item in enumerate(_list(content, "outputs"))
    )
    return Golden(model, inputs, outputs, tolerance)


def _list(result: Mapping[str, Any], key: str) -> Sequence[Any]:
    value = result.get(key)
    if not isinstance(value, list) or not value:
        raise StepFailed(f"--golden: {key} is missing: write a list with one tensor at least")
    return value


def _input(item: Any, where: str) -> Tensor:
    name, data = _output(item, where)
    datatype = item.get("datatype")
    shape = item.get("shape")
    if datatype not in DATATYPES:
        raise StepFailed(
            f"--golden: {where}.datatype {datatype!r} is none of V2's: use "
            f"{', '.join(sorted(DATATYPES))}"
        )
    if not isinstance(shape, list) or not all(_is_size(size) for size in shape):
        raise StepFailed(f"--golden: {where}.shape {shape!r} is not a list of sizes: write [1, 4]")
    sizes = tuple(int(size) for size in shape)
    if math.prod(sizes) != len(data):
        raise StepFailed(
            f"--golden: {where} has {len(data)} values, its shape {list(sizes)} takes "
            f"{math.prod(sizes)}"
        )
    return Tensor(name, datatype, sizes, data)


def _output(item: Any, where: str) -> tuple[str, tuple[Any, ...]]:
    if (
        not isinstance(item, dict)
        or not isinstance(item.get("name"), str)
        or not isinstance(item.get("data"), list)
    ):
        raise StepFailed(f'--golden: {where} is not a tensor: write {{"name": ..., "data": [...]}}')
    return item["name"], tuple(_flat(item["data"]))


def _flat(data: Any) -> Iterator[Any]:
    if isinstance(data, list):
        for item in data:
            yield from _flat(item)
    else:
        yield data


def _is_size(size: Any) -> bool:
    """A pipeline's numbers are doubles: 4.0 is a size."""
    return (
        isinstance(size, int | float)
        and not isinstance(size, bool)
        and size >= 0
        and size == int(size)
    )
