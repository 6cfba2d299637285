"""A golden set: what may be in the file, and a replay that names each wrong answer."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from tidegate.steps.errors import StepFailed
from tidegate.steps.golden import Golden
from tidegate.steps.golden_set import read, replay
from tidegate.steps.inference import NotThere

ONE: dict[str, Any] = {
    "model": "add_sub",
    "inputs": [{"name": "X", "datatype": "FP32", "shape": [1, 2], "data": [1, 2]}],
    "outputs": [{"name": "Y", "data": [2, 4]}],
}
YAML = """
tolerance: 1.0e-3
requests:
- model: add_sub
  inputs: [{name: X, datatype: FP32, shape: [1, 2], data: [1, 2]}]
  outputs: [{name: Y, data: [2, 4]}]
- name: rough
  model: add_sub
  inputs: [{name: X, datatype: FP32, shape: [1, 2], data: [1, 2]}]
  outputs: [{name: Y, data: [2, 4]}]
  tolerance: 0.5
"""


def test_a_set_is_yaml_or_json_with_a_tolerance_for_all_or_for_one() -> None:
    cases = read(YAML)
    assert [(item.name, item.golden.tolerance) for item in cases] == [
        ("request 1", 1e-3),
        ("rough", 0.5),
    ]
    assert [item.golden.outputs for item in read(json.dumps([ONE, ONE]))] == [(("Y", (2, 4)),)] * 2


def test_every_request_is_asked_and_each_wrong_answer_named() -> None:
    def infer(url: str, golden: Golden) -> Mapping[str, list[Any]]:
        assert url == "http://r2"
        if golden.tolerance == 1e-3:
            raise StepFailed(
                "add_sub refuses the golden request: [400] unexpected inference input 'X'"
            )
        return {"Y": [2.4, 4.4]}

    assert [
        (result.case.name, result.wrong) for result in replay("http://r2", read(YAML), infer)
    ] == [
        ("request 1", "add_sub refuses the golden request: [400] unexpected inference input 'X'"),
        ("rough", ""),
    ]

    def nobody(_url: str, _golden: Golden) -> Mapping[str, list[Any]]:
        raise NotThere("connection refused")

    with pytest.raises(NotThere):
        list(replay("http://r2", read(YAML), nobody))


BOMB = "a: &a [x, x]\nb: &b [*a, *a]\nrequests: [*b, *b]"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds no requests"),
        ("{}", "holds no requests"),
        ("requests: []", "holds no requests"),
        ("{", "neither YAML nor JSON"),
        ("a: [", "neither YAML nor JSON"),
        ("x: !!python/object/apply:os.system [id]", "neither YAML nor JSON"),
        (BOMB, "uses YAML aliases"),
        (json.dumps({"requests": [ONE], "more": 1}), "more is unknown"),
        (json.dumps({"requests": [ONE] * 10_001}), "more than 10000"),
        (
            json.dumps([{**ONE, "tolerance": -1}]),
            "request 1: tolerance -1 is not a number of 0 or more",
        ),
        (json.dumps([ONE, {**ONE, "outputs": []}]), "request 2 (request 2): outputs is missing"),
        (json.dumps([{**ONE, "name": "n", "extra": 1}]), "request 1 (n): extra is unknown"),
        (json.dumps([3]), "request 1 is not an object"),
    ],
)
def test_a_set_that_cannot_be_used_names_the_request_and_the_rule(text: str, message: str) -> None:
    with pytest.raises(StepFailed) as raised:
        read(text)
    assert message in str(raised.value)
