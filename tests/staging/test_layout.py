"""Which URIs hold a Triton model repository, and what the others are told."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tidegate.core.ports import Unresolved
from tidegate.staging.layout import Layout, ModelFolder, inspect
from tidegate.staging.sources import Access

Folder = Callable[..., Path]
EXAMPLES = Path(__file__).parents[2] / "examples" / "triton"


def refusal(uri: str, access: Access) -> str:
    layout = inspect(uri, access)
    assert isinstance(layout, Unresolved), layout
    return layout.detail


def test_a_repository_root_is_found_with_its_models(folder: Folder, local: Access) -> None:
    root = folder(files={"a/config.pbtxt": "x", "a/2/m": "x", "a/10/m": "x", "b/1/model.onnx": "x"})
    layout = inspect(root.as_uri(), local)
    assert isinstance(layout, Layout)
    assert layout.models == (ModelFolder("a", (2, 10), True), ModelFolder("b", (1,), False))
    assert (layout.uri, layout.files, layout.size) == (f"{root.as_uri()}/", 4, 4)


def test_the_digest_is_of_paths_and_bytes_and_can_be_checked_by_hand(
    folder: Folder, local: Access
) -> None:
    root = folder(
        files={
            "m/1/model.py": "one",
            "m/1/ü name.bin": "two",
            "m/config.pbtxt": "c",
            "m/1/empty": "",
        }
    )
    layout = inspect(root.as_uri(), local)
    assert isinstance(layout, Layout)
    command = "find . -type f -size +0 -printf '%P\\n' | LC_ALL=C sort | xargs -d '\\n' sha256sum | sha256sum"
    by_hand = subprocess.run(
        command, shell=True, cwd=root, capture_output=True, text=True, check=True
    )
    assert layout.digest == f"sha256-{by_hand.stdout.split()[0]}"


def test_the_digest_changes_with_a_name_or_a_byte_and_with_nothing_else(
    folder: Folder, local: Access
) -> None:
    def digest(name: str, files: dict[str, str]) -> str:
        layout = inspect(folder(name, files).as_uri(), local)
        assert isinstance(layout, Layout)
        return layout.digest

    first = digest("first", {"m/1/a": "xy", "m/1/b": "z"})
    assert digest("same", {"m/1/b": "z", "m/1/a": "xy", "m/1/empty": ""}) == first
    assert digest("tried", {"m/1/a": "xy", "m/1/b": "z", "m/1/__pycache__/a.pyc": "code"}) == first
    assert digest("moved-byte", {"m/1/a": "x", "m/1/b": "yz"}) != first
    assert digest("renamed", {"m/1/a": "xy", "m/1/c": "z"}) != first


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "there is no such folder"),
        ({"m/1/empty": ""}, "there is nothing (empty files do not count)"),
        ({"config.pbtxt": "x", "1/model.py": "x"}, "names the model, not the repository root"),
        ({"1/model.onnx": "x"}, "names the model, not the repository root"),
        (
            {"add_sub/config.pbtxt": "x", "add_sub/model.py": "x"},
            "the folder 'add_sub' has no version folder",
        ),
        ({"good/1/m": "x", "docs/readme.md": "x"}, "the folder 'docs' has no version folder"),
        ({"m/0/model.py": "x"}, "the folder 'm' has no version folder"),
        ({"model.py": "x"}, "there is no model folder, only model.py"),
        ({"m/1/a\nb": "x"}, "control character"),
    ],
)
def test_a_wrong_layout_is_refused_with_its_reason(
    files: dict[str, str], message: str, folder: Folder, local: Access
) -> None:
    assert message in refusal(folder("wrong", files).as_uri(), local)


def test_who_names_the_model_is_told_the_parent(local: Access) -> None:
    root = EXAMPLES / "model-repository"
    assert f"Use {root.as_uri()}/ " in refusal(f"{root.as_uri()}/add_sub", local)


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("gs://bucket/m", "the scheme 'gs' cannot be read here, file:// can"),
        ("/srv/models", "the scheme '(none)' cannot be read here"),
        ("file://host/srv", "a file URI names an absolute path"),
    ],
)
def test_a_uri_that_cannot_be_read_names_the_rule(uri: str, message: str, local: Access) -> None:
    assert message in refusal(uri, local)


def test_a_server_never_reads_its_own_disk() -> None:
    assert "the scheme 'file' cannot be read here, no scheme can" in refusal(
        "file:///etc", Access()
    )


def test_a_link_out_of_the_folder_is_refused(folder: Folder, local: Access) -> None:
    root = folder()
    (root / "add_sub" / "1" / "weights").symlink_to("/etc/hostname")
    assert "is a link out of the folder" in refusal(root.as_uri(), local)


def test_every_example_is_a_repository_root_of_its_own(local: Access) -> None:
    roots = [EXAMPLES / "model-repository", *sorted((EXAMPLES / "variants").iterdir())]
    layouts = [inspect(root.as_uri(), local) for root in roots]
    assert all(
        isinstance(layout, Layout) and layout.models[0].name == "add_sub" for layout in layouts
    )
    assert len({layout.digest for layout in layouts if isinstance(layout, Layout)}) == 7
