"""What a worker counts about itself, for Prometheus."""

from prometheus_client import Counter, Gauge, Histogram

RECONCILES = Counter("tidegate_reconciles_total", "Reconciles by result.", ["result"])
RECONCILE_SECONDS = Histogram(
    "tidegate_reconcile_duration_seconds",
    "Seconds of one reconcile.",
    buckets=(0.01, 0.03, 0.1, 0.3, 1, 3, 10),
)
WRITES = Counter("tidegate_cluster_writes_total", "Writes to the cluster by result.", ["result"])
BUSY = Gauge("tidegate_reconciles_running", "Reconciles under way.")
WAKES = Counter("tidegate_wakes_total", "Wake-ups by source.", ["source"])
INQUIRIES = Counter(
    "tidegate_inquiries_total", "Questions of the service that were answered.", ["kind"]
)
STORE_ERRORS = Counter("tidegate_store_unavailable_total", "Times the database did not answer.")
