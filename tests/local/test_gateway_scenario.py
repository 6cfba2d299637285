"""Our HTTPRoute through the gateway controller, to what the data plane does."""

from typing import Any

from tests.simulation.dataplane import SimDataPlane, rule_for
from tests.simulation.lab import NAMESPACE, Lab
from tests.simulation.manifests import route, standard
from tidegate.core.ports import Refused
from tidegate_local.played.api import HTTP_ROUTE, POD
from tidegate_local.played.conditions import status_of
from tidegate_local.played.objects import Object
from tidegate_local.played.routing import RouteRule, RoutingTable
from tidegate_local.played.world import Answer


def lab_with(*numbers: int, delay: float = 0.0, gateway: bool = True) -> Lab:
    """These revisions run, no route yet."""
    lab = Lab(delay=delay, gateway=gateway)
    for number in numbers:
        lab.apply(standard("fraud", number))
    lab.settle()
    return lab


def conditions(result: Object) -> dict[str, tuple[str, str, int]]:
    """(status, reason, observedGeneration) by type, of the one parent."""
    (parent,) = result["status"]["parents"]
    return {
        c["type"]: (c["status"], c["reason"], c["observedGeneration"]) for c in parent["conditions"]
    }


def rule(lab: Lab, path: str = "/v2", **headers: str) -> RouteRule:
    """The rule that such a request takes."""
    route_rule = rule_for(
        lab.data_plane.table.route(NAMESPACE, "fraud"), tuple(headers.items()), path
    )
    assert route_rule is not None
    return route_rule


def test_accepted_speaks_of_a_generation_only_after_the_data_plane_has_it() -> None:
    lab = lab_with(1, 2)
    lab.apply(route("fraud", (1, 100), (2, 0)))
    lab.settle()
    assert conditions(lab.get(HTTP_ROUTE, "fraud"))["Accepted"] == ("True", "Accepted", 1)
    lab.data_plane.delay = 5
    lab.apply(route("fraud", (1, 90), (2, 10)))
    lab.settle()
    assert lab.get(HTTP_ROUTE, "fraud")["metadata"]["generation"] == 2
    assert conditions(lab.get(HTTP_ROUTE, "fraud"))["Accepted"][2] == 1
    assert lab.shares("fraud") == {"r1": 100}
    lab.settle(seconds=6)
    assert conditions(lab.get(HTTP_ROUTE, "fraud"))["Accepted"][2] == 2
    assert lab.shares("fraud") == {"r1": 90, "r2": 10}


class BusyDataPlane(SimDataPlane):
    """While a table is programmed, somebody writes another route."""

    def __init__(self, lab: Lab) -> None:
        super().__init__(lab.clock)
        self._lab = lab

    def program(self, table: RoutingTable) -> Answer:
        self._lab.apply(route("fraud", (1, 50), (2, 50)))
        return super().program(table)


def test_a_route_written_while_its_predecessor_is_programmed_is_not_accepted_with_it() -> None:
    lab = lab_with(1, 2)
    lab.apply(route("fraud", (1, 100), (2, 0)))
    lab.plane.world.data_plane = BusyDataPlane(lab)
    lab.step("gateway")
    result = lab.get(HTTP_ROUTE, "fraud")
    assert result["metadata"]["generation"] == 2
    assert conditions(result)["Accepted"][2] == 1


def test_a_routed_pod_is_ready_only_once_the_data_plane_knows_it() -> None:
    lab = lab_with()
    lab.apply(route("fraud", (1, 100)))
    lab.settle()
    lab.data_plane.delay = 60
    lab.apply(standard("fraud", 1))
    lab.settle()
    (pod,) = lab.objects.list(POD, NAMESPACE)
    assert (status_of(pod, "ContainersReady"), status_of(pod, "Ready")) == ("True", "False")
    lab.settle(seconds=61)
    (pod,) = lab.objects.list(POD, NAMESPACE)
    assert status_of(pod, "Ready") == "True"
    lab.data_plane.frozen = (
        True  # what it knows stays ready, also while another table is on its way
    )
    lab.apply(route("fraud", (1, 90), (2, 10)))
    lab.settle()
    assert status_of(lab.objects.list(POD, NAMESPACE)[0], "Ready") == "True"


def test_missing_service_and_port_are_unresolved() -> None:
    lab = lab_with(1)
    lab.apply(route("fraud", (1, 90), (7, 10)))
    lab.settle()
    assert conditions(lab.get(HTTP_ROUTE, "fraud"))["ResolvedRefs"][:2] == (
        "False",
        "BackendNotFound",
    )
    wrong = route("fraud", (1, 100))
    wrong["spec"]["rules"][0]["backendRefs"][0]["port"] = 81
    lab.apply(wrong)
    lab.settle()
    assert conditions(lab.get(HTTP_ROUTE, "fraud"))["ResolvedRefs"][:2] == ("False", "PortNotFound")


