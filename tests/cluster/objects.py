"""Objects as a user would write them, and their end."""

from tidegate_local.devcluster.cluster import DevCluster
from tidegate_local.devcluster.kube import Json

_RUNNING = (("serving.kserve.io/v1beta1", "InferenceService"), ("apps/v1", "Deployment"))


def deployment(
    namespace: str, name: str, replicas: int = 2, labels: dict[str, str] | None = None
) -> Json:
    """A Deployment of pods that do nothing; `labels` go to the pods as well."""
    select = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": select},
            "template": {
                "metadata": {"labels": select | (labels or {})},
                "spec": {"containers": [{"name": "main", "image": "dev.local/nothing"}]},
            },
        },
    }


def inference_service(
    namespace: str, name: str, mode: str, version: str = "1", **predictor: object
) -> Json:
    """An InferenceService that serves Triton's add_sub; standard ones make no route and do not
    scale."""
    standard = mode == "Standard"
    annotations = {"serving.kserve.io/deploymentMode": mode}
    if standard:
        annotations |= {"serving.kserve.io/autoscalerClass": "none"}
    else:
        annotations |= {}
    labels = {}
    if standard:
        labels = {"networking.kserve.io/visibility": "cluster-local"}
    model = {
        "modelFormat": {"name": "triton"},
        "protocolVersion": "v2",
        "runtime": "kserve-tritonserver",
        "storageUri": f"s3://models/add_sub/{version}/",
    }
    return {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "annotations": annotations,
            "labels": labels,
        },
        "spec": {"predictor": {"model": model, **predictor}},
    }


def end_what_runs(cluster: DevCluster, namespace: str) -> None:
    """End what runs in a namespace: the nodes are shared, and of a size. It is no tenant any more,
    so that no worker brings anything back."""
    no_tenant = {"metadata": {"labels": {"tidegate.dev/tenant": None}}}
    cluster.kube.patch(f"/api/v1/namespaces/{namespace}", no_tenant)
    for api_version, kind in _RUNNING:
        cluster.kube.delete(cluster.kube.path(api_version, kind, namespace))
