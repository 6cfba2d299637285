"""What an adopted InferenceService would lend to later revisions, whose model is the editor's and
not its owner's."""

from dataclasses import replace
from typing import Any

import pytest

from tests.core.test_adopting import KNATIVE, seen
from tests.core.values import KEY
from tidegate.core.adopting import Found, survey
from tidegate.core.allowed import EVERYTHING, Allowed
from tidegate.core.intent import Mode
from tidegate.core.lending import check_lent

STORAGE = "serving.kserve.io/storageSecretName"
TOKEN = {"name": "T", "valueFrom": {"secretKeyRef": {"name": "token", "key": "t"}}}
LENT = {
    "/metadata/annotations/serving.kserve.io~1storageSecretName": "s3-owner",
    "/spec/predictor/annotations/serving.kserve.io~1storageSecretName": "s3-pods",
    "/spec/predictor/serviceAccountName": "deployer",
    "/spec/predictor/imagePullSecrets/0": "pull",
    "/spec/predictor/nodeSelector/pool": "pool=gold",
    "/spec/predictor/tolerations/0": "every key",
    "/spec/predictor/model/env/0/valueFrom/secretKeyRef": "token",
    "/spec/predictor/model/envFrom/0/secretRef": "many",
    "/spec/predictor/volumes/0/secret": "files",
    "/spec/predictor/volumes/1/projected/sources/0/secret": "projected",
}


def theirs(live: Any) -> None:
    live["metadata"]["annotations"] = KNATIVE | {STORAGE: "s3-owner"}
    live["spec"]["predictor"] |= {
        "annotations": {STORAGE: "s3-pods"},
        "serviceAccountName": "deployer",
        "imagePullSecrets": [{"name": "pull"}],
        "nodeSelector": {"pool": "gold"},
        "tolerations": [{"operator": "Exists"}],
        "volumes": [
            {"name": "a", "secret": {"secretName": "files"}},
            {"name": "b", "projected": {"sources": [{"secret": {"name": "projected"}}]}},
        ],
    }
    live["spec"]["predictor"]["model"] |= {
        "env": [TOKEN],
        "envFrom": [{"secretRef": {"name": "many"}}],
    }


@pytest.fixture
def found() -> Found:
    made = survey(seen(theirs), KEY)
    assert isinstance(made, Found)
    return made


def test_everything_of_its_owner_is_judged_by_the_list(found: Found) -> None:
    problems = {problem.field: problem.sentence for problem in check_lent(KEY, found, Allowed())}
    assert problems.keys() == LENT.keys()
    for field, value in LENT.items():
        assert f"'{value}' is no " in problems[field]
        assert f"remove it from InferenceService {KEY}" in problems[field]
    assert check_lent(KEY, found, EVERYTHING) == ()
    some = Allowed(service_accounts=("deployer",), secrets=("*",), node_selectors=("pool",))
    assert [problem.field for problem in check_lent(KEY, found, some)] == [
        "/spec/predictor/tolerations/0"
    ]


def test_a_standard_one_lends_what_later_revisions_take_over(found: Found) -> None:
    problems = check_lent(KEY, replace(found, mode=Mode.STANDARD), Allowed())
    assert [problem.field for problem in problems] == [
        "/spec/predictor/serviceAccountName",
        "/metadata/annotations/serving.kserve.io~1storageSecretName",
        "/spec/predictor/annotations/serving.kserve.io~1storageSecretName",
        "/spec/predictor/nodeSelector/pool",
        "/spec/predictor/tolerations/0",
    ]