def test_without_a_gateway_nobody_answers() -> None:
    lab = lab_with(1, gateway=False)
    lab.apply(route("fraud", (1, 100)))
    lab.settle()
    assert lab.get(HTTP_ROUTE, "fraud")["status"] == {"parents": []}
    assert lab.shares("fraud") == {}


def test_section_that_does_not_exist_is_no_matching_parent() -> None:
    lab = lab_with(1)
    manifest = route("fraud", (1, 100))
    manifest["spec"]["parentRefs"][0]["sectionName"] = "https"
    lab.apply(manifest)
    lab.settle()
    assert conditions(lab.get(HTTP_ROUTE, "fraud"))["Accepted"][:2] == ("False", "NoMatchingParent")


def test_weights_that_are_all_zero_answer_500() -> None:
    lab = lab_with(1)
    lab.apply(route("fraud", (1, 0)))
    lab.settle()
    assert lab.shares("fraud") == {}
    assert conditions(lab.get(HTTP_ROUTE, "fraud"))["Accepted"][0] == "True"


def test_headers_grpc_mirror_and_response_headers() -> None:
    lab = lab_with(1, 2)
    manifest = route("fraud", (1, 75), (2, 25))
    first = manifest["spec"]["rules"][0]
    first["backendRefs"][1]["filters"] = [modifier("r2")]
    first["filters"] = [
        {
            "type": "RequestMirror",
            "requestMirror": {
                "backendRef": {"name": "fraud-r2-predictor", "port": 80},
                "percent": 20,
            },
        }
    ]
    beta: dict[str, Any] = {"headers": [{"type": "Exact", "name": "X-Beta", "value": "yes"}]}
    to_r2 = {"name": "fraud-r2-predictor", "port": 80, "weight": 1}
    grpc = {"path": {"type": "PathPrefix", "value": "/inference.GRPCInferenceService/"}}
    h2c = {"name": "fraud-r1-predictor", "port": 9000, "weight": 1}
    manifest["spec"]["rules"] = [
        first,
        {"matches": [beta], "backendRefs": [to_r2]},
        {"matches": [grpc], "backendRefs": [h2c]},
    ]
    lab.apply(manifest)
    lab.settle()
    assert lab.shares("fraud") == {"r1": 75, "r2": 25}
    assert lab.data_plane.shares(NAMESPACE, "fraud", (("x-beta", "yes"),)) == {"r2": 100}
    (mirror,) = rule(lab).mirrors
    assert (mirror.revision, mirror.weight) == ("r2", 20)
    assert rule(lab).targets[1].set_headers == (("x-tidegate-revision", "r2"),)
    assert rule(lab).timeout == 30
    (stream,) = rule(lab, "/inference.GRPCInferenceService/ModelInfer").targets
    assert (stream.port, stream.h2, len(stream.pods)) == (9000, True, 1)


def modifier(label: str) -> dict[str, Any]:
    """Say on the answer who gave it."""
    header = {"name": "x-tidegate-revision", "value": label}
    return {"type": "ResponseHeaderModifier", "responseHeaderModifier": {"set": [header]}}


def test_schema_refuses_what_the_gateway_api_refuses() -> None:
    lab = lab_with(1)
    for field, value, words in (
        ("timeouts", {"request": "30"}, "a duration like 30s"),
        ("matches", [{"path": {"value": "v2"}}], "must be an absolute path"),
        ("filters", [modifier("a"), modifier("b")], "cannot be repeated"),
        ("weights", [], ".weights: field not declared in schema"),
    ):
        result = lab.objects.apply(route("fraud", (1, 100), **{field: value}))
        assert isinstance(result, Refused), field
        assert words in result.detail
    too_much = lab.objects.apply(route("fraud", (1, 1_000_001)))
    assert isinstance(too_much, Refused)


def test_unready_pods_are_not_behind_a_target_but_keep_its_weight() -> None:
    lab = lab_with(1, 2)
    lab.apply(route("fraud", (1, 50), (2, 50)))
    lab.settle()
    lab.kubelet.hang("fraud-v2")
    lab.settle()
    assert lab.shares("fraud") == {"r1": 50, "r2": 50}
    assert [len(target.pods) for target in rule(lab).targets] == [1, 0]


def test_refused_table_is_told_and_the_old_one_stays() -> None:
    lab = lab_with(1, 2)
    lab.apply(route("fraud", (1, 100), (2, 0)))
    lab.settle()
    lab.data_plane.refusal = "bad listener"
    lab.apply(route("fraud", (1, 50), (2, 50)))
    lab.settle()
    assert "bad listener" in lab.plane.world.events[-1]
    assert lab.shares("fraud") == {"r1": 100}
