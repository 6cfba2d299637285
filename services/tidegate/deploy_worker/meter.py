"""Where evidence comes from on a cluster: nothing yet.

A rollout without a metric source moves by hand only: no data is "need more", never "pass".
"""

from tidegate.core.intent import EndpointKey
from tidegate.core.ports import Meter, NoData
from tidegate.deploy_worker.settings import WorkerSettings

UNSET = "no metric source is configured: gates cannot decide; set TIDEGATE_PROMETHEUS_URL"
UNKNOWN = "TIDEGATE_PROMETHEUS_URL is set, but this version reads no Prometheus: gates cannot decide"


class NoMeter:
    """core.ports.Meter that always answers why there is no data."""

    def __init__(self, detail: str = UNSET) -> None:
        self._answer = NoData(detail)

    def scrape(self, key: EndpointKey) -> NoData:
        """No data."""
        return self._answer


def meter_of(settings: WorkerSettings) -> Meter:
    """The meter that the settings ask for."""
    return NoMeter(UNKNOWN if settings.prometheus_url else UNSET)
