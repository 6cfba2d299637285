"""values.schema.json knows exactly the settings of the programs, and takes the examples."""

import json
import subprocess
import sys
from typing import Any

import jsonschema
import pytest
import yaml

from tests.deploy.objects import CHART, ROOT


def merged(values: Any, more: Any) -> Any:
    """As Helm does it before it looks at the schema."""
    if not (isinstance(values, dict) and isinstance(more, dict)):
        return more
    return {
        key: merged(values.get(key), more.get(key, values.get(key))) for key in {*values, *more}
    }


EXAMPLES = sorted((CHART / "ci").glob("*-values.yaml"))


def schema() -> dict[str, Any]:
    content: dict[str, Any] = json.loads((CHART / "values.schema.json").read_text())
    return content


def test_what_is_derived_is_as_the_code_says() -> None:
    command = [sys.executable, str(ROOT / "scripts" / "render_deploy.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", [CHART / "values.yaml", *EXAMPLES], ids=lambda path: path.name)
def test_examples_are_valid(path: Any) -> None:
    jsonschema.validate(
        merged(
            yaml.safe_load((CHART / "values.yaml").read_text()), yaml.safe_load(path.read_text())
        ),
        schema(),
    )


@pytest.mark.parametrize(
    "values",
    [
        {"worker": {"settings": {"gatway_name": "x"}}},
        {"api": {"settings": {"database_url": "postgresql://in-the-open"}}},
        {"api": {"settings": {"port": 9}}},
        {"image": {"digest": "sha256:short"}},
        {"migrations": {"mode": "sometimes"}},
        {"tenants": ["Team_A"]},
        {"httpRoute": {"enabled": True, "parentRefs": []}},
        {"externalServers": [{"name": "gpu", "ports": {"http": 8000}}]},
        {"imagePullSecret": "x"},
    ],
    ids=str,
)
def test_a_mistake_is_refused(values: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(values, schema())
