"""What a tenant may not write by hand, and what nobody is kept from, by real CEL evaluation of the
policies."""

from copy import deepcopy
from typing import Any

import pytest

pytest.importorskip("cel_expr_python", reason="its wheels are for Linux")

from tests.policies.judge import TENANT, Object, Write, judge
from tests.policies.written import written

WORKER = "system:serviceaccount:tidegate-system:tidegate-deploy-worker"
KSERVE = "system:serviceaccount:kserve:kserve-controller-manager"
MODE = "serving.kserve.io/deploymentMode"


def isvc(mode: str | None = "Standard", meta: Object | None = None, **spec: Any) -> Object:
    """An InferenceService as a tenant writes it; spec: besides the predictor's model."""
    model = {
        "modelFormat": {"name": "triton"},
        "protocolVersion": "v2",
        "runtime": "kserve-tritonserver",
        "storageUri": "s3://models/add_sub/1/",
    }
    predictor = {"model": model | spec.pop("model", {}), **spec.pop("predictor", {})}
    metadata = {
        "name": "x",
        "namespace": "team",
        "annotations": {MODE: mode} if mode else {},
        **(meta or {}),
    }
    kind = {"apiVersion": "serving.kserve.io/v1beta1", "kind": "InferenceService"}
    return {**kind, "metadata": metadata, "spec": {"predictor": predictor, **spec}}


def custom(**container: Any) -> Object:
    """A predictor that is one container."""
    plain = {"name": "kserve-container", "image": "registry.example/app:1.2"}
    manifest = isvc()
    manifest["spec"]["predictor"] = {"containers": [plain | container]}
    return manifest


def route(*hostnames: str, **rule: Any) -> Object:
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": "x", "namespace": "team"},
        "spec": {
            "hostnames": list(hostnames),
            "rules": [{"backendRefs": [{"name": "x-r1-predictor", "port": 80}], **rule}],
        },
    }


def runtime(**container: Any) -> Object:
    return {
        "apiVersion": "serving.kserve.io/v1alpha1",
        "kind": "ServingRuntime",
        "metadata": {"name": "x", "namespace": "team"},
        "spec": {
            "containers": [{"name": "c", "image": "registry.example/triton:24.08-py3", **container}]
        },
    }


ROLLOUT = "validate-kserve-rollout-tenants"
HOSTS = "restrict-tenant-routes"
STORAGE = "restrict-kserve-storage-uris"
RESOURCES = "require-kserve-resources"
IMAGES = "require-kserve-pinned-images"
DEPLOYMENT_MODE = "require-kserve-deployment-mode"
SIZED = {"resources": {"requests": {"cpu": "1", "memory": "1Gi"}}}
GPU = "nvidia.com/gpu"
OTHERS = {"name": "x", "port": 80, "namespace": "others"}
MIRROR = {"type": "RequestMirror", "requestMirror": {"backendRef": OTHERS}}
FINE = "fraud.team.models.local"

