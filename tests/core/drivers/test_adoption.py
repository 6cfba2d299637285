"""Which port of an adopted InferenceService's Service a route may refer to."""

from typing import Any

import pytest

from tidegate.core.drivers.adoption import service_port
from tidegate.core.intent import Adopted

HTTP = {"name": "http", "containerPort": 8080}
GRPC = {"name": "h2c", "containerPort": 9000}


@pytest.mark.parametrize(
    ("ports", "grpc"),
    [
        ((), 80),
        ((HTTP,), 80),
        ((HTTP, GRPC), 9000),
        ((GRPC,), 80),  # KServe maps the first port to 80, whatever it is: the Service has no 9000
        ((GRPC, HTTP), 80),
    ],
)
def test_a_route_refers_to_ports_that_an_adopted_service_has(ports: Any, grpc: int) -> None:
    model = {}
    if ports:
        model = {"ports": list(ports)}
    first = Adopted("u-1", {"model": model})
    assert service_port(first, 0, grpc=True) == grpc
    assert service_port(first, 0, grpc=False) == 80


def test_revisions_of_ours_open_both_whatever_the_endpoint_began_with() -> None:
    assert service_port(Adopted("u-1", {"model": {}}), 1, grpc=True) == 9000
    assert service_port(None, 1, grpc=True) == 9000
