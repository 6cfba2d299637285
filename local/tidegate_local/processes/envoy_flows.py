"""Begun and ended requests of each cluster, from Envoy's admin counters.

Envoy does not read its counters at one instant, so each scrape reads them twice and believes only
what both readings show. What was begun is remembered for `stuck_seconds`: requests that have waited
longer are at least those that were begun before and are not answered now.
"""

import re
import threading
from collections import deque
from dataclasses import replace

from tidegate.core.lost import Flow, lower, waited
from tidegate.deploy_worker.meters.envoy_flow import ACTIVE, COUNTERS, grpc_flow, http_flow
from tidegate_local.processes.envoy_admin import Stats

STUCK_SECONDS = 30.0
_SERVICE = "grpc.inference.GRPCInferenceService."
_MESSAGES = r"Model(?:Stream)?Infer\.request_message_count"
_STATUS = re.compile(re.escape(_SERVICE) + r"ModelInfer\.\d+")
# what follows `cluster.<name>.`, as Envoy's filter
PATTERN = (
    rf"(?:{'|'.join((*COUNTERS, ACTIVE))}|{re.escape(_SERVICE)}(?:{_MESSAGES}|ModelInfer\.\d+))"
)


def flow_of(stats: Stats, cluster: str, protocol: str) -> Flow | None:
    """What a cluster has begun and answered; None where nobody can tell, or nothing came yet."""
    prefix = f"cluster.{cluster}."
    own = {
        name.removeprefix(prefix): int(value)
        for name, value in stats.values.items()
        if name.startswith(prefix)
    }
    if protocol == "http":
        return http_flow(own)
    counts = {name.removeprefix(_SERVICE): value for name, value in own.items()}
    return grpc_flow(counts, sum(own[name] for name in own if _STATUS.fullmatch(name)))


def settled(first: Flow | None, second: Flow | None) -> Flow | None:
    """What two readings in a row both show."""
    if first is None or second is None:
        return second
    return lower(first, second)


class Begun:
    """What each source had begun at each scrape of the last `seconds`. Safe to use from several
    threads."""

    def __init__(self, seconds: float = STUCK_SECONDS) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._past: dict[str, deque[tuple[float, int]]] = {}

    def overdue(self, source: str, at: float, flow: Flow) -> Flow:
        """The flow with the requests that have waited too long. source: names a cluster and its
        incarnation. at: epoch seconds."""
        with self._lock:
            past = self._past.setdefault(source, deque())
            past.append((at, flow.started))
            while len(past) > 1 and past[1][0] <= at - self._seconds:
                past.popleft()
            before, started = past[0]
            self._forget(at)
        if before > at - self._seconds:
            return flow
        return replace(flow, overdue=waited(started, flow))

    def _forget(self, at: float) -> None:
        """Sources that are not read any more."""
        gone = [s for s, past in self._past.items() if past[-1][0] < at - 2 * self._seconds]
        for source in gone:
            del self._past[source]