REFUSED = [
    (
        ROLLOUT,
        isvc("Knative", predictor={"canaryTrafficPercent": 101}),
        "spec.predictor.canaryTrafficPercent: 101",
    ),
    (ROLLOUT, isvc("Knative", predictor={"canaryTrafficPercent": -1}), "found spec.predictor"),
    (ROLLOUT, isvc("Knative", transformer={"canaryTrafficPercent": 300}), "spec.transformer"),
    (ROLLOUT, isvc("Knative", explainer={"canaryTrafficPercent": 300}), "spec.explainer"),
    (
        ROLLOUT,
        isvc(canary=[{"trafficPercent": 101, "predictor": {}}]),
        "spec.canary[].trafficPercent: 101",
    ),
    (
        ROLLOUT,
        isvc("Knative", canary=[{"predictor": {"canaryTrafficPercent": -5}}]),
        "predictor.canaryTrafficPercent",
    ),
    (
        ROLLOUT,
        isvc("Standard", predictor={"canaryTrafficPercent": 10}),
        "Knative only, found Standard",
    ),
    (
        ROLLOUT,
        isvc("RawDeployment", transformer={"canaryTrafficPercent": 0}),
        "found RawDeployment",
    ),
    (ROLLOUT, isvc(None, predictor={"canaryTrafficPercent": 10}), "found none"),
    (
        ROLLOUT,
        isvc("Standard", canary=[{"predictor": {"canaryTrafficPercent": 5}}]),
        "Knative only",
    ),
    (ROLLOUT, isvc(model={"protocolVersion": "v1"}), "v2 or grpc-v2, found v1"),
    (ROLLOUT, isvc(model={"protocolVersion": "v1", "modelFormat": {"name": "onnx"}}), "found v1"),
    (ROLLOUT, isvc(predictor={"triton": {"storageUri": "s3://m/"}}), "found none"),
    (ROLLOUT, isvc(canary=[{"predictor": {"triton": {"protocolVersion": "v1"}}}]), "found v1"),
    (DEPLOYMENT_MODE, isvc(None), "must be one of Standard"),
    (DEPLOYMENT_MODE, isvc("ModelMesh"), "found ModelMesh"),
    (STORAGE, isvc(model={"storageUri": "https://10.0.0.1/m"}), "found https://10.0.0.1/m"),
    (STORAGE, isvc(model={"storageUri": "s3://models/a/../../others/"}), "models/a/../../others"),
    (STORAGE, isvc(model={"storageUri": "s3://models/a/%2E%2E/others/"}), "%2E"),
    (STORAGE, isvc(predictor={"storageUris": [{"uri": "hf://who/ever"}]}), "hf://who/ever"),
    (
        STORAGE,
        isvc(transformer={"containers": [{"env": [{"name": "STORAGE_URI", "value": "http://x"}]}]}),
        "http://x",
    ),
    (
        STORAGE,
        custom(env=[{"name": "STORAGE_URI", "value": "s3://a"}] * 2),
        "several of STORAGE_URI",
    ),
    (STORAGE, custom(env=[{"name": "STORAGE_URI", "valueFrom": {}}]), "from elsewhere"),
    (STORAGE, isvc(explainer={"art": {"storageUri": "http://x"}}), "http://x"),
    (STORAGE, isvc(canary=[{"predictor": {"sklearn": {"storageUri": "http://x"}}}]), "http://x"),
    (STORAGE, isvc(predictor={"model": {"storage": {"path": "a", "key": "k"}}}), ":///a"),
    (RESOURCES, custom(), "kserve-container"),
    (RESOURCES, custom(resources={"requests": {"cpu": "1"}}), "no cpu or memory"),
    (RESOURCES, isvc(model={"runtime": ""}), "the model"),
    (
        RESOURCES,
        isvc(transformer={"containers": [{"name": "t", "image": "a:1"}]}),
        "no cpu or memory: t",
    ),
    (RESOURCES, isvc(model={"resources": {"requests": {GPU: "1"}}}), "must be the limit too"),
    (
        RESOURCES,
        isvc(model={"resources": {"requests": {GPU: "1"}, "limits": {GPU: "2"}}}),
        "must be the limit too",
    ),
    (
        RESOURCES,
        isvc(predictor={"tolerations": [{"key": GPU, "operator": "Exists"}]}),
        "a GPU in resources.limits",
    ),
    (
        RESOURCES,
        isvc(predictor={"nodeSelector": {"cloud.google.com/gke-gpu": "x"}}),
        "a GPU in resources.limits",
    ),
    (RESOURCES, runtime(), "no cpu or memory: c"),
    (IMAGES, custom(image="registry.example/app"), "found registry.example/app"),
    (IMAGES, custom(image="registry.example:5000/app"), "found registry.example:5000/app"),
    (IMAGES, custom(image="registry.example/app:latest"), "app:latest"),
    (IMAGES, isvc(model={"runtimeVersion": "latest"}), "runtimeVersion:latest"),
    (
        IMAGES,
        isvc(predictor={"initContainers": [{"name": "i", "image": "busybox"}]}),
        "found busybox",
    ),
    (
        IMAGES,
        isvc(predictor={"workerSpec": {"containers": [{"name": "w", "image": "w:main"}]}}),
        "w:main",
    ),
    (IMAGES, runtime(image="registry.example/triton:nightly"), "triton:nightly"),
    (HOSTS, route(), "a route without hostnames"),
    (HOSTS, route("fraud.others.models.local"), "fraud.others.models.local"),
    (HOSTS, route(FINE, "bank.example.com"), "not the tenant's: bank.example.com"),
    (HOSTS, route("*.team.models.local"), "*.team"),
    (HOSTS, route("a.b.team.models.local"), "a.b.team"),
    (HOSTS, route("fraudXteam.models.local"), "fraudXteam"),
    (HOSTS, route("fraud.others.svc.cluster.local"), "others.svc"),
    (HOSTS, route(FINE, backendRefs=[OTHERS]), "stay in its namespace"),
    (HOSTS, route(FINE, filters=[MIRROR]), "stay in its namespace"),
    (HOSTS, route(FINE, backendRefs=[{"name": "x", "filters": [MIRROR]}]), "stay in its namespace"),
]

