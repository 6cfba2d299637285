"""KEDA's rules, one object for each; tests/cluster asks the real webhook about the same."""

from typing import Any

import pytest

from tidegate_local.played.keda import problem

QUEUE = {
    "type": "prometheus",
    "metadata": {"serverAddress": "http://p:9090", "query": "x", "threshold": "1"},
}
CPU = {"type": "cpu", "metricType": "Utilization", "metadata": {"value": "80"}}


def scaled(name: str = "fraud-r1-predictor", target: str = "", **spec: Any) -> dict[str, Any]:
    """As KServe makes it."""
    common = {
        "scaleTargetRef": {"name": target or name},
        "minReplicaCount": 1,
        "maxReplicaCount": 4,
    }
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": name},
        "spec": common | {"triggers": [QUEUE]} | spec,
    }


def autoscaler(target: str) -> dict[str, Any]:
    """An HPA as KServe makes it."""
    ref = {"apiVersion": "apps/v1", "kind": "Deployment", "name": target}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": target},
        "spec": {"scaleTargetRef": ref, "minReplicas": 1, "maxReplicas": 4},
    }


Case = tuple[dict[str, Any], tuple[dict[str, Any], ...], str]
LONG = f"{'n' * 39}-r1000-predictor"  # with `keda-hpa-` 64 characters
CASES: dict[str, Case] = {
    "no trigger": (scaled(triggers=[]), (), "no triggers defined in the ScaledObject/ScaledJob"),
    "one name twice": (
        scaled(triggers=[QUEUE | {"name": "a"}, QUEUE | {"name": "a"}]),
        (),
        'triggerName "a" is defined multiple times in the ScaledObject/ScaledJob, but it must be unique',
    ),
    "cached cpu": (
        scaled(triggers=[QUEUE, CPU | {"useCachedMetrics": True}]),
        (),
        'property "useCachedMetrics" is not supported for "cpu" scaler',
    ),
    "long name": (
        scaled(LONG),
        (),
        f'HPA name "keda-hpa-{LONG}" derived from scaledobject is 64 characters long; must be no more than 63',
    ),
    "least above most": (
        scaled(minReplicaCount=5),
        (),
        "MinReplicaCount=5 must be less than MaxReplicaCount=4",
    ),
    "idle at least": (
        scaled(idleReplicaCount=1),
        (),
        "IdleReplicaCount=1 must be less than MinReplicaCount=1",
    ),
    "its workload has one": (
        scaled("other", target="fraud-r1-predictor"),
        (scaled(),),
        "the workload 'fraud-r1-predictor' of type 'apps/v1.Deployment' is already managed by the "
        "ScaledObject "
        "'fraud-r1-predictor'",
    ),
    "its workload has an HPA": (
        scaled(),
        (autoscaler("fraud-r1-predictor"),),
        "the workload 'fraud-r1-predictor' of type 'apps/v1.Deployment' is already managed by the "
        "hpa "
        "'fraud-r1-predictor'",
    ),
}


@pytest.mark.parametrize(("candidate", "there", "sentence"), CASES.values(), ids=CASES)
def test_refused(
    candidate: dict[str, Any], there: tuple[dict[str, Any], ...], sentence: str
) -> None:
    others = [item for item in there if item["kind"] == "ScaledObject"]
    autoscalers = [item for item in there if item["kind"] == "HorizontalPodAutoscaler"]
    assert sentence in (problem(candidate, others, autoscalers) or "")


def test_cpu_alone_never_reaches_zero() -> None:
    assert problem(scaled(triggers=[CPU], minReplicaCount=0)) == (
        "scaledobject has only cpu/memory triggers AND minReplica is 0"
    )


def test_what_kserve_makes_is_admitted() -> None:
    longest = f"{'n' * 39}-r999-predictor"
    assert (
        problem(scaled(longest), [scaled("fraud-r2-predictor")], [autoscaler("fraud-r2-predictor")])
        is None
    )
