"""The rules that are held against every tick find what they are for. No cluster is needed here."""

from dataclasses import replace
from typing import Any

import pytest

from tests.cluster.faults.rules import wrong
from tests.cluster.faults.ticks import Tick
from tidegate.core.intent import CandidateTraffic, EndpointKey, Intent, Mode

KEY = EndpointKey("team", "fraud")
LABEL = "tidegate.dev/revision"


def intents(mode: Mode) -> dict[int, Intent]:
    """r1 serves, r2 is the candidate at 25 %, then it is aborted."""
    first = Intent(KEY, 1, mode, 1)
    rollout = replace(
        first, generation=2, candidate=2, candidate_traffic=CandidateTraffic(percent=25)
    )
    return {1: first, 2: rollout, 3: replace(first, generation=3)}


def life(*items: tuple[str, str, dict[str, Any]]) -> list[Tick]:
    return [Tick(at, kind, "team", name, item) for at, (kind, name, item) in enumerate(items, 1)]


def route(generation: int, **weights: int) -> tuple[str, str, dict[str, Any]]:
    refs = [
        {"name": f"fraud-{label}-predictor", "weight": weight} for label, weight in weights.items()
    ]
    stamped = {"annotations": {"tidegate.dev/generation": str(generation)}}
    return "HTTPRoute", "fraud", {"metadata": stamped, "spec": {"rules": [{"backendRefs": refs}]}}


def pods(revision: int, available: int = 1) -> tuple[str, str, dict[str, Any]]:
    return (
        "Deployment",
        f"fraud-r{revision}-predictor",
        {"status": {"availableReplicas": available}},
    )


def note(generation: int) -> tuple[str, str, dict[str, Any]]:
    return "ConfigMap", "fraud-tidegate", {"data": {"generation": str(generation)}}


def service(revision: int, percent: int | None) -> tuple[str, str, dict[str, Any]]:
    share = {}
    if percent is not None:
        share = {"canaryTrafficPercent": percent}
    return (
        "InferenceService",
        "fraud",
        {"spec": {"predictor": {"labels": {LABEL: f"r{revision}"}, **share}}},
    )


def knative(revision: int) -> tuple[str, str, dict[str, Any]]:
    return "Revision", f"k{revision}", {"metadata": {"labels": {LABEL: f"r{revision}"}}}


def splits(*hosts: str, **shares: int) -> tuple[str, str, dict[str, Any]]:
    results = [{"serviceName": name, "percent": share} for name, share in shares.items()]
    return (
        "Ingress",
        "fraud-predictor",
        {"spec": {"rules": [{"hosts": hosts, "http": {"paths": [{"splits": results}]}}]}},
    )


STANDARD = {
    "as it should be": (
        [route(1, r1=100), pods(2), route(2, r1=75, r2=25), route(3, r1=100, r2=0)],
        "",
    ),
    "more than asked": (
        [route(1, r1=100), pods(2), route(2, r1=70, r2=30)],
        "r2 got 30 %, generation 2 gives it 25 %",
    ),
    "raised in an abort": (
        [route(2, r1=100), pods(2), route(3, r1=75, r2=25)],
        "r2 got 25 %, generation 3",
    ),
    "no pod": (
        [route(1, r1=100), pods(2, 0), route(2, r1=75, r2=25)],
        "r2 got 25 % without a ready pod",
    ),
    "not all": ([route(1, r1=99)], "do not sum to 100"),
    "back in time": ([route(2, r1=100), route(1, r1=100)], "generation fell from 2 to 1"),
}
KNATIVE = {
    "as it should be": (
        [note(1), service(1, None), note(2), service(2, 25), note(3), service(2, 0)],
        "",
    ),
    "naive abort": (
        [knative(1), knative(2), splits("fraud.test", k2=100)],
        "Knative gives r2 100 %",
    ),
    "a tag's host": ([knative(1), knative(2), splits("latest-fraud.test", k2=100)], ""),
    "the bad head is let loose": (
        [note(1), service(1, None), note(3), service(2, 10)],
        "r2 was written at 10 %",
    ),
    "not noted": ([service(1, None)], "before its generation was noted"),
    "who is that": ([splits("fraud.test", k9=100)], "Knative gives r0 100 %"),
}


@pytest.mark.parametrize(
    ("mode", "items", "message"),
    [
        pytest.param(mode, *case, id=f"{mode}: {name}")
        for mode, cases in ((Mode.STANDARD, STANDARD), (Mode.KNATIVE, KNATIVE))
        for name, case in cases.items()
    ],
)
def test_a_breach_is_found(mode: Mode, items: list[Any], message: str) -> None:
    results = wrong(KEY, life(*items), intents(mode))
    assert [line for line in results if message in line] if message else results == []
