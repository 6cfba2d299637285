"""A data plane without packets: it remembers each table that it routed by, so that tests see every
share."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from tidegate_local.played.routing import Match, Route, RouteRule, RoutingTable
from tidegate_local.played.world import Acknowledged, Answer, NotYet, Rejected


@dataclass(frozen=True, slots=True)
class Tick:
    """From this time on the requests went by this table."""

    at: float
    table: RoutingTable


class SimDataPlane:
    """Answers at once; or `delay` seconds after a table was first seen; never while `frozen`;
    refuses with `refusal`."""

    def __init__(self, clock: Callable[[], float], delay: float = 0.0) -> None:
        self._clock = clock
        self.delay = delay
        self.frozen = False
        self.refusal = ""
        self.ticks: list[Tick] = []
        self._seen: Tick | None = None

    @property
    def table(self) -> RoutingTable:
        """What routes now."""
        if self.ticks:
            return self.ticks[-1].table
        return RoutingTable()

    def program(self, table: RoutingTable) -> Answer:
        """Take the table when it is due."""
        if self.refusal:
            return Rejected(self.refusal)
        if table == self.table and self.ticks:
            return Acknowledged()
        if self._seen is None or self._seen.table != table:
            self._seen = Tick(self._clock(), table)
        if self.frozen or self._clock() < self._seen.at + self.delay:
            return NotYet()
        self.ticks.append(Tick(self._clock(), table))
        return Acknowledged()

    def shares(
        self, namespace: str, name: str, headers: tuple[tuple[str, str], ...] = ()
    ) -> dict[str, float]:
        """Percent of the requests with these headers per revision label (or service name), with
        pods or not. Empty: no route, or every answer is 500."""
        return shares(self.table.route(namespace, name), headers)

    def mirrors(self, namespace: str, name: str) -> dict[str, float]:
        """Percent of the requests that are copied, per revision label."""
        rule = rule_for(self.table.route(namespace, name))
        if not rule:
            return {}
        return {target.revision: float(target.weight) for target in rule.mirrors}

    def history(self, namespace: str, name: str) -> list[dict[str, float]]:
        """The shares of unmatched requests, one entry per change, oldest first."""
        result: list[dict[str, float]] = []
        for tick in self.ticks:
            now = shares(tick.table.route(namespace, name))
            if now and (not result or result[-1] != now):
                result.append(now)
        return result


def shares(route: Route | None, headers: tuple[tuple[str, str], ...] = ()) -> dict[str, float]:
    """Percent per revision of the first HTTP rule that takes a request to `/` with these
    headers."""
    rule = rule_for(route, headers)
    if rule is None:
        return {}
    total = sum(target.weight for target in rule.targets)
    result: dict[str, float] = {}
    for target in rule.targets:
        if target.weight and total:
            key = target.revision or target.service
            result[key] = result.get(key, 0.0) + 100 * target.weight / total
    return result


def rule_for(
    route: Route | None, headers: tuple[tuple[str, str], ...] = (), path: str = "/v2/models/m/infer"
) -> RouteRule | None:
    """The rule that takes a request with these headers."""
    rules = route.rules if route else ()
    return next(
        (rule for rule in rules if any(_takes(m, headers, path) for m in rule.matches)), None
    )


def _takes(match: Match, headers: tuple[tuple[str, str], ...], path: str) -> bool:
    if match.exact:
        here = path == match.prefix
    else:
        here = path.startswith(match.prefix)
    values = {(name.lower(), value) for name, value in headers}
    same = all((name.lower(), value) in values for name, value in match.headers)
    taken = all(
        any(name == other and re.search(pattern, value) for other, value in values)
        for name, pattern in match.patterns
    )
    return here and same and taken
