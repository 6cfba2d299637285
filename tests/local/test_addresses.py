"""The local plane's statuses carry addresses that answer on this machine."""

from typing import Any

from tidegate_local.played.addresses import addressed

URL = "http://127.0.0.1:8000"
HOSTS = [[8080, "127.0.0.1:4001"], [9000, "127.0.0.1:4002"]]


def pod(label: str, value: str, *, ready: bool = True) -> dict[str, Any]:
    return {
        "kind": "Pod",
        "metadata": {"name": "p", "labels": {label: value}},
        "status": {"hosts": HOSTS * ready},
    }


def isvc(name: str, **status: Any) -> dict[str, Any]:
    return {
        "kind": "InferenceService",
        "metadata": {"name": name, "labels": {"tidegate.dev/revision": name[-2:]}},
        "status": status,
    }


def test_clients_call_the_endpoints_own_port() -> None:
    route = {"kind": "HTTPRoute", "metadata": {"name": "fraud"}, "status": {"parents": []}}
    (view,) = addressed((route,), "fraud", URL)
    assert view["status"] == {"parents": [], "address": URL}
    assert "address" not in route["status"]


def test_a_revision_of_standard_mode_answers_at_its_pods_port() -> None:
    rows = addressed((isvc("fraud-r2"), pod("tidegate.dev/revision", "r2")), "fraud", URL)
    assert rows[0]["status"]["address"] == {"url": "http://127.0.0.1:4001"}


def test_without_a_ready_pod_it_stays_as_kserve_wrote_it() -> None:
    objects = (
        isvc("fraud-r2"),
        pod("tidegate.dev/revision", "r2", ready=False),
        pod("tidegate.dev/revision", "r1"),
    )
    assert addressed(objects, "fraud", URL)[0] == objects[0]


def test_a_knative_tag_leads_to_a_pod_of_its_revision_by_the_port_that_it_has() -> None:
    traffic = [
        {
            "revisionName": "fraud-1",
            "percent": 90,
            "tag": "prev",
            "url": "http://prev-fraud.models.local",
        },
        {
            "revisionName": "fraud-2",
            "percent": 10,
            "tag": "latest",
            "url": "http://latest-fraud.models.local",
        },
    ]
    service = isvc(
        "fraud", components={"predictor": {"traffic": traffic, "url": "http://fraud.models.local"}}
    )
    grpc = {
        "kind": "Revision",
        "metadata": {"name": "fraud-2"},
        "spec": {"containers": [{"ports": [{"name": "h2c", "containerPort": 9000}]}]},
    }
    status = addressed(
        (service, grpc, pod("serving.knative.dev/revision", "fraud-2")), "fraud", URL
    )[0]["status"]
    assert status["address"] == {"url": URL}
    assert [target["url"] for target in status["components"]["predictor"]["traffic"]] == [
        None,
        "http://127.0.0.1:4002",
    ]
    assert status["components"]["predictor"]["url"] == "http://fraud.models.local"
