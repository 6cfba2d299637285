"""Which runtimes are Triton: known by what is declared, never by a part of a name.

A cluster has runtimes of its own, and their names say nothing: `fraud-gpu` may be Triton, and
`triton-like` another server. The model format says it: `triton` means a model repository, which
only Triton serves. KServe's own Triton runtime also serves other formats: its name is known.
"""

from collections.abc import Iterator

from tidegate.core.errors import Problem, Remediation
from tidegate.core.intent import Runtime

FORMAT = "triton"
KSERVE_TRITON = "kserve-tritonserver"
# KServe's other runtimes (v0.20.0, config/runtimes); none of them lists the format `triton`.
KSERVE_OTHERS = frozenset(
    {
        "kserve-autogluonserver",
        "kserve-huggingfaceserver",
        "kserve-huggingfaceserver-multinode",
        "kserve-lgbserver",
        "kserve-mlserver",
        "kserve-paddleserver",
        "kserve-pmmlserver",
        "kserve-predictiveserver",
        "kserve-sklearnserver",
        "kserve-tensorflow-serving",
        "kserve-torchserve",
        "kserve-vllmserver",
        "kserve-xgbserver",
    }
)


def runs_triton(runtime: Runtime) -> bool:
    """Whether the server takes Triton's flags and restricts its calls."""
    return runtime.model_format == FORMAT or runtime.name == KSERVE_TRITON


def check(runtime: Runtime) -> Iterator[Problem]:
    """Yield what is wrong where a runtime that is not Triton is to serve Triton's format."""
    if runtime.model_format == FORMAT and runtime.name in KSERVE_OTHERS:
        yield Problem(
            "/runtime",
            f"{runtime.name!r} does not serve model format {FORMAT!r}",
            Remediation(
                f"use {KSERVE_TRITON} or your own Triton runtime, or name what this one serves",
                "runtime_config.modelFormat",
            ),
        )
