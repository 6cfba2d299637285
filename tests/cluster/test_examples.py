"""What lies in examples/ on the real control plane: admitted as it stands, and KServe makes of it
what is written."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.rendering import rendered
from tidegate.core.drivers.pod_state import condition
from tidegate.core.intent import EndpointKey, Mode
from tidegate.deployment_service.specs import runtime_of, scaling_of
from tidegate.schemas.requests.endpoints import NewEndpoint
from tidegate_local.devcluster.cluster import DevCluster
from tidegate_local.devcluster.kube import Json, ready
from tidegate_local.played import keda

pytestmark = pytest.mark.cluster
EXAMPLES = Path(__file__).parents[2] / "examples"
ISVC = "serving.kserve.io/v1beta1"
BODIES = sorted(
    path
    for path in (EXAMPLES / "endpoints").glob("*.json")
    if "name" in json.loads(path.read_text())
)


def manifest(name: str, namespace: str, *changed: str) -> Json:
    """A file as its page tells to change it: the namespace, and what `changed` says (old, new)."""
    text = (EXAMPLES / "kserve" / name).read_text().replace("team-a", namespace)
    if changed:
        assert changed[0] in text
        text = text.replace(*changed)
    content: Json = yaml.safe_load(text)
    return content


def secrets(cluster: DevCluster, namespace: str) -> None:
    """The page's first step. KServe's webhook looks for the one, the kubelet for the other."""
    held = {
        "s3-credentials": ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
        "triton-token-1": ("token",),
    }
    for name, keys in held.items():
        meta = {"name": name, "namespace": namespace}
        data = dict.fromkeys(keys, "bm90aGluZw==")
        cluster.kube.apply({"apiVersion": "v1", "kind": "Secret", "metadata": meta, "data": data})


def test_the_raw_one_is_scaled_by_keda_on_its_own_queue(
    cluster: DevCluster, namespace: str
) -> None:
    kube = cluster.kube
    secrets(cluster, namespace)
    kube.apply(manifest("inferenceservice-triton.yaml", namespace))
    path = kube.path(ISVC, "InferenceService", namespace, "add-sub")
    kube.wait(path, lambda isvc: condition(isvc, "PredictorReady").get("status") == "True", 90.0)
    (scaled,) = kube.items("keda.sh/v1alpha1", "ScaledObject", namespace)
    assert keda.problem(scaled) is None
    spec: dict[str, Any] = scaled["spec"]
    assert (spec["minReplicaCount"], spec["maxReplicaCount"]) == (1, 4)
    (trigger,) = spec["triggers"]
    assert trigger["metadata"]["threshold"] == "5000"
    assert (
        trigger["metadata"]["query"].count(f'namespace="{namespace}",pod=~"add-sub-predictor-.*"')
        == 3
    )
    (made,) = kube.items("apps/v1", "Deployment", namespace)
    pod = made["spec"]["template"]["spec"]
    (container,) = (item for item in pod["containers"] if item["name"] == "kserve-container")
    assert container["image"].endswith("tritonserver:24.08-py3")
    assert [arg.partition("=")[0] for arg in container["args"][-3:]] == [
        "--exit-timeout-secs",
        "--http-restricted-api",
        "--grpc-restricted-protocol",
    ]
    (service,) = (
        item
        for item in kube.items("v1", "Service", namespace)
        if item["metadata"]["name"] == "add-sub-predictor"
    )
    assert [(port["port"], port["targetPort"]) for port in service["spec"]["ports"]] == [
        (80, 8080),
        (9000, 9000),
        (8002, 8002),
    ]


def shares(cluster: DevCluster, namespace: str) -> dict[str, int]:
    """The percents of Knative's revisions by number, as its own status tells them: the first is
    soon listed twice, as the latest and as the one before."""
    (result,) = cluster.kube.items("serving.knative.dev/v1", "Service", namespace)
    summed: Counter[str] = Counter()
    for item in (result.get("status") or {}).get("traffic") or ():
        summed[item["revisionName"][-5:]] += item.get("percent") or 0
    return dict(+summed)


def rolled_out(isvc: Json) -> bool:
    """Whether KServe knows which revision has all of the traffic."""
    return bool(isvc["status"]["components"]["predictor"].get("latestRolledoutRevision"))


def test_a_change_of_the_knative_one_enters_at_its_percent(
    cluster: DevCluster, namespace: str
) -> None:
    kube = cluster.kube
    name = "inferenceservice-triton-canary.yaml"
    secrets(cluster, namespace)
    kube.apply(manifest(name, namespace))
    path = kube.path(ISVC, "InferenceService", namespace, "add-sub-canary")
    kube.wait(path, ready, 90.0)
    assert shares(cluster, namespace) == {"00001": 100}, "the first has all of it"
    # KServe notes that a moment later, and splits by what it noted
    kube.wait(path, rolled_out, 90.0)
    kube.apply(manifest(name, namespace, "add_sub/1/", "add_sub/2/"))
    kube.until(
        lambda: shares(cluster, namespace) == {"00001": 90, "00002": 10},
        "the second has its percent",
        90.0,
    )
    kube.patch(path, {"spec": {"predictor": {"canaryTrafficPercent": None}}})
    kube.until(lambda: shares(cluster, namespace) == {"00002": 100}, "the second is promoted", 90.0)


@pytest.mark.parametrize("path", BODIES, ids=[path.stem for path in BODIES])
def test_every_body_becomes_what_the_real_webhooks_admit(
    cluster: DevCluster, namespace: str, path: Path
) -> None:
    body = NewEndpoint.model_validate_json(path.read_text())
    key = EndpointKey(namespace, body.name)
    mode = body.mode or Mode.STANDARD
    runtime = runtime_of(body.runtime, body.runtime_config)
    written = rendered(key, mode, scaling_of(body.autoscaling), runtime)
    where = cluster.kube.path(ISVC, "InferenceService", namespace, written["metadata"]["name"])
    query = {"fieldManager": "tidegate", "dryRun": "All"}
    cluster.kube.call("PATCH", where, json.dumps(written), "application/apply-patch+yaml", query)