ADMITTED = [
    (
        ROLLOUT,
        isvc(
            "Serverless",
            predictor={"canaryTrafficPercent": 100},
            transformer={"canaryTrafficPercent": 0},
        ),
    ),
    (
        ROLLOUT,
        isvc(
            model={
                "protocolVersion": "v1",
                "modelFormat": {"name": "sklearn"},
                "runtime": "kserve-sklearn",
            }
        ),
    ),
    (DEPLOYMENT_MODE, isvc("RawDeployment")),
    (
        STORAGE,
        isvc(
            predictor={
                "model": {"storage": {"path": "a", "parameters": {"type": "s3", "bucket": "b"}}}
            }
        ),
    ),
    (STORAGE, isvc(model={"storageUri": "pvc://disk/models/a..b"})),
    (RESOURCES, custom(**SIZED)),
    (RESOURCES, runtime(**SIZED)),
    (IMAGES, custom(image="registry.example:5000/app@sha256:" + "0" * 64)),
    (IMAGES, custom(image="registry.example:5000/app:1.2-latest")),
    (HOSTS, route(FINE, "fraud.team.svc", "fraud.team.svc.cluster.local")),
]


@pytest.mark.parametrize(
    ("policy", "thing", "words"), REFUSED, ids=[f"{p}: {w}" for p, _, w in REFUSED]
)
def test_it_is_refused_with_the_reason(policy: str, thing: Object, words: str) -> None:
    request = judge(policy)
    assert words in (request(Write(thing)) or "it was admitted")
    elsewhere = {"metadata": {"name": "others"}, "status": {"phase": "Active"}}
    assert request(Write(thing, namespace=elsewhere)) is None, "only tenants are concerned"


@pytest.mark.parametrize(("policy", "thing"), ADMITTED)
def test_it_is_admitted(policy: str, thing: Object) -> None:
    assert judge(policy)(Write(thing)) is None


@pytest.mark.parametrize(
    ("policy", "thing", "words"), REFUSED, ids=[f"{p}: {w}" for p, _, w in REFUSED]
)
def test_what_was_there_before_the_policy_can_still_lose_its_finalizer(
    policy: str, thing: Object, words: str
) -> None:
    """Else its deletion, and that of its namespace, would hang for ever."""
    old = deepcopy(thing)
    old["metadata"] |= {
        "finalizers": ["inferenceservice.finalizers"],
        "deletionTimestamp": "2026-01-01T00:00:00Z",
    }
    assert judge(policy)(Write(thing, old)) is None


def test_a_stricter_prefix_stops_no_rollout_on_its_way() -> None:
    """What was admitted and stays is not judged again; what comes in is."""
    old = isvc(
        "Knative", model={"storageUri": "s3://models/old/"}, predictor={"canaryTrafficPercent": 10}
    )
    new = deepcopy(old)
    new["spec"]["predictor"]["canaryTrafficPercent"] = 0
    strict = deepcopy(TENANT)
    strict["metadata"]["annotations"] = {
        "tidegate.dev/storage-prefixes": "s3://models/new, s3://team"
    }
    request = judge(STORAGE)
    assert request(Write(new, old, namespace=strict)) is None
    new["spec"]["predictor"]["model"]["storageUri"] = "s3://models/newer/"
    assert "models come from s3://models/new, s3://team here" in (
        request(Write(new, old, namespace=strict)) or ""
    )
    new["spec"]["predictor"]["model"]["storageUri"] = "s3://models/new/1/"
    assert request(Write(new, old, namespace=strict)) is None
    new["spec"]["predictor"]["model"]["storageUri"] = "s3://models/new"  # lists newer/ as well
    assert "models come from" in (request(Write(new, old, namespace=strict)) or "")
    new["spec"]["predictor"]["model"]["storageUri"] = "s3://models/new/"
    assert request(Write(new, old, namespace=strict)) is None


def test_a_tenant_has_host_names_of_its_own() -> None:
    own = deepcopy(TENANT)
    own["metadata"]["annotations"] = {
        "tidegate.dev/hosts": "{name}-{namespace}.ml.example.com, bank.example.com"
    }
    request = judge(HOSTS)
    assert (
        request(Write(route("fraud-team.ml.example.com", "bank.example.com"), namespace=own))
        is None
    )
    assert "models.local" in (request(Write(route(FINE), namespace=own)) or ""), (
        "in the place of the installation's"
    )


