"""What Triton itself counted of a revision: an explanation for people, which decides nothing.

Its counters miss answers of its front end (a wrong input is a 400 and no count) and count a python
backend's `TritonError` as a success, so gates use the gateway's.
"""

import re
from collections import Counter

from tidegate.core.drivers.route import service_name
from tidegate.core.intent import EndpointKey
from tidegate.core.ports import Unavailable
from tidegate.core.triton.metrics import FAILURE, SUCCESS
from tidegate.deploy_worker.meters.series import Prometheus, Series, quoted

_WINDOW = 60.0  # seconds: a few scrapes, so that a pod that has just gone still tells


class TritonExplains:
    """`Parts.explain` over Prometheus' copies of Triton's counters, by pod name."""

    def __init__(self, prometheus: Prometheus) -> None:
        self._prometheus = prometheus

    def __call__(self, key: EndpointKey, revision: int) -> tuple[str, ...]:
        """One line on the revision's pods since they began; () where Prometheus has nothing of
        them."""
        pods = re.escape(service_name(key, revision)) + "-.+"
        names = f"{SUCCESS}|{FAILURE}"
        selector = (
            f"{{__name__=~{quoted(names)},namespace={quoted(key.namespace)},pod=~{quoted(pods)}}}"
        )
        answer = self._prometheus.samples(selector, _WINDOW)
        if isinstance(answer, Unavailable) or not answer.series:
            return ()
        return (_line(answer.series),)


def _line(series: tuple[Series, ...]) -> str:
    good = 0
    reasons = Counter[str]()
    pods = set()
    for counter in series:
        value = 0
        if counter.samples:
            value = round(counter.samples[-1][1])
        pods.add(counter.labels.get("pod", ""))
        if counter.labels["__name__"] == SUCCESS:
            good += value
        elif value:
            reasons[counter.labels.get("reason", "without a reason")] += value
    failed = ", ".join(f"{reason} {n}" for reason, n in reasons.most_common()) or "none"
    return f"Triton in {len(pods)} pod(s) counted {good} successes; failures: {failed}"
