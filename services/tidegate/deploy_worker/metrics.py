"""What a worker counts about itself, for Prometheus."""

from prometheus_client import Counter, Gauge, Histogram

ROUNDS = Counter("tidegate_rounds_total", "Rounds by result.", ["result"])
ROUND_SECONDS = Histogram(
    "tidegate_round_duration_seconds", "Seconds of one round.", buckets=(0.01, 0.03, 0.1, 0.3, 1, 3, 10)
)
WRITES = Counter("tidegate_cluster_writes_total", "Writes to the cluster by result.", ["result"])
BUSY = Gauge("tidegate_rounds_running", "Rounds under way.")
WAKES = Counter("tidegate_wakes_total", "Wake-ups by source.", ["source"])
INQUIRIES = Counter("tidegate_inquiries_total", "Questions of the service that were answered.", ["kind"])
STORE_ERRORS = Counter("tidegate_store_unavailable_total", "Times the database did not answer.")
