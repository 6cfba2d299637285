"""Manifests for the scripts, written by hand: never with the drivers' code."""

from typing import Any

from tests.simulation.lab import NAMESPACE


def isvc(name: str, model: str, *, mode: str, **predictor: Any) -> dict[str, Any]:
    """An InferenceService for Triton. model: the last part of the URI."""
    body = {
        "modelFormat": {"name": "triton"},
        "protocolVersion": "v2",
        "runtime": "kserve-tritonserver",
        "storageUri": f"s3://models/{model}/",
    }
    return {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {
            "name": name,
            "namespace": NAMESPACE,
            "annotations": {"serving.kserve.io/deploymentMode": mode},
        },
        "spec": {"predictor": {"minReplicas": 1, "maxReplicas": 3, "model": body, **predictor}},
    }


def standard(
    endpoint: str, number: int, *, scaler: str = "none", **predictor: Any
) -> dict[str, Any]:
    """One revision in Standard mode: cluster-local, labelled, ports for HTTP, gRPC and metrics."""
    manifest = isvc(f"{endpoint}-r{number}", f"{endpoint}-v{number}", mode="Standard", **predictor)
    manifest["metadata"]["labels"] = {
        "networking.kserve.io/visibility": "cluster-local",
        "app.kubernetes.io/managed-by": "tidegate",
        "tidegate.dev/endpoint": endpoint,
        "tidegate.dev/revision": f"r{number}",
    }
    manifest["metadata"]["annotations"]["serving.kserve.io/autoscalerClass"] = scaler
    manifest["spec"]["predictor"]["model"]["ports"] = [
        {"name": "http", "containerPort": 8080},
        {"name": "h2c", "containerPort": 9000},
        {"name": "metrics", "containerPort": 8002},
    ]
    return manifest


def knative(
    endpoint: str, number: int, percent: int | None = None, **predictor: Any
) -> dict[str, Any]:
    """An endpoint in Knative mode, its head at revision `number`; percent None: the field is
    absent."""
    predictor = {**predictor, **({"canaryTrafficPercent": percent} if percent is not None else {})}
    labels = {"tidegate.dev/revision": f"r{number}"}
    manifest = isvc(endpoint, f"{endpoint}-v{number}", mode="Knative", labels=labels, **predictor)
    manifest["metadata"]["labels"] = {"tidegate.dev/endpoint": endpoint}
    return manifest


def route(endpoint: str, *weights: tuple[int, int], **rule: Any) -> dict[str, Any]:
    """The endpoint's HTTPRoute. weights: (revision number, weight). rule: more fields of the one
    rule."""
    backends = [
        {"name": f"{endpoint}-r{number}-predictor", "port": 80, "weight": w}
        for number, w in weights
    ]
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {
            "name": endpoint,
            "namespace": NAMESPACE,
            "labels": {"tidegate.dev/endpoint": endpoint},
        },
        "spec": {
            "parentRefs": [{"name": "main", "namespace": "gateways"}],
            "hostnames": [f"{endpoint}.{NAMESPACE}.example.com"],
            "rules": [{"backendRefs": backends, "timeouts": {"request": "30s"}, **rule}],
        },
    }
