"""Triton is known by what is declared, never by a part of a name."""

import pytest

from tidegate.core.intent import Mode, Restriction, Runtime
from tidegate.core.ports import Capabilities
from tidegate.core.rules import check_runtime
from tidegate.core.triton.servers import KSERVE_OTHERS, runs_triton

TRACE = Restriction(("trace",), "triton-token", "token")


def refusals(runtime: Runtime) -> list[tuple[str, str]]:
    """The field and the sentence of every problem."""
    problems = check_runtime(runtime, Mode.STANDARD, Capabilities())
    return [(problem.field, problem.sentence) for problem in problems]


@pytest.mark.parametrize(
    ("name", "model_format", "triton"),
    [
        ("kserve-tritonserver", "triton", True),
        ("kserve-tritonserver", "onnx", True),  # it serves other formats, too
        ("fraud-gpu", "triton", True),  # a runtime of the cluster's own
        ("my-triton-like", "triton", True),
        ("my-triton-like", "sklearn", False),
        ("kserve-tritonserver-2", "onnx", False),
        ("kserve-triton", "onnx", False),
        ("tritonserver", "onnx", False),
        ("fraud-gpu", "tritonserver", False),
        ("fraud-gpu", "triton2", False),
    ],
)
def test_a_near_miss_is_no_triton(name: str, model_format: str, triton: bool) -> None:
    runtime = Runtime(name, model_format)
    assert runs_triton(runtime) is triton
    assert refusals(runtime) == []
    restricted = refusals(Runtime(name, model_format, security=TRACE))
    assert [field for field, _ in restricted] == ([] if triton else ["/runtime_config/security"])


def test_a_restriction_that_no_triton_would_hold_is_refused_with_what_to_do() -> None:
    ((_, sentence),) = refusals(Runtime("my-triton-like", "sklearn", security=TRACE))
    assert "'my-triton-like'" in sentence
    assert "'sklearn'" in sentence
    assert "model format 'triton'" in sentence
    assert "runtime_config.modelFormat" in sentence


@pytest.mark.parametrize("name", sorted(KSERVE_OTHERS))
def test_another_runtime_of_kserve_does_not_serve_tritons_format(name: str) -> None:
    ((field, sentence),) = refusals(Runtime(name))
    assert field == "/runtime"
    assert f"{name!r} does not serve model format 'triton'" in sentence
    assert "use kserve-tritonserver" in sentence
    assert refusals(Runtime(name, "its-own")) == []
