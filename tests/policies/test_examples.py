"""The InferenceServices of examples/ pass every guardrail of a tenant."""

from pathlib import Path

import pytest
import yaml

pytest.importorskip("cel_expr_python", reason="its wheels are for Linux")

from tests.policies.judge import Write, judge, names

EXAMPLES = sorted((Path(__file__).parents[2] / "examples" / "kserve").glob("*.yaml"))


@pytest.mark.parametrize("path", EXAMPLES, ids=[path.stem for path in EXAMPLES])
def test_an_example_is_admitted(path: Path) -> None:
    manifest = yaml.safe_load(path.read_text())
    assert len(names()) > 5
    assert [(name, message) for name in names() if (message := judge(name)(Write(manifest)))] == []
