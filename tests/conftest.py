"""What all tests share: the fixtures of Postgres and kfp."""

import gc
import sys
from pathlib import Path

# Tests are imported by path (importlib mode), so a plugin beside this file is not found by itself.
sys.path.insert(0, str(Path(__file__).parent))

pytest_plugins = ["fixtures_postgres", "fixtures_kfp"]


def pytest_collection_finish() -> None:
    """What was imported stays to the end: the garbage collector need not look at it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
