"""Where the V2 protocol is spoken: ports of the container, and paths of its HTTP side.

Source: KServe's open inference protocol (V2), and Triton's extension for the model repository.
"""

from urllib.parse import quote

HTTP_PORT = 8080
GRPC_PORT = 9000
METRICS_PORT = 8002
READY = "/v2/health/ready"
REPOSITORY_INDEX = "/v2/repository/index"


def model_path(model: str) -> str:
    """Return where a model tells its metadata; below it are `/config` and `/infer`."""
    return f"/v2/models/{quote(model, safe='')}"
