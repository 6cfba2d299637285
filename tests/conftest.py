"""What all tests share: the fixtures of Postgres and kfp."""

import gc
import sys
from pathlib import Path

import pytest

# Tests are imported by path (importlib mode), so a plugin beside this file is not found by itself.
sys.path.insert(0, str(Path(__file__).parent))

pytest_plugins = ["fixtures_postgres", "fixtures_kfp"]


def pytest_collection_finish() -> None:
    """What was imported stays to the end: the garbage collector need not look at it again and
    again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that start processes come first. Where several workers share the files, the short ones
    at the end keep all of them busy to the last."""
    starting = {item.path for item in items if item.get_closest_marker("real")}
    items.sort(key=lambda item: item.path not in starting)
