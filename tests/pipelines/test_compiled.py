"""What lies in catalog/ is what pipelines/ compiles to, and what KFP's own messages take."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from tests.pipelines.documents import CATALOG, FILES
from tidegate.template_service.schema import text

ROOT = CATALOG.parent
pytestmark = pytest.mark.real


def run(python: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    # The defaults are those of the core
    environ = os.environ | {"PYTHONPATH": str(ROOT / "services")}
    return subprocess.run(
        [python, *arguments],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def test_the_catalog_is_what_the_pipelines_compile_to(kfp_python: str, tmp_path: Path) -> None:
    done = run(kfp_python, "-m", "pipelines", str(tmp_path))
    assert done.returncode == 0, done.stderr
    made = {file.relative_to(tmp_path): file.read_text() for file in tmp_path.rglob("*.yaml")}
    assert made == {
        file.relative_to(CATALOG): file.read_text() for file in CATALOG.rglob("*.yaml")
    }, "make templates"


def test_both_documents_of_every_template_parse_strictly(kfp_python: str) -> None:
    done = run(kfp_python, str(Path(__file__).with_name("strict.py")), *map(str, FILES))
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [file.stem for file in FILES]


@pytest.mark.parametrize("document", [0, 1])
def test_the_strict_parse_notices_a_field_that_nobody_knows(
    kfp_python: str, tmp_path: Path, document: int
) -> None:
    documents: list[Any] = list(yaml.safe_load_all(FILES[0].read_text()))
    if document == 0:
        where = documents[0]["root"]
    else:
        where = documents[1]["platforms"]["kubernetes"]["deploymentSpec"]
    where["newFangled"] = True
    broken = tmp_path / "broken.yaml"
    broken.write_text(yaml.safe_dump_all(documents))
    done = run(kfp_python, str(Path(__file__).with_name("strict.py")), str(broken))
    assert done.returncode != 0
    assert "newFangled" in done.stderr


def test_the_schema_of_the_catalog_is_current_and_holds() -> None:
    file = CATALOG / "catalog.schema.json"
    assert file.read_text() == text(), "run: make templates"
    schema = json.loads(file.read_text())
    Draft202012Validator.check_schema(schema)
    catalog = yaml.safe_load((CATALOG / "catalog.yaml").read_text())
    Draft202012Validator(schema).validate(catalog)
    catalog["templates"][0]["parameters"][0]["type"] = "FLOAT"
    assert not Draft202012Validator(schema).is_valid(catalog)
