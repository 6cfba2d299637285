"""Which InferenceServices of others an endpoint can begin with."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.core.values import KEY
from tidegate.core.adopting import Found, survey
from tidegate.core.errors import Problem
from tidegate.core.intent import Adopted, Mode, Protocol, Restriction, Scaling
from tidegate.core.ports import Snapshot
from tidegate.core.triton import restriction

THEIRS: dict[str, Any] = {
    "apiVersion": "serving.kserve.io/v1beta1",
    "kind": "InferenceService",
    "metadata": {
        "name": KEY.name,
        "namespace": KEY.namespace,
        "uid": "u-1",
        "annotations": {"serving.kserve.io/deploymentMode": "RawDeployment"},
    },
    "spec": {
        "predictor": {
            "minReplicas": 2,
            "maxReplicas": 5,
            "model": {
                "modelFormat": {"name": "triton"},
                "protocolVersion": "v2",
                "runtimeVersion": "24.08-py3",
                "storageUri": "s3://models/fraud",
                "resources": {"limits": {"nvidia.com/gpu": "1"}},
            },
        }
    },
    "status": {"conditions": [{"type": "Ready", "status": "True"}], "url": "http://fraud.example"},
}


def seen(change: Any = lambda live: None) -> Snapshot:
    live = deepcopy(THEIRS)
    change(live)
    return Snapshot(KEY, (live,))


def test_one_that_serves_is_found_as_it_is() -> None:
    existing = survey(seen(), KEY)
    assert isinstance(existing, Found)
    assert (existing.mode, existing.scaling, existing.url) == (
        Mode.STANDARD,
        Scaling(2, 5),
        "http://fraud.example",
    )
    assert existing.adopted == Adopted("u-1", THEIRS["spec"]["predictor"])
    assert (existing.runtime.version, existing.runtime.gpu, existing.runtime.protocol) == (
        "24.08-py3",
        1,
        Protocol.V2,
    )
    assert existing.model.uri == "s3://models/fraud"
    assert existing.model.mutable, "nobody promised that its bytes stay"


def test_the_mode_is_kserves_own_word_where_no_annotation_says_it() -> None:
    def unsaid(live: Any) -> None:
        live["metadata"]["annotations"] = {}
        live["status"]["deploymentMode"] = "Serverless"

    existing = survey(seen(unsaid), KEY)
    assert isinstance(existing, Found)
    assert existing.mode is Mode.KNATIVE


def test_the_runtime_is_the_one_that_kserve_chose_where_its_owner_named_none() -> None:
    existing = survey(
        seen(lambda live: live["status"].update(clusterServingRuntimeName="triton-gpu")), KEY
    )
    assert isinstance(existing, Found)
    assert existing.runtime.name == "triton-gpu"
    existing = survey(seen(model(runtime="ours")), KEY)
    assert isinstance(existing, Found)
    assert existing.runtime.name == "ours"


def unready(model_status: Any = None, **values: str) -> Any:
    """As KServe says it: a message by condition."""
    conditions = [
        {"type": kind, "status": "False", "message": message} for kind, message in values.items()
    ]
    return lambda live: live["status"].update(conditions=conditions, modelStatus=model_status or {})


NO_RUNTIME = {
    "lastFailureInfo": {
        "message": "Waiting for runtime to become available",
        "reason": "RuntimeNotRecognized",
    }
}


def predictor(**changes: Any) -> Any:
    return lambda live: live["spec"]["predictor"].update(changes)


def model(**changes: Any) -> Any:
    return lambda live: live["spec"]["predictor"]["model"].update(changes)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda live: live["metadata"].update(labels={"tidegate.dev/endpoint": "fraud"}),
            "Tidegate's already",
        ),
        (
            lambda live: live["metadata"].update(deletionTimestamp="2026-01-01T00:00:00Z"),
            "is being deleted",
        ),
        (lambda live: live["metadata"].update(annotations={}), "deploymentMode None"),
        (lambda live: live["spec"].update(transformer={"containers": []}), "has spec.transformer,"),
        (lambda live: live["status"].update(conditions=[]), "is not ready (no word of KServe yet)"),
        (
            unready(Ready="No HTTPRoute", PredictorReady="No minimum availability"),
            "(No minimum availability)",
        ),
        (unready(NO_RUNTIME, Ready=""), "(Waiting for runtime to become available)"),
        (predictor(canaryTrafficPercent=20), "has spec.predictor.canaryTrafficPercent (20 %)"),
        (predictor(model=None), "no spec.predictor.model"),
        (
            model(modelFormat={"name": "sklearn"}),
            "has spec.predictor.model.modelFormat.name 'sklearn'",
        ),
        (model(storageUri=""), "no spec.predictor.model.storageUri"),
        (model(protocolVersion="v1"), "protocolVersion 'v1'"),
    ],
)
def test_what_cannot_be_adopted_is_told_why(change: Any, message: str) -> None:
    problems = survey(seen(change), KEY)
    assert not isinstance(problems, Found)
    (problem,) = problems
    assert message in problem.sentence


KNATIVE = {"serving.kserve.io/deploymentMode": "Knative"}
TCP = {"tcpSocket": {"port": 8080}, "periodSeconds": 5}
HTTP = {"httpGet": {"path": "/v2/health/ready", "port": 8080}, "periodSeconds": 5}


def knative(**changes: Any) -> Any:
    """The same in Knative mode, where a revision of ours is written over it."""

    def change(live: Any) -> None:
        live["metadata"]["annotations"] = KNATIVE
        model(**changes)(live)

    return change


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ports": [{"containerPort": 9000, "name": "h2c"}]}, "for v2 that is 8080"),
        (
            {"ports": [{"containerPort": 8080}], "protocolVersion": "grpc-v2"},
            "for grpc-v2 that is 9000",
        ),
        ({"readinessProbe": TCP}, "readinessProbe.tcpSocket"),
        ({"readinessProbe": HTTP, "protocolVersion": "grpc-v2"}, "asked by grpc"),
        ({"volumeMounts": [{"name": "cache", "mountPath": "/cache"}]}, "volumeMounts at /cache"),
    ],
)
def test_in_knative_mode_nothing_may_stay_that_a_revision_of_ours_cannot_stand_beside(
    changes: Any, message: str
) -> None:
    problems = survey(seen(knative(**changes)), KEY)
    assert not isinstance(problems, Found)
    (problem,) = problems
    assert message in problem.sentence


def test_in_standard_mode_ports_and_probes_of_ours_are_in_an_object_of_its_own() -> None:
    for changes in ({"ports": [{"containerPort": 9000, "name": "h2c"}]}, {"readinessProbe": TCP}):
        assert isinstance(survey(seen(model(**changes)), KEY), Found)


def test_in_knative_mode_no_limit_of_replicas_is_not_taken_for_one() -> None:
    def unlimited(live: Any) -> None:
        knative()(live)
        del live["spec"]["predictor"]["maxReplicas"]

    problems = survey(seen(unlimited), KEY)
    assert not isinstance(problems, Found)
    (problem,) = problems
    assert "has no spec.predictor.maxReplicas" in problem.sentence


def test_what_ours_replace_key_by_key_may_be_there() -> None:
    shm = [{"name": "dshm", "mountPath": "/dev/shm"}]
    http = knative(ports=[{"containerPort": 8080}], readinessProbe=HTTP, volumeMounts=shm)
    grpc = knative(
        protocolVersion="grpc-v2",
        ports=[{"containerPort": 9000}],
        readinessProbe={"grpc": {"port": 9000}},
    )
    assert isinstance(survey(seen(http), KEY), Found)
    assert isinstance(survey(seen(grpc), KEY), Found)


def test_everything_wrong_is_told_at_once() -> None:
    def both(live: Any) -> None:
        model(protocolVersion="v1", storageUri="")(live)

    problems = survey(seen(both), KEY)
    assert not isinstance(problems, Found)
    assert len(problems) == 2


def test_nothing_there() -> None:
    problems = survey(Snapshot(KEY, ()), KEY)
    assert not isinstance(problems, Found)
    assert "there is no InferenceService" in problems[0].sentence


def restricting(*args: str, secret: bool = True) -> Found | tuple[Problem, ...]:
    """What is thought of one whose owner gave it these arguments."""

    def change(live: Any) -> None:
        if secret:
            reference = {"valueFrom": {"secretKeyRef": {"name": "triton", "key": "token"}}}
        else:
            reference = {"value": "x"}
        live["spec"]["predictor"]["model"] |= {
            "args": list(args),
            "env": [{"name": "TOKEN", **reference}],
        }

    return survey(seen(change), KEY)


HTTP, GRPC = (f"{flag}trace,statistics:triton-access-token=$(TOKEN)" for flag in restriction.FLAGS)


def test_what_it_restricts_in_our_form_goes_on_being_restricted() -> None:
    existing = restricting("--exit-timeout-secs=60", HTTP, GRPC)
    assert isinstance(existing, Found)
    assert existing.runtime.security == Restriction(("statistics", "trace"), "triton", "token")


@pytest.mark.parametrize(
    "args",
    [
        (),
        (HTTP,),
        (HTTP, HTTP),
        (HTTP, GRPC.replace("trace,", "")),
        (HTTP, GRPC, "--http-restricted-api=logging:admin=$(TOKEN)"),
        (HTTP, GRPC.replace("$(TOKEN)", "written-here")),
        (HTTP.replace("$(TOKEN)", "written-here"), GRPC.replace("$(TOKEN)", "written-here")),
    ],
)
@pytest.mark.parametrize("secret", [True, False])
def test_another_form_is_not_guessed_but_refused_without_its_secret(
    args: tuple[str, ...], secret: bool
) -> None:
    problems = restricting(*args, secret=secret)
    assert not isinstance(problems, Found)
    details = " ".join(problem.sentence for problem in problems)
    assert "spec.predictor.model.env 'TOKEN'" in details
    assert ("docs/access-restriction.md" in details) is bool(args)
    assert "written-here" not in details


def test_the_example_is_in_our_form() -> None:
    file = Path(__file__).parents[2] / "examples" / "kserve" / "inferenceservice-triton.yaml"
    model = yaml.safe_load(file.read_text())["spec"]["predictor"]["model"]
    assert restriction.written(model) == Restriction(restriction.USUAL, "triton-token-1", "token")
