"""An A/B by users through a real Envoy: who holds a bucket keeps its revision, until an abort."""

import httpx2
import pytest

from tests.system.real import RealEndpoint
from tests.waiting import until

pytestmark = pytest.mark.real
BODY = {
    "inputs": [
        {"name": name, "shape": [1, 4], "datatype": "FP32", "data": [1.0] * 4}
        for name in ("INPUT0", "INPUT1")
    ]
}


def answered_by(address: str, bucket: str) -> str:
    """The revision that answers a user with this bucket."""
    answer = httpx2.post(
        f"http://{address}/v2/models/add_sub/infer",
        json=BODY,
        headers={"x-tidegate-bucket": bucket},
    )
    assert answer.status_code == 200, answer.text
    return answer.headers["x-tidegate-revision"]


def test_users_stay_with_their_revision_and_an_abort_takes_all_of_them_back(
    endpoint: RealEndpoint,
) -> None:
    rollout = endpoint.start("good-v2", "ab", unit="user", percent=20, bake_seconds=1)
    until(lambda: answered_by(endpoint.address, "19") == "r2", "the buckets lead to r2")
    for _ in range(10):
        seen = [answered_by(endpoint.address, bucket) for bucket in ("0", "7", "19", "20", "99")]
        assert seen == ["r2", "r2", "r2", "r1", "r1"]
    rollout.action("abort")
    until(lambda: answered_by(endpoint.address, "7") == "r1", "an abort leads back", seconds=10)
    assert rollout.over()["outcome"] == "aborted"
    assert {answered_by(endpoint.address, "7") for _ in range(20)} == {"r1"}
