"""Objects as a user would write them."""

from tidegate_local.devcluster.kube import Json


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
