"""The split that KServe, Gateway API and Envoy make together, measured with requests."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.built import require
from tests.cluster.traffic import PODS, SPLITS
from tidegate_local.devcluster.cluster import modules

pytestmark = pytest.mark.cluster
APART = ["unshare", "--map-root-user", "--net"]
ROOT = Path(__file__).parents[2]


def namespaces_work() -> bool:
    """Whether this user may make a network namespace."""
    if not (shutil.which("unshare") and shutil.which("ip")):
        return False
    return subprocess.run([*APART, "true"], capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(
    not namespaces_work(), reason="needs unshare, ip and leave to make a network namespace"
)
def test_requests_are_answered_by_the_revisions_in_their_shares(tmp_path: Path) -> None:
    require(modules(("gateway", "kserve")))
    prepare = f"ip link set lo up && ip address add {PODS} dev lo"
    program = [sys.executable, "-m", "tests.cluster.traffic", str(tmp_path)]
    command = [*APART, "sh", "-c", f'{prepare} && exec "$@"', "sh", *program]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=ROOT, timeout=300
    )
    assert done.returncode == 0, done.stderr[-3000:]
    content = json.loads(done.stdout)
    assert [item["split"] for item in content] == list(SPLITS)
    all_old, quarter, all_new = (item["answered"] for item in content)
    assert all_old == {"fraud-r1": 400}
    assert all_new == {"fraud-r2": 400}
    # 400 requests at 25 %: five standard deviations to each side
    assert quarter["fraud-r2"] == pytest.approx(100, abs=44)
