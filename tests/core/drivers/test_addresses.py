"""Where one revision alone answers."""

import pytest

from tidegate.core.drivers import addresses
from tidegate.core.intent import Model, Protocol, Revision, Runtime

ISVC = {"metadata": {"name": "fraud-r2", "namespace": "team"}}


def revision(protocol: Protocol) -> Revision:
    return Revision(2, Model("fraud", "2", "s3://m/2", "sha256-2"), Runtime(protocol=protocol), "d")


def test_in_standard_mode_it_is_kserves_service_also_before_kserve_says_so() -> None:
    assert addresses.standard(ISVC) == "http://fraud-r2-predictor.team.svc.cluster.local"
    state = {**ISVC, "status": {"address": {"url": "http://127.0.0.1:4711"}}}
    assert addresses.standard(state) == "http://127.0.0.1:4711"


@pytest.mark.parametrize(
    ("protocol", "url", "address"),
    [
        (
            Protocol.V2,
            "http://latest-fraud.team.example.com",
            "http://latest-fraud.team.example.com",
        ),
        (
            Protocol.GRPC_V2,
            "http://latest-fraud.team.example.com",
            "grpc://latest-fraud.team.example.com",
        ),
        (
            Protocol.GRPC_V2,
            "https://latest-fraud.team.example.com",
            "grpcs://latest-fraud.team.example.com",
        ),
        (Protocol.V2, None, None),
    ],
)
def test_in_knative_mode_it_is_the_tag_of_the_head(
    protocol: Protocol, url: str | None, address: str | None
) -> None:
    stable = {
        "revisionName": "fraud-00001",
        "tag": "prev",
        "percent": 90,
        "url": "http://prev-fraud.team.example.com",
    }
    head = {"revisionName": "fraud-00002", "tag": "latest", "percent": 10, "url": url}
    status = {"traffic": [stable, head]}
    assert addresses.knative(status, "fraud-00002", revision(protocol)) == address
    assert addresses.knative(status, "fraud-00001", revision(protocol)) is None
