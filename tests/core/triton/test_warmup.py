"""Warm-up requests from V2 metadata."""

from tidegate.core.triton.warmup import request


def test_open_dimensions_are_one_and_everything_is_zero() -> None:
    inputs = [
        {"name": "A", "datatype": "FP32", "shape": [-1, 4]},
        {"name": "B", "datatype": "BYTES", "shape": [-1]},
        {"name": "C", "datatype": "BOOL", "shape": [2]},
    ]
    assert request({"inputs": inputs}) == {
        "inputs": [
            {"name": "A", "shape": [1, 4], "datatype": "FP32", "data": [0.0] * 4},
            {"name": "B", "shape": [1], "datatype": "BYTES", "data": [""]},
            {"name": "C", "shape": [2], "datatype": "BOOL", "data": [False, False]},
        ]
    }


def test_what_cannot_be_asked_in_json_says_so() -> None:
    assert "FP16" in str(request({"inputs": [{"name": "A", "datatype": "FP16", "shape": [1]}]}))
    assert "more than" in str(
        request({"inputs": [{"name": "A", "datatype": "FP32", "shape": [4000, 4000]}]})
    )
