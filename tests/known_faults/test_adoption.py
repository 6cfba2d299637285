"""What adoption takes without a word, and the first rollout after it does not render."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.core.values import KEY
from tidegate.core.adopting import survey
from tidegate.core.errors import Problem
from tidegate.core.ports import Snapshot

URI = "s3://models/fraud"


def adopted(model: Mapping[str, Any], predictor: Mapping[str, Any], **spec: Any) -> tuple[Problem, ...]:
    """What stands in the way of adopting an InferenceService of Standard mode with these fields."""
    named = {"modelFormat": {"name": "triton"}, **({} if "storage" in model else {"storageUri": URI})}
    live = {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {
            "name": KEY.name,
            "namespace": KEY.namespace,
            "uid": "u-1",
            "annotations": {"serving.kserve.io/deploymentMode": "Standard"},
        },
        "spec": {"predictor": {"model": {**named, **model}, **predictor}, **spec},
        "status": {"conditions": [{"type": "Ready", "status": "True"}]},
    }
    answer = survey(Snapshot(KEY, (live,)), KEY)
    return answer if isinstance(answer, tuple) else ()


def text(problems: tuple[Problem, ...]) -> str:
    """All of them, as people read them."""
    return "; ".join(problem.detail for problem in problems)


@pytest.mark.xfail(
    strict=True,
    raises=AssertionError,
    reason="the first revision after an adoption loses what its owner set on the pods, unsaid",
)
@pytest.mark.parametrize(
    ("predictor", "named"),
    [
        ({"serviceAccountName": "s3-reader"}, "spec.predictor.serviceAccountName"),
        ({"nodeSelector": {"gpu": "a100"}}, "spec.predictor.nodeSelector"),
        ({"tolerations": [{"key": "gpu", "operator": "Exists"}]}, "spec.predictor.tolerations"),
        ({"workerSpec": {"pipelineParallelSize": 2}}, "spec.predictor.workerSpec"),
        ({"containers": [{"name": "proxy", "image": "proxy:1"}]}, "spec.predictor.containers"),
        ({"initContainers": [{"name": "fetch", "image": "fetch:1"}]}, "spec.predictor.initContainers"),
        ({"logger": {"mode": "all", "url": "http://sink"}}, "spec.predictor.logger"),
    ],
)
def test_a_field_of_the_pods_that_would_be_lost_is_refused(predictor: dict[str, Any], named: str) -> None:
    assert named in text(adopted({}, predictor))


@pytest.mark.xfail(
    strict=True,
    raises=AssertionError,
    reason="the first revision after an adoption loses what its owner set on the container, unsaid",
)
@pytest.mark.parametrize(
    ("model", "named"),
    [
        ({"env": [{"name": "OMP_NUM_THREADS", "value": "1"}]}, "spec.predictor.model.env"),
        ({"args": ["--log-verbose=1"]}, "spec.predictor.model.args"),
        ({"image": "registry.example/triton:patched"}, "spec.predictor.model.image"),
        ({"resources": {"limits": {"cpu": "4"}}}, "spec.predictor.model.resources"),
        ({"resources": {"limits": {"amd.com/gpu": "1"}}}, "amd.com/gpu"),
    ],
)
def test_a_field_of_the_container_that_would_be_lost_is_refused(model: dict[str, Any], named: str) -> None:
    assert named in text(adopted(model, {}))


@pytest.mark.xfail(strict=True, raises=AssertionError, reason="a canary of KServe's own `spec.canary` is not seen")
def test_a_canary_of_kserve_s_own_is_refused() -> None:
    second = {"modelFormat": {"name": "triton"}, "storageUri": "s3://models/fraud-2"}
    canary = [{"trafficPercent": 10, "predictor": {"name": "v2", "model": second}}]
    assert "is in a canary of its own" in text(adopted({}, {}, canary=canary))


@pytest.mark.xfail(
    strict=True,
    raises=AssertionError,
    reason="a model named by storage.key is refused without the fields that would name it",
)
def test_who_names_the_model_by_a_storage_key_is_told_what_to_write() -> None:
    problems = text(adopted({"storage": {"key": "connection", "path": "models/fraud"}}, {}))
    assert "storage.key" in problems
    assert "serving.kserve.io/storageSecretName" in problems
    assert "s3://<bucket>/models/fraud" in problems


@pytest.mark.xfail(
    strict=True,
    raises=ValueError,
    reason="a count of GPUs that Kubernetes allows ends the survey with an exception",
)
@pytest.mark.parametrize("count", ["1.0", "1k"])
def test_every_count_of_gpus_that_kubernetes_allows_is_read(count: str) -> None:
    assert not text(adopted({"resources": {"limits": {"nvidia.com/gpu": count}}}, {}))
