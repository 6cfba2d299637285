"""Whether a rollout's new pods find capacity now, beside what others take. Others may leave, and
lower priority may be preempted, so this only warns."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from tidegate.core.preflight import Level
from tidegate.deploy_worker.preflight.demand import Demand, Found, Needs, quantity
from tidegate.deploy_worker.preflight.placement import holding, of_node, sum_of, words
from tidegate.deploy_worker.preflight.places import Amounts, Node, explain, open_to
from tidegate.deploy_worker.preflight.site import Budget, Pod

Others = Mapping[str, Amounts]  # taken, by node
Free = dict[str, dict[str, Decimal]]  # free, by node


def lacking(demand: Demand, needs: Needs, budget: Budget) -> Found:
    """For which new pods of one reachable intent there is no capacity now. Pods that no node could
    ever hold are told of elsewhere."""
    if budget.grows or budget.others is None:
        return
    free, more = _left(demand, budget, budget.others)
    homes = {
        number: open_to(needs[number].place, budget.nodes, passing=True)
        for number in more
        if number in needs
    }
    # Those with the least choice go first
    for number in sorted(homes, key=lambda home: (len(homes[home]), home)):
        pod = needs[number]
        count = more[number]
        nodes = homes[number]
        large = holding(budget.nodes, of_node(pod.asks))
        if not open_to(pod.place, large):
            continue
        before = {node.name: dict(free[node.name]) for node in nodes}
        fits = _put(pod, count, nodes, free)
        if fits < count:
            if nodes:
                message = _shortage(pod, count, nodes, before, budget.others)
            else:
                message = explain(pod.place, large, passing=True)
            detail = (
                f"no capacity now for {count - fits} of {count} new pod{'s' if count > 1 else ''} "
                f"of r{number} "
                f"({words(of_node(pod.asks))} each): {message}; {_then(demand, number)}"
            )
            yield ("free", f"r{number}"), demand.finding(Level.WARNING, detail, "Node")


def _left(demand: Demand, budget: Budget, others: Others) -> tuple[Free, dict[int, int]]:
    """Capacity beside others and the endpoint's own pods that the demand keeps; and how many pods
    it adds, by revision."""
    more = dict(demand.replicas)
    free = {node.name: dict(node.offers) for node in budget.nodes}
    for name, amounts in others.items():
        _take(free, name, amounts)
    for placed in budget.own:
        if more.get(placed.number, 0) > 0:
            more[placed.number] -= 1
            _take(free, placed.node, placed.takes)
    return free, {number: count for number, count in more.items() if count > 0}


def _take(free: Free, node: str, amounts: Amounts, times: int = 1) -> None:
    here = free.get(node, {})  # a pod on a node that has gone takes nothing
    for name, amount in amounts.items():
        here[name] = here.get(name, Decimal()) - times * amount


def _put(pod: Pod, count: int, nodes: Sequence[Node], free: Free) -> int:
    """Place up to `count` pods, node by node; how many found capacity."""
    request = of_node(pod.asks)
    left = count
    for node in nodes:
        here = free[node.name]
        most = min(
            (
                int(max(here.get(name, Decimal()), Decimal()) // value)
                for name, value in request.items()
            ),
            default=left,
        )
        _take(free, node.name, request, min(most, left))
        left -= min(most, left)
    return count - left


def _shortage(pod: Pod, count: int, nodes: Sequence[Node], free: Free, others: Others) -> str:
    """What is short; where the sums would do and no single node has it, everything that a pod asks
    for."""
    request = of_node(pod.asks)
    sums = {
        name: sum((max(item.get(name, Decimal()), Decimal()) for item in free.values()), Decimal())
        for name in request
    }
    short = [name for name, value in request.items() if sums[name] < count * value] or list(request)
    return "; ".join(
        f"{quantity(name, sums[name])} of {quantity(name, sum_of(name, nodes))} {name} are free on "
        "the nodes that "
        f"they may be placed on, pods of others take {quantity(name, _others(name, nodes, others))}"
        for name in short
    )


def _others(name: str, nodes: Sequence[Node], others: Others) -> Decimal:
    return sum((others.get(node.name, {}).get(name, Decimal()) for node in nodes), Decimal())


def _then(demand: Demand, number: int) -> str:
    if demand.reachable_intent.intent.candidate == number:
        return "unless capacity is freed, the candidate waits until its ready deadline and is then rolled back"
    return "they wait until capacity is freed"
