"""What a rollout needs, against what nodes offer to its pods, and what is free on them now."""

from dataclasses import replace
from decimal import Decimal

from tests.core.values import KEY
from tidegate.core import strategy
from tidegate.core.intent import Intent, Mode, Scaling, Toleration
from tidegate.core.preflight import Level
from tidegate.core.reachable import reachable_intents
from tidegate.core.rollout import Rollout
from tidegate.deploy_worker.preflight import capacity
from tidegate.deploy_worker.preflight.places import Node, Place, Taint
from tidegate.deploy_worker.preflight.site import Budget, Placed, Pod

GPU = "nvidia.com/gpu"
POD = Pod({f"requests.{GPU}": Decimal(2), "pods": Decimal(1)})
DEMANDS = list(
    capacity.demands(  # r1 stands at 2; r2 gets 1, and 2 from half of the traffic on
        reachable_intents(
            Rollout("ro", strategy.canary((10, 50)), 1, 2, "ann"),
            Intent(KEY, 1, Mode.STANDARD, 1, scaling=Scaling(1, 2)),
        ),
        2,
    )
)
STABLE = (Placed(1, "a", {GPU: Decimal(2)}), Placed(1, "a", {GPU: Decimal(2)}))


def node(name="a", gpus=8, *taints, **labels):
    return Node(name, {GPU: Decimal(gpus)}, labels, taints)


def findings(*nodes, others=None, own=STABLE, place=None, known=True, **more):
    taken = {name: {GPU: Decimal(gpus)} for name, gpus in (others or {}).items()}
    pods = {1: POD, 2: POD if place is None else replace(POD, place=place)}
    return list(
        capacity.check(
            DEMANDS, pods, Budget(nodes=nodes, own=own, others=taken if known else None, **more)
        )
    )


def test_nodes_that_a_pod_may_not_be_placed_on_offer_it_nothing():
    batch = node("b", 8, Taint("dedicated", "batch"), pool="gpu")
    place = Place({"pool": "gpu"})
    (item,) = findings(node("a"), batch, place=place)
    assert (item.level, item.step) == (Level.PROBLEM, "start")
    assert item.detail.startswith(
        "no node that r2 may be placed on offers what one pod of it asks for (2 nvidia.com/gpu): "
        "node selector pool=gpu does not match (a), taint dedicated=batch:NoSchedule is not "
        "tolerated (b); "
    )
    assert (
        findings(
            node("a"), batch, place=replace(place, tolerations=(Toleration("dedicated", "Exists"),))
        )
        == []
    )


def test_what_admission_may_still_add_only_warns():
    """Before its pods went through admission nobody knows whether a plugin tolerates the taint for
    them."""
    (item,) = findings(
        node("a"), node("b", 8, Taint(GPU)), place=Place({"pool": "b"}, admitted=False)
    )
    assert item.level is Level.WARNING
    assert "as it is written" in item.detail
    lone = findings(node("a", 1), place=Place(admitted=False))
    assert {each.level for each in lone if "no node offers" in each.detail} == {Level.PROBLEM}


def test_each_revision_is_held_against_its_own_nodes_together():
    (item,) = findings(
        node("a", 99), node("b", 3, pool="b"), place=Place({"pool": "b"}), known=False
    )
    assert (item.level, item.step) == (Level.PROBLEM, "step 2 of 2: 50 %")
    assert (
        "2 of r2 need 4 nvidia.com/gpu in all, the nodes that they may be placed on offer 3"
        in item.detail
    )


def test_an_affinity_is_said_to_be_unchecked():
    (item,) = findings(node(), place=Place(affinity=True))
    assert (item.level, "affinity that pods of r2 require" in item.detail) == (
        Level.UNCHECKED,
        True,
    )


def test_gpus_that_others_take_are_not_free_and_our_own_are_not_counted_twice():
    """Eight, of which stable has four: r2's two find capacity beside nobody, one of them beside two
    of others."""
    assert findings(node(gpus=8)) == []
    (item,) = findings(node(gpus=8), others={"a": 2})
    assert (item.level, item.step) == (Level.WARNING, "step 2 of 2: 50 %")
    assert item.detail.startswith(
        "no capacity now for 1 of 2 new pods of r2 (2 nvidia.com/gpu each): 2 of 8 nvidia.com/gpu"
    )
    (item,) = findings(node(gpus=8), others={"a": 4})
    assert item.step == "start"
    assert (
        "0 of 8 nvidia.com/gpu are free on the nodes that they may be placed on, pods of others "
        "take 4" in item.detail
    )
    assert "the candidate waits until its ready deadline and is then rolled back" in item.detail


def test_what_is_free_on_two_nodes_holds_no_pod_that_needs_it_on_one():
    (item,) = findings(node("a", 5), node("b", 1), node("c", 1), node("d", 1))
    assert (item.level, item.step) == (Level.WARNING, "start")
    assert "4 of 8 nvidia.com/gpu are free" in item.detail


def test_a_revision_that_goes_frees_capacity_and_one_that_was_never_placed_has_none():
    third = Placed(3, "a", {GPU: Decimal(4)})
    assert findings(node(gpus=8), own=(*STABLE, third)) == []
    waiting = findings(node(gpus=8), others={"a": 4}, own=STABLE[:1])
    assert {item.detail[:35] for item in waiting} >= {
        "no capacity now for 1 of 1 new pod of r2"[:35]
    }


def test_a_node_that_is_not_ready_has_no_capacity_now():
    (item,) = findings(node("a", 8, Taint("node.kubernetes.io/not-ready")))
    assert (item.level, item.step) == (Level.WARNING, "start")
    assert "taint node.kubernetes.io/not-ready:NoSchedule is not tolerated (a)" in item.detail


def test_where_nodes_come_when_pods_wait_nothing_is_said_of_what_is_free():
    assert findings(node(gpus=8), others={"a": 8}, grows=True) == []
    assert findings(node(gpus=8), others={"a": 8}, known=False) == []


def test_what_runs_on_a_node_that_was_closed_since_stays_and_refuses_nothing():
    """Stable's node is drained; only the candidate may be placed on the other one."""
    closed = node("a", 4, Taint("node.kubernetes.io/unschedulable"))
    other = node("b", 4, Taint("new"))
    place = Place(tolerations=(Toleration("new", "Exists"),))
    assert findings(closed, other, place=place, known=False) == []
    assert findings(closed, other, place=place) == []
    assert {item.level for item in findings(closed, other, place=place, own=())} == {Level.PROBLEM}
