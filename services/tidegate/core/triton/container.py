"""Triton's container in a predictor: its arguments, ports and readiness probe.

All of it becomes part of the pod template, so it depends on the revision and the installation.
"""

from math import ceil
from typing import Any

from tidegate.core.intent import Mode, Protocol, Runtime
from tidegate.core.triton import restriction
from tidegate.core.triton.protocol import GRPC_PORT, HTTP_PORT, METRICS_PORT, READY


def command(runtime: Runtime, request_timeout: float) -> dict[str, Any]:
    """Return `args`, and `env` where calls are restricted. request_timeout: seconds; Triton's own
    limit is 30 s, and then it ends with requests under way."""
    arguments = [f"--exit-timeout-secs={ceil(request_timeout)}"]
    if not runtime.security:
        return {"args": arguments}
    return {
        "args": [*arguments, *restriction.arguments(runtime.security)],
        "env": restriction.environment(runtime.security),
    }


def ports(protocol: Protocol, mode: Mode) -> list[dict[str, Any]]:
    """Return the container's ports; in Knative mode the one port of the one protocol."""
    http = {"name": "http", "containerPort": HTTP_PORT, "protocol": "TCP"}
    grpc = {"name": "h2c", "containerPort": GRPC_PORT, "protocol": "TCP"}
    if mode is Mode.KNATIVE:
        if protocol is Protocol.GRPC_V2:
            return [grpc]
        return [http | {"name": "http1"}]
    return [http, grpc, {"name": "metrics", "containerPort": METRICS_PORT, "protocol": "TCP"}]


def readiness(protocol: Protocol, mode: Mode) -> dict[str, Any]:
    """Every model is loaded: Triton's readiness is strict by default. Knative's queue-proxy probes
    the one container port whatever port the probe names, so there a gRPC endpoint is asked by
    gRPC."""
    manifest: dict[str, Any] = {"httpGet": {"path": READY, "port": HTTP_PORT}}
    if mode is Mode.KNATIVE and protocol is Protocol.GRPC_V2:
        manifest = {"grpc": {"port": GRPC_PORT}}
    # A busy Triton answers late: one second, the default, would take a working pod out.
    return manifest | {"periodSeconds": 2, "timeoutSeconds": 5, "failureThreshold": 3}
