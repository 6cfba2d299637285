"""config.pbtxt: what Triton would refuse is said before the model goes anywhere, hostile ones by a
bounded reader."""

from pathlib import Path

import pytest

from tidegate.core.intent import Batcher
from tidegate.staging.model_config import Facts, batched, problems
from tidegate.staging.pbtxt import PbtxtError, Word, parse

EXAMPLES = Path(__file__).parents[2] / "examples" / "triton"
FILES = ("config.pbtxt", "1/model.py", "3/model.py")
GOOD = (
    'backend: "python" max_batch_size: 8 input [ { name: "X" data_type: TYPE_FP32 dims: [ 4 ] } ]'
)


def sentences(text: str | None, files: tuple[str, ...] = FILES) -> str:
    return "; ".join(problems(Facts("m", (1, 3), files, None if text is None else text.encode())))


def test_the_text_format_is_read_as_protocol_buffers_write_it() -> None:
    text = r"""
    # a comment
    name: "add" '_sub'; max_batch_size: 0x10,
    input < name: 'a\x42\103\n' dims: [ -1, 4 ] dims: 2 optional: true > input { ratio: -1.5e3f }
    parameters { key: "k" value: { string_value: "}" } } empty: []
    """
    assert parse(text) == {
        "name": ("add_sub",),
        "max_batch_size": (16,),
        "input": (
            {"name": ("aBC\n",), "dims": (-1, 4, 2), "optional": (Word("true"),)},
            {"ratio": (-1500.0,)},
        ),
        "parameters": ({"key": ("k",), "value": ({"string_value": ("}",)},)},),
        "empty": (),
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a {" * 100_000, "nested deeper than 32"),
        ("name: 'x", "no token of the text format"),
        ("a: 1\nb: }", "line 2: found '}', expected a value"),
        ("a { b: 1", "found the end, expected a field's name"),
        ("a: [1 2]", "expected ',' or ']'"),
        ("a", "expected ':' or '{'"),
        ("a: " + "9" * 10_000, "is no number"),
        ("[type.googleapis.com/x] { }", "expected a field's name"),
        ("a: 1 " * 300_000, "is longer than"),
        ("\x00", "no token"),
    ],
)
def test_hostile_text_is_refused_in_bounded_depth_and_size(text: str, message: str) -> None:
    with pytest.raises(PbtxtError) as raised:
        parse(text)
    assert message in str(raised.value)


@pytest.mark.parametrize(
    "folder", ["model-repository", *(p.name for p in (EXAMPLES / "variants").iterdir())]
)
def test_every_example_is_fine(folder: str) -> None:
    root = EXAMPLES / ("" if folder == "model-repository" else "variants") / folder / "add_sub"
    text = (root / "config.pbtxt").read_bytes()
    assert problems(Facts("add_sub", (1,), ("config.pbtxt", "1/model.py"), text)) == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (GOOD, ""),
        ("", ""),  # model.py tells the backend, Triton completes the rest
        (None, ""),
        ('name: "other"', "name 'other' is not the folder's, 'm'"),
        ('platform: "onnx"', "platform 'onnx' is none of Triton's"),
        ('platform: "onnxruntime_onnx" backend: "python"', "differ"),
        ('backend: "../../lib/evil"', "is no backend's name"),
        ('default_model_filename: "../../secret"', "is a path"),
        ('default_model_filename: "other.py"', "is not in version 1"),
        ("max_batch_size: -1", "max_batch_size -1 is no whole number"),
        ("input { data_type: TYPE_FP32 dims: 1 }", "input[0]: name is missing"),
        ('input { name: "X" data_type: FP32 dims: 1 }', "data_type FP32 is none of Triton's"),
        ('input { name: "X" data_type: TYPE_FP32 }', "dims is missing"),
        ('input { name: "X" data_type: TYPE_FP32 dims: 0 }', "dims holds 0"),
        ('output { name: "X" data_type: TYPE_FP32 dims: -2 }', "output[0]: dims holds -2"),
        (GOOD + 'input { name: "X" data_type: TYPE_FP32 dims: 1 }', "two inputs are named 'X'"),
        (
            GOOD + "dynamic_batching { preferred_batch_size: [ 4, 9 ] }",
            "preferred_batch_size 9 is not within 1 and",
        ),
        (GOOD + "dynamic_batching { } sequence_batching { }", "exclude each other"),
        ("dynamic_batching { }", "no effect while max_batch_size is 0"),
        (
            GOOD + "dynamic_batching { max_queue_delay_microseconds: -1 }",
            "max_queue_delay_microseconds is no",
        ),
        (
            "version_policy { specific { versions: [ 1, 2 ] } }",
            "names version 2, which has no folder: there is 1, 3",
        ),
        ("name {", "m/config.pbtxt cannot be read: line 1"),
    ],
)
def test_what_triton_would_refuse_is_said_with_its_rule(text: str | None, message: str) -> None:
    value = sentences(text)
    assert message in value
    assert bool(value) == bool(message)


def test_a_model_whose_backend_nothing_tells_is_refused() -> None:
    files = ("1/weights.bin", "3/weights.bin")
    assert "m has no config.pbtxt, and no file's name tells it" in sentences(None, files)
    assert "neither platform nor backend is given" in sentences(
        "max_batch_size: 1", ("config.pbtxt", *files)
    )


def test_a_batcher_becomes_dynamic_batching_and_leaves_what_clients_may_send() -> None:
    written = batched(Facts("m", (1,), FILES, GOOD.encode()), Batcher(8, 5))
    assert isinstance(written, bytes)
    assert parse(written.decode())["dynamic_batching"] == (
        {"preferred_batch_size": (8,), "max_queue_delay_microseconds": (5000,)},
    )
    assert sentences(written.decode()) == ""
    for text, message in [
        (GOOD, "takes batches of 8 at most, the batcher asks for 32"),
        ('backend: "python"', "takes no batches (max_batch_size is 0)"),
        (GOOD + "dynamic_batching { }", "has dynamic_batching of its own"),
        (None, "has no config.pbtxt"),
    ]:
        refused = batched(Facts("m", (1,), FILES, text.encode() if text else None), Batcher(32, 5))
        assert isinstance(refused, str)
        assert message in refused
