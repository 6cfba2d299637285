"""How a local plane is started, and the names that its parts agree on. Light: the CLI reads it at
every start."""

from dataclasses import dataclass
from pathlib import Path

NAMESPACE = "demo"
STATE = "plane.json"
BUCKET = "mlops-artifacts"


@dataclass(frozen=True, slots=True)
class Options:
    """What `up` and `demo` choose. interval: seconds between reconciles of a running rollout;
    drain, steady: seconds, see core.drivers.rendering.Platform. limit: tritonservers at most."""

    home: Path
    api_port: int = 8642
    workers: int = 1
    interval: float = 1.0
    drain: float = 5.0
    steady: float = 3.0
    limit: int = 12
    database_url: str = ""
