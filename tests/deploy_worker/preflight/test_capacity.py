"""What a rollout needs at its largest, against quotas and nodes."""

from decimal import Decimal

import pytest

from tests.core.values import KEY
from tidegate.core import strategy
from tidegate.core.intent import Intent, Mode, Scaling
from tidegate.core.preflight import Level
from tidegate.core.reachable import reachable_intents
from tidegate.core.rollout import Rollout
from tidegate.deploy_worker.kubernetes.pods import pod_asks
from tidegate.deploy_worker.preflight import capacity
from tidegate.deploy_worker.preflight.places import Node
from tidegate.deploy_worker.preflight.site import Budget, Pod, Quota

GIB = 2**30
POD = Pod({"requests.cpu": Decimal(1), "requests.memory": Decimal(2 * GIB), "pods": Decimal(1)})
NEEDS = {1: POD, 2: POD}


def demands(mode=Mode.STANDARD, plan=None, size=4, scaling=Scaling(1, 4)):  # noqa: B008
    at = Intent(KEY, 1, mode, 1, scaling=scaling)
    rollout = Rollout("ro", plan or strategy.canary((10, 25, 50)), 1, 2, "ann")
    return list(capacity.demands(reachable_intents(rollout, at), size))


def quota(resource="requests.cpu", hard=8, used=0):
    return Quota("small", {resource: Decimal(hard)}, {resource: Decimal(used)})


def findings(budget, **more):
    return list(capacity.check(demands(**more), NEEDS, budget))


def test_the_capacity_rule_gives_each_step_its_replicas():
    values = {demand.reachable_intent.step: demand.text for demand in demands()}
    assert values["start"] == "4 of r1 and 1 of r2"
    assert values["step 2 of 3: 25 %"] == "4 of r1 and 2 of r2", (
        "a quarter of four, and a fifth more"
    )
    assert values["step 3 of 3: 50 %"] == "4 of r1 and 3 of r2"
    assert values["abort"] == "4 of r1"


def test_the_first_step_that_does_not_fit_is_named_once():
    (item,) = findings(Budget((quota(hard=5),)))
    assert (item.level, item.step, item.index) == (Level.PROBLEM, "step 2 of 3: 25 %", 1)
    assert (
        "need 6 requests.cpu in all; quota 'small' allows 5, of which others use 0" in item.detail
    )


def test_what_our_own_pods_use_is_not_counted_twice_and_what_others_use_is():
    own = {"requests.cpu": Decimal(4)}
    assert findings(Budget((quota(hard=8, used=4),), present=own)) == []
    (item,) = findings(Budget((quota(hard=8, used=6),), present=own))
    assert "allows 8, of which others use 2" in item.detail


@pytest.mark.parametrize("name", ["cpu", "requests.cpu"])
def test_a_quota_may_call_it_by_its_short_name(name):
    assert len(findings(Budget((quota(name, 5),)))) == 1


def test_quotas_on_what_no_pod_asks_for_do_not_matter():
    assert findings(Budget((quota("services.loadbalancers", 0),))) == []


def test_blue_green_stands_at_twice_the_size():
    (item,) = findings(Budget((quota("pods", 7),)), plan=strategy.blue_green())
    assert (item.step, item.rule) == ("start", "full size beside stable")


def test_in_knative_mode_rolling_back_is_the_largest():
    desired = demands(Mode.KNATIVE)
    assert max(sum(count for _, count in item.replicas) for item in desired[:-1]) == 8
    assert desired[-1].text == "8 of r1 and 3 of r2"
    (item,) = findings(Budget((quota(hard=10),)), mode=Mode.KNATIVE)
    assert (item.step, item.rule) == ("abort", "stable, the bad one and stable restored")


def test_a_pod_that_fits_on_no_node_is_never_placed():
    small = Node("a", {"cpu": Decimal("0.5"), "memory": Decimal(64 * GIB)})
    messages = [item.detail for item in findings(Budget(nodes=(small,) * 100))]
    assert messages[0].startswith(
        "no node offers what one pod of r1 asks for (1 cpu, 2 GiB memory)"
    )


def test_all_nodes_together_are_a_limit_unless_they_grow():
    node = Node("a", {"cpu": Decimal(5), "memory": Decimal(64 * GIB)})
    (item,) = findings(Budget(nodes=(node,)))
    assert (item.level, item.step) == (Level.PROBLEM, "step 2 of 3: 25 %")
    (item,) = findings(Budget(nodes=(node,), grows=True))
    assert item.level is Level.WARNING


def test_what_could_not_be_read_is_said():
    (item,) = findings(Budget(unread=("quotas could not be read: forbidden",)))
    assert (item.level, item.detail) == (Level.UNCHECKED, "quotas could not be read: forbidden")


def test_a_pod_asks_for_its_containers_or_its_largest_beginning():
    item = {
        "resources": {
            "requests": {"cpu": "100m"},
            "limits": {"cpu": "1", "memory": "1Gi", "nvidia.com/gpu": "2"},
        }
    }
    begin = {"resources": {"requests": {"memory": "3Gi"}}}
    request = pod_asks({"containers": [item, item], "initContainers": [begin]})
    assert request["requests.cpu"] == Decimal("0.2")
    assert request["requests.memory"] == 3 * GIB, "more than both containers"
    assert request["requests.nvidia.com/gpu"] == 4, "a request that is left out is the limit"
    assert (request["limits.cpu"], request["pods"]) == (2, 1)
    sidecar = {**begin, "restartPolicy": "Always"}
    request = pod_asks(
        {"containers": [item], "initContainers": [sidecar, begin], "overhead": {"memory": "1Gi"}}
    )
    assert request["requests.memory"] == 7 * GIB, (
        "the beginning runs beside the sidecar; and the overhead"
    )


def test_a_quota_below_max_replicas_is_said_and_refuses_nothing():
    at = Intent(KEY, 1, Mode.STANDARD, 1, scaling=Scaling(1, 6))
    (finding,) = capacity.ceiling(
        at, 1, NEEDS, Budget((quota(hard=5, used=1),), present={"requests.cpu": Decimal(1)})
    )
    assert finding.level is Level.WARNING
    assert finding.detail.startswith(
        "maxReplicas 6 is out of reach, the autoscaler will stop below it: 6 of r1 need 6"
    )
    assert list(capacity.ceiling(at, 1, NEEDS, Budget((quota(hard=6),)))) == []


def test_pods_that_do_not_say_what_a_quota_counts_are_told_of():
    counted = [
        *capacity.unsaid(
            NEEDS, Budget((quota("limits.memory"), quota("memory"), quota("services")))
        )
    ]
    assert [(finding.level, finding.object) for finding in counted] == [
        (Level.WARNING, "ResourceQuota small")
    ]
    assert "counts limits.memory, and pods of r1, r2 say none" in counted[0].detail
