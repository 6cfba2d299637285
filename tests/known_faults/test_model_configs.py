"""What `tidegate model import` thinks of a `config.pbtxt`, where Triton thinks otherwise."""

from pathlib import Path

import pytest

from tests.known_faults.model_configs import REFUSED, TAKEN, write
from tidegate.core.ports import Unresolved
from tidegate.staging.importer import Imported, import_model
from tidegate.staging.sources import Access


def imported(tmp_path: Path) -> Imported | Unresolved:
    """The answer to a dry run of an import of the repository below `tmp_path / models`."""
    source = (tmp_path / "models").as_uri()
    store = (tmp_path / "store").as_uri()
    return import_model(source, store, Access(files=True), dry_run=True)


@pytest.mark.xfail(
    strict=True,
    raises=AssertionError,
    reason="config.pbtxt is not checked against Triton's schema: the model fails later, in a pod",
)
@pytest.mark.parametrize("name", REFUSED)
def test_what_triton_cannot_read_is_refused_by_field_or_line(name: str, tmp_path: Path) -> None:
    config = REFUSED[name]
    write(tmp_path / "models", "m", config)
    answer = imported(tmp_path)
    assert isinstance(answer, Unresolved)
    assert "m/config.pbtxt" in answer.detail
    assert config.named in answer.detail


@pytest.mark.xfail(
    strict=True,
    raises=AssertionError,
    reason="import refuses a model that Triton loads, and offers no way to go on",
)
@pytest.mark.parametrize("name", TAKEN)
def test_what_triton_loads_is_imported(name: str, tmp_path: Path) -> None:
    write(tmp_path / "models", "m", TAKEN[name])
    answer = imported(tmp_path)
    assert isinstance(answer, Imported), answer