def test_a_change_of_weights_alone_is_not_judged_so_that_an_abort_needs_no_kyverno() -> None:
    old = route(
        "was.admitted.once", backendRefs=[{"name": "a", "weight": 90}, {"name": "b", "weight": 10}]
    )
    new = deepcopy(old)
    new["spec"]["rules"][0]["backendRefs"][1]["weight"] = 0
    assert judge(HOSTS)(Write(new, old)) is None
    new["spec"]["rules"][0]["backendRefs"][1]["namespace"] = "others"
    assert "stay in its namespace" in (judge(HOSTS)(Write(new, old)) or "")


OURS: dict[str, Object] = {}
for _, item in written():
    OURS.setdefault(item["kind"], dict(item))
EDITS: list[tuple[str, Any, str]] = [
    (
        "InferenceService",
        lambda o: o["spec"]["predictor"].update(canaryTrafficPercent=50),
        "managed by Tidegate",
    ),
    (
        "InferenceService",
        lambda o: o["spec"]["predictor"]["model"].update(storageUri="s3://x/"),
        "managed by Tidegate",
    ),
    (
        "InferenceService",
        lambda o: o["metadata"]["annotations"].update(anything="new"),
        "labels and annotations",
    ),
    (
        "InferenceService",
        lambda o: o["metadata"]["labels"].update(anything="new"),
        "labels and annotations",
    ),
    (
        "InferenceService",
        lambda o: o["metadata"]["annotations"].pop(MODE),
        "labels and annotations",
    ),
    (
        "HTTPRoute",
        lambda o: o["spec"]["rules"][0]["backendRefs"][0].update(weight=7),
        "managed by Tidegate",
    ),
    (
        "HTTPRoute",
        lambda o: o["metadata"]["annotations"].pop("tidegate.dev/generation"),
        "labels and annotations",
    ),
    (
        "HTTPRoute",
        lambda o: o["metadata"]["annotations"].update({"tidegate.dev/store": "mine"}),
        "labels and ann",
    ),
    (
        "HTTPRoute",
        lambda o: o["metadata"]["labels"].pop("app.kubernetes.io/managed-by"),
        "labels and annotations",
    ),
    (
        "HTTPRoute",
        lambda o: o["metadata"].update(ownerReferences=[{"controller": True}]),
        "its owner",
    ),
    ("Service", lambda o: o["spec"].update(externalName="evil.example.com"), "managed by Tidegate"),
    ("ConfigMap", lambda o: o["data"].update(generation="99"), "managed by Tidegate"),
]


@pytest.mark.parametrize(("kind", "edit", "words"), EDITS)
def test_a_hand_edit_of_what_tidegate_manages_is_refused(kind: str, edit: Any, words: str) -> None:
    request = judge("protect-tidegate-objects")
    old = OURS[kind]
    new = deepcopy(OURS[kind])
    edit(new)
    assert words in (request(Write(new, old)) or "it was admitted")
    assert request(Write(new, old, user=WORKER)) is None
    assert request(Write(new, old, user=KSERVE)) is None
    assert request(Write(new, old, groups=("tidegate:break-glass",))) is None


@pytest.mark.parametrize("kind", sorted(OURS))
def test_nobody_else_makes_or_deletes_what_tidegate_manages_but_a_namespace_goes(kind: str) -> None:
    request = judge("protect-tidegate-objects")
    manifest = OURS[kind]
    assert "only Tidegate makes" in (request(Write(manifest)) or "it was admitted")
    assert "managed by Tidegate" in (request(Write(None, manifest)) or "it was admitted")
    ending = {**TENANT, "status": {"phase": "Terminating"}}
    assert request(Write(None, manifest, namespace=ending)) is None, (
        "whatever the name of who empties it"
    )
    for controller in ("generic-garbage-collector", "namespace-controller"):
        assert (
            request(Write(None, manifest, user=f"system:serviceaccount:kube-system:{controller}"))
            is None
        )


def test_marks_of_others_and_children_of_kserve_are_left_alone() -> None:
    request = judge("protect-tidegate-objects")
    old = OURS["HTTPRoute"]
    new = deepcopy(old)
    new["metadata"]["labels"]["team"] = "blue"
    new["metadata"]["finalizers"] = ["backup"]
    assert request(Write(new, old)) is None
    child = {
        **OURS["Service"],
        "metadata": {**OURS["Service"]["metadata"], "ownerReferences": [{"controller": True}]},
    }
    assert request(Write(child)) is None
    assert request(Write(None, child)) is None
    assert request(Write(route(FINE))) is None, "what carries no mark of ours"
