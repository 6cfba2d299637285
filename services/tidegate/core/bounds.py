"""The bounds of what may be asked, each once: the API's schema states them, and the templates of
Kubeflow, which ask on a person's behalf, may only be narrower."""

from dataclasses import dataclass

WEEK = 604_800  # seconds


@dataclass(frozen=True, slots=True)
class Bounds:
    """Of a number, in the words of JSON Schema's libraries: ge and le are within, gt and lt are
    not. None: no bound."""

    ge: float | None = None
    gt: float | None = None
    le: float | None = None
    lt: float | None = None

    def holds(self, value: float) -> bool:
        """Whether a number is within."""
        return (
            (self.ge is None or value >= self.ge)
            and (self.gt is None or value > self.gt)
            and (self.le is None or value <= self.le)
            and (self.lt is None or value < self.lt)
        )


PERCENT = Bounds(ge=0, le=100)
MOST_STEPS = 50
SECONDS = Bounds(ge=0, le=WEEK)
DEADLINE = Bounds(gt=0, le=WEEK)
DATA_DEADLINE = Bounds(gt=0, le=4 * WEEK)
HEARTBEAT_TIMEOUT = Bounds(ge=1, le=WEEK)
# Margins are shares of requests: half of them is no margin any more
FAIL_MARGIN = Bounds(ge=0, lt=0.5)
PASS_MARGIN = Bounds(gt=0, lt=0.5)
EXPERIMENT_MARGIN = Bounds(gt=-0.5, lt=0.5)
ALPHA = Bounds(gt=0, le=0.5)
NOISE_WINDOW = Bounds(ge=1, le=3600)  # seconds
MIN_REQUESTS = Bounds(ge=1, le=10_000_000)
MAX_EXPOSED = Bounds(ge=1, le=1_000_000_000)  # requests
ACCEPTED_POINTS = Bounds(gt=0, le=40)  # percent points: the largest margin that is tested
NOISE_WINDOW = Bounds(ge=1, le=3600)  # seconds
LATENCY_MS = Bounds(gt=0, le=3_600_000)
GPUS = Bounds(ge=0, le=64)
REPLICAS = Bounds(ge=0, le=1000)
REVISION = Bounds(ge=0, le=2_000_000_000)  # 0: what was adopted

REASON_LENGTH = 2000  # characters
ID = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$"
IMAGE_TAG = r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$"
SUBMISSION_ID = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$"  # no dot: it follows one in a run's id
RUNTIME_NAME = r"^[a-z0-9]([-a-z0-9.]{0,61}[a-z0-9])?$"
LABEL = r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$"  # DNS, RFC 1123: a namespace
HEADER_NAME = r"^[A-Za-z0-9!#$%&'*+\-.^_|~]{1,256}$"
HEADER_VALUE = r"^[\x21-\x7e]([\x20-\x7e]{0,4094}[\x21-\x7e])?$"
