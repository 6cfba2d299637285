"""Whether nodes offer what a rollout needs, even if nothing else ran on them: else its pods are
never placed."""

from collections.abc import Sequence
from decimal import Decimal

from tidegate.core.preflight import Level
from tidegate.deploy_worker.preflight.demand import Demand, Found, Needs, quantity
from tidegate.deploy_worker.preflight.places import Amounts, Node, explain, open_to
from tidegate.deploy_worker.preflight.site import Budget, Pod

_WAY_OUT = "give runtime_config the nodeSelector and tolerations of nodes that have it, or change the nodes"


def offered(demand: Demand, needs: Needs, budget: Budget) -> Found:
    """What of one reachable intent no node offers, or not all together."""
    if budget.nodes:
        yield from _one_by_one(demand, needs, budget)
        yield from _together(demand, needs, budget)


def of_node(asks: Amounts) -> dict[str, Decimal]:
    """What a pod takes of a node, by the plain names that nodes use."""
    requests = {
        name.removeprefix("requests."): value
        for name, value in asks.items()
        if name.startswith("requests.")
    }
    return {
        name: value
        for name, value in requests.items()
        if value and (name in ("cpu", "memory") or "/" in name)
    }


def holding(nodes: Sequence[Node], request: Amounts) -> list[Node]:
    """The nodes on which one pod would fit if they were empty."""
    return [
        n
        for n in nodes
        if all(n.offers.get(name, Decimal()) >= value for name, value in request.items())
    ]


def sum_of(name: str, nodes: Sequence[Node]) -> Decimal:
    """What these nodes offer of one resource together."""
    return sum((node.offers.get(name, Decimal()) for node in nodes), Decimal())


def words(request: Amounts) -> str:
    """`1 cpu, 2 GiB memory`."""
    return ", ".join(f"{quantity(name, value)} {name}" for name, value in request.items())


def _one_by_one(demand: Demand, needs: Needs, budget: Budget) -> Found:
    for number, count in demand.replicas:
        running = len([placed for placed in budget.own if placed.number == number])
        if count <= running or number not in needs:
            continue  # what runs has its place, also where a node was closed since
        pod = needs[number]
        request = of_node(needs[number].asks)
        large = holding(budget.nodes, request)
        if open_to(pod.place, large):
            continue
        if large:
            detail = (
                f"no node that r{number} may be placed on offers what one pod of it asks for "
                f"({words(request)}): "
                f"{explain(pod.place, large)}; {_WAY_OUT}{_if_written(pod)}"
            )
        else:
            detail = f"no node offers what one pod of r{number} asks for ({words(request)}): it would never be placed"
        level = _level(budget, pod.place.admitted or not large)
        yield (f"node {level}", f"r{number}"), demand.finding(level, detail, "Node")


def _together(demand: Demand, needs: Needs, budget: Budget) -> Found:
    """All revisions on the nodes of any of them, and each on its own."""
    counts = [(number, count) for number, count in demand.replicas if count and number in needs]
    for group in (counts, *([count] for count in counts)):
        part = Demand(demand.reachable_intent, tuple(group), demand.rule)
        yield from _sums(part, [needs[number] for number, _ in group], needs, budget)


def _sums(part: Demand, pods: Sequence[Pod], needs: Needs, budget: Budget) -> Found:
    numbers = {number for number, _ in part.replicas}
    there = {placed.node for placed in budget.own if placed.number in numbers}
    nodes = [
        node
        for node in budget.nodes
        if node.name in there or any(open_to(pod.place, [node]) for pod in pods)
    ]
    if not nodes:
        return  # said of one pod already
    for name, amount in of_node(part.total(needs)).items():
        most, every = (sum_of(name, some) for some in (nodes, budget.nodes))
        if amount <= most:
            continue
        limited = most < every
        where = "all nodes together"
        if limited:
            where = "the nodes that they may be placed on"
        detail = (
            f"{part.text} need {quantity(name, amount)} {name} in all, {where} offer "
            f"{quantity(name, most)}, even if nothing else ran on them: add nodes, or lower the "
            "replicas or the steps"
        )
        level = _level(budget, amount > every or all(pod.place.admitted for pod in pods))
        yield (f"nodes {level}", name), part.finding(level, detail, "Node")


def _level(budget: Budget, sure: bool) -> Level:
    if sure and not budget.grows:
        return Level.PROBLEM
    return Level.WARNING


def _if_written(pod: Pod) -> str:
    if pod.place.admitted:
        return ""
    return (
        " (as it is written: whether the cluster's admission gives it more could not be looked at)"
    )
