"""What stands still, as metrics, read from the store when Prometheus asks. Every worker tells the
same, so alerts take the maximum over workers."""

from collections.abc import Callable, Iterable

import structlog
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from tidegate.store import Store, StoreUnavailable
from tidegate.store.gauges import Gauges, gauges

log = structlog.get_logger()


class StoreGauges(Collector):
    """`observe` reads the store; while that does not answer these metrics are absent, and its own
    counter rises."""

    def __init__(self, observe: Callable[[], Gauges]) -> None:
        self._observe = observe

    def describe(self) -> Iterable[Metric]:
        """The names, without reading the store."""
        return families(Gauges({}, (), (), 0.0))

    def collect(self) -> Iterable[Metric]:
        """One observation."""
        try:
            return families(self._observe())
        except StoreUnavailable as error:
            log.warning("the database does not answer a scrape", error=str(error))
            return ()


def families(result: Gauges) -> tuple[Metric, ...]:
    """Series for endpoints in trouble and for rollouts only: what is well is a number."""
    endpoints = GaugeMetricFamily("tidegate_endpoints", "Endpoints by phase.", labels=["phase"])
    for phase, number in result.phases.items():
        endpoints.add_metric([phase], number)
    labels = ["tenant", "endpoint"]
    trouble = GaugeMetricFamily(
        "tidegate_endpoint_trouble", "Endpoints that are not well.", labels=[*labels, "phase"]
    )
    for item in result.troubled:
        trouble.add_metric([item.key.namespace, item.key.name, item.phase], 1)
    waited = GaugeMetricFamily(
        "tidegate_rollout_waited_seconds",
        "How long a rollout has waited, and for what.",
        labels=[*labels, "waits_for"],
    )
    for rollout in result.waiting:
        waited.add_metric(
            [rollout.key.namespace, rollout.key.name, rollout.waits_for], rollout.seconds
        )
    failed = GaugeMetricFamily(
        "tidegate_rollout_metric_failed",
        "Metrics of running rollouts that failed without an abort.",
        labels=[*labels, "metric", "on_fail"],
    )
    for each in result.failed:
        failed.add_metric([each.key.namespace, each.key.name, each.metric, each.on_fail], 1)
    watched = GaugeMetricFamily(
        "tidegate_watch",
        "Endpoints whose promoted revision is watched, by the state of the watch.",
        labels=[*labels, "state"],
    )
    for watch in result.watched:
        watched.add_metric([watch.key.namespace, watch.key.name, watch.state], 1)
    late = GaugeMetricFamily(
        "tidegate_workqueue_queue_duration_seconds",
        "How long the oldest work has waited for a worker.",
        result.late,
    )
    return endpoints, trouble, waited, failed, watched, late


def store_gauges(store: Store) -> StoreGauges:
    """Of this store."""

    def observe() -> Gauges:
        with store.read() as tx:
            return gauges(tx)

    return StoreGauges(observe)
