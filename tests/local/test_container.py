"""The kubelet's half of a token: out of the Secret, into the arguments, and never into words."""

import base64
from typing import Any

import pytest

from tidegate.core.ports import Refused
from tidegate_local.played.api import SECRET
from tidegate_local.played.container import Container, Unmade, expanded, make
from tidegate_local.played.objects import Object, Objects

PLANTED = "planted=tok:en"
REFERENCE = {"name": "T", "valueFrom": {"secretKeyRef": {"name": "triton", "key": "token"}}}


def secret(value: str = "", key: str = "token") -> Object:
    value = value or base64.b64encode(PLANTED.encode()).decode()
    meta = {"name": "triton", "namespace": "team"}
    return {
        "apiVersion": SECRET.api_version,
        "kind": SECRET.kind,
        "metadata": meta,
        "data": {key: value},
    }


def made(*there: Object, **container: Any) -> Container | Unmade:
    pod = {"metadata": {"namespace": "team"}, "spec": {"containers": [container]}}
    result = {(o["metadata"]["namespace"], o["metadata"]["name"]): o for o in there}
    return make(pod, lambda namespace, name: result.get((namespace, name)))


def test_a_variable_out_of_a_secret_comes_into_the_arguments() -> None:
    container = made(
        secret(), env=[REFERENCE, {"name": "P", "value": "8"}], args=["--a=$(T)", "--p=$(P)"]
    )
    assert isinstance(container, Container)
    assert container.args == (f"--a={PLANTED}", "--p=8")
    assert PLANTED not in repr(container)


@pytest.mark.parametrize(
    ("text", "result"),
    [("$(A)-$(B)", "1-$(B)"), ("$$(A)", "$(A)"), ("$A $", "$A $"), ("$$$(A)", "$1")],
)
def test_references_are_kubernetes_own(text: str, result: str) -> None:
    assert expanded(text, {"A": "1"}) == result


def test_without_its_secret_or_its_key_it_does_not_start() -> None:
    assert made(env=[REFERENCE]) == Unmade('secret "triton" not found')
    assert made(secret(key="other"), env=[REFERENCE]) == Unmade(
        "couldn't find key token in Secret team/triton"
    )


def test_a_secret_is_an_object_like_others_and_a_bad_one_is_not_quoted() -> None:
    objects = Objects(lambda: 0.0)
    objects.apply(secret())
    assert objects.get(SECRET, "team", "triton") is not None
    refused = objects.apply(secret(PLANTED))
    assert isinstance(refused, Refused)
    assert PLANTED not in refused.detail
