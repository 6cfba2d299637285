"""Golden answers: what is wrong with one, and what is wrong with an answer."""

import json
from typing import Any

import pytest

from tidegate.steps.errors import StepFailed
from tidegate.steps.golden import parse

ASKED: dict[str, Any] = {
    "model": "add_sub",
    "inputs": [{"name": "INPUT0", "datatype": "FP32", "shape": [1, 2], "data": [[1.0, 2.0]]}],
    "outputs": [{"name": "OUTPUT0", "data": [2, 4]}, {"name": "LABEL", "data": ["cat", "dog"]}],
}
RIGHT = {"OUTPUT0": [2.0, 4.00001], "LABEL": ["cat", "dog"]}


def test_the_right_answer() -> None:
    assert parse(json.dumps(ASKED), 1e-5).wrong(RIGHT) == ""


def test_a_pipelines_doubles_are_sizes() -> None:
    request = {**ASKED, "inputs": [{**ASKED["inputs"][0], "shape": [1.0, 2.0]}]}
    assert parse(json.dumps(request), 0).inputs[0].shape == (1, 2)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (
            {"OUTPUT0": [2.0, 5.0], "LABEL": ["cat", "dog"]},
            "OUTPUT0[1] is 5.0, expected 4 (tolerance 1e-05)",
        ),
        (
            {"OUTPUT0": [2.0, float("nan")], "LABEL": []},
            "OUTPUT0[1] is nan, expected 4 (tolerance 1e-05)",
        ),
        ({"OUTPUT0": [2.0]}, "OUTPUT0 has 1 values, expected 2"),
        (
            {"OUTPUT0": [2.0, 4.0], "LABEL": ["cat", "cow"]},
            "LABEL[1] is 'cow', expected 'dog' (tolerance 1e-05)",
        ),
        ({"OTHER": [1.0]}, "add_sub has no output 'OUTPUT0', only OTHER"),
    ],
)
def test_the_first_difference_is_named(answer: dict[str, list[Any]], message: str) -> None:
    assert parse(json.dumps(ASKED), 1e-5).wrong(answer) == message


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "missing"),
        ("{}", "missing"),
        ("{", "not JSON"),
        ("[1]", "not an object"),
        (json.dumps({**ASKED, "output": []}), "output is unknown"),
        (json.dumps({**ASKED, "model": ""}), "model"),
        (json.dumps({**ASKED, "inputs": []}), "inputs"),
        (json.dumps({**ASKED, "outputs": [{"name": "x"}]}), r"outputs\[0\]"),
        (json.dumps({**ASKED, "inputs": [{**ASKED["inputs"][0], "datatype": "FLOAT"}]}), "FLOAT"),
        (json.dumps({**ASKED, "inputs": [{**ASKED["inputs"][0], "shape": [3]}]}), "has 2 values"),
        (json.dumps({**ASKED, "inputs": [{**ASKED["inputs"][0], "shape": [-1, 2]}]}), "shape"),
    ],
)
def test_a_golden_answer_that_is_none_says_what_is_wrong(text: str, named: str) -> None:
    with pytest.raises(StepFailed, match=named):
        parse(text, 1e-5)
