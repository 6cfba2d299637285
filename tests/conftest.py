"""What all tests share: the fixtures of Postgres and kfp."""

import sys
from pathlib import Path

# Tests are imported by path (importlib mode), so a plugin beside this file is not found by itself.
sys.path.insert(0, str(Path(__file__).parent))

pytest_plugins = ["fixtures_postgres", "fixtures_kfp"]
