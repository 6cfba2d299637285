"""A Knative revision without pods is up where the activator answers for it, and only there; and why
one failed."""

from typing import Any

import pytest

from tidegate.core.drivers.knative import KnativeDriver
from tidegate.core.drivers.pod_state import NOT_WARMED_UP
from tidegate.core.drivers.rendering import ENDPOINT, REVISION, Platform, labels
from tidegate.core.foreign_text import MESSAGE_LENGTH
from tidegate.core.intent import EndpointKey
from tidegate.core.ports import Snapshot

KEY = EndpointKey("team", "fraud")
NAME = "fraud-predictor-00001"


def revision(active: str, lowest: str) -> dict[str, Any]:
    conditions = [
        {"type": "Ready", "status": "True"},
        {"type": "Active", "status": active, "reason": "Queued"},
    ]
    meta = {
        "name": NAME,
        "namespace": KEY.namespace,
        "labels": {REVISION: "r1"},
        "annotations": {"autoscaling.knative.dev/min-scale": lowest},
    }
    return {
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Revision",
        "metadata": meta,
        "status": {"conditions": conditions},
    }


def isvc() -> dict[str, Any]:
    traffic = [{"revisionName": NAME, "percent": 100, "latestRevision": True}]
    return {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {
            "name": KEY.name,
            "namespace": KEY.namespace,
            "labels": labels(KEY),
            "uid": "1",
        },
        "spec": {"predictor": {"labels": {REVISION: "r1"}}},
        "status": {"components": {"predictor": {"traffic": traffic}}},
    }


def waiting_pod(reason: str) -> dict[str, Any]:
    state = {
        "name": "kserve-container",
        "state": {"waiting": {"reason": reason, "message": "no such model"}},
        "restartCount": 3,
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "p",
            "uid": "2",
            "labels": {ENDPOINT: "fraud", "serving.knative.dev/revision": NAME},
        },
        "status": {"containerStatuses": [state]},
    }


def up(*objects: dict[str, Any]) -> bool:
    return KnativeDriver(Platform("store")).read(KEY, {}, Snapshot(KEY, (isvc(), *objects))).up(1)


@pytest.mark.parametrize(
    ("active", "lowest", "answers"),
    [
        ("False", "0", True),  # at zero: the first request starts a pod
        ("Unknown", "0", True),  # on the way up: the request is held until the pod is ready
        (
            "Unknown",
            "1",
            False,
        ),  # its pods are gone, and nobody holds requests for one that never goes to zero
        ("True", "0", True),  # the pods are seen to go before it is seen to be inactive
        ("True", "1", False),
    ],
)
def test_a_revision_without_pods(active: str, lowest: str, *, answers: bool) -> None:
    assert up(revision(active, lowest)) is answers


def test_one_whose_pod_crashes_on_the_way_up_is_not_up() -> None:
    assert not up(revision("Unknown", "0"), waiting_pod("CrashLoopBackOff"))


def test_one_whose_pods_are_not_warmed_up_is_neither_up_nor_lost() -> None:
    cold = {"type": "Ready", "status": "False", "reason": NOT_WARMED_UP}
    there = {**waiting_pod(""), "status": {"conditions": [cold]}}
    seen = KnativeDriver(Platform("store")).read(
        KEY, {}, Snapshot(KEY, (isvc(), revision("True", "0"), there))
    )
    assert (seen.up(1), seen.not_warmed_up(1)) == (False, True)


def test_what_its_container_said_last_is_plain_and_bounded() -> None:
    """Knative copies a container's termination message into the condition of its revision."""
    message = "x" * 5000 + "\x1b[2J\u202e\nno such model"
    failed = revision("Unknown", "1")
    failed["status"]["conditions"][0] = {"type": "Ready", "status": "False", "message": message}
    seen = KnativeDriver(Platform("store")).read(KEY, {}, Snapshot(KEY, (isvc(), failed)))
    (live,) = seen.live
    assert live.trouble.failure is not None
    assert live.trouble.failure.endswith("x / no such model")
    assert len(live.trouble.failure) == MESSAGE_LENGTH
    assert live.trouble.failure.isprintable()
