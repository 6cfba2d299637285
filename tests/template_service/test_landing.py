"""A submission whose answer was an error: it is looked for by its id, and the message says whether
something runs; handed in again, it begins nothing twice."""

from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from tests.cli import answers
from tests.steps.standin import rollout
from tests.template_service import argo
from tests.template_service.conftest import CANARY, Make, Service, whoami
from tests.template_service.fake_kfp import FakeKfp
from tidegate.steps.arguments import parse

NAMED = {**CANARY, "endpoint": "team/fraud"}
Answer = Callable[[httpx2.Request], httpx2.Response]


def knowing(*run_ids: str, made_by: str = "") -> Answer:
    """A Tidegate whose endpoint team/fraud has rollouts of these runs."""

    def answer(request: httpx2.Request) -> httpx2.Response:
        path = request.url.path.removeprefix("/api/v1")
        if path == "/endpoints/team/fraud":
            spec = {"name": "fraud", "run_id": made_by or None}
            return httpx2.Response(200, json=answers.endpoint("fraud", namespace="team", spec=spec))
        if path == "/endpoints/team/fraud/rollouts":
            suffix = f".{request.url.params['submission_id']}"
            mine = [rollout(run_id=run) for run in run_ids if run.endswith(suffix)]
            return httpx2.Response(200, json={"items": mine, "next_page_token": None})
        return whoami(request)

    return answer


def away(request: httpx2.Request) -> httpx2.Response:
    if request.url.path.startswith("/api/v1/endpoints"):
        raise httpx2.ConnectError("connection refused")
    return whoami(request)


def submit(service: Service, **more: Any) -> Any:
    return service.submit(parameters={**NAMED, **more})


def test_every_submission_has_an_id_of_its_own_that_reaches_its_tasks(service: Service) -> None:
    submit(service)
    submit(service)
    sent = [run["runtime_config"]["parameters"]["submission_id"] for run in service.kfp.runs]
    assert len(set(sent)) == 2
    executors = service.kfp.runs[0]["pipeline_spec"]["pipeline_spec"]["deploymentSpec"]["executors"]
    values = {**service.kfp.received["run-0"], "run_id": "0b6f", "step": 1, "rollout_id": "x"}
    for executor in executors.values():
        words = argo.arguments(executor["container"], values)[3:]
        assert parse(words).run_id == f"0b6f.{sent[0]}"


@pytest.mark.parametrize("loses", ["listed", "silent"])
def test_a_run_that_kfp_lists_was_submitted_whatever_it_answered(make: Make, loses: str) -> None:
    kfp = FakeKfp(loses=loses)
    answer = submit(make(kfp))
    assert (answer.status_code, answer.json()["run_id"]) == (201, "run-0")
    assert len(kfp.runs) == 1


def test_a_run_that_kfp_does_not_list_is_found_in_tidegate(make: Make) -> None:
    kfp = FakeKfp(loses="unlisted")
    service = make(kfp, tokens=lambda request: knowing(_begun(kfp))(request))
    answer = submit(service)
    assert (answer.status_code, answer.json()["code"]) == (502, "submission-uncertain")
    detail = answer.json()["detail"]
    assert "answered 500" in detail
    assert "it runs all the same: it began, or acted on, rollout" in detail
    assert "of team/fraud (progressing): do not repeat it" in detail


def test_an_endpoint_that_it_made_is_found_too(make: Make) -> None:
    kfp = FakeKfp(loses="unlisted")
    service = make(kfp, tokens=lambda request: knowing(made_by=_begun(kfp))(request))
    detail = submit(service).json()["detail"]
    assert "it runs all the same: it made the endpoint team/fraud" in detail


def _begun(kfp: FakeKfp) -> str:
    """The id of the run that began and is not listed, as its tasks send it."""
    if not kfp.unlisted:
        return ""
    return f"0b6f.{kfp.unlisted[0]['runtime_config']['parameters']['submission_id']}"


def test_where_nothing_is_found_the_way_to_repeat_it_is_named(make: Make) -> None:
    kfp = FakeKfp(loses="unlisted")
    detail = submit(make(kfp, tokens=knowing("0b6f.other"))).json()["detail"]
    (begun,) = kfp.unlisted
    submission = begun["runtime_config"]["parameters"]["submission_id"]
    assert "nothing of it has reached Tidegate in 0 s, but it may come yet" in detail
    assert f"repeat it with submission_id={submission}, which looks for it first" in detail


def test_where_tidegate_is_away_nobody_knows_and_that_is_said(make: Make) -> None:
    answer = submit(make(FakeKfp(loses="unlisted"), tokens=away))
    assert "whether it runs is not known, for Tidegate cannot be asked" in answer.json()["detail"]


def test_a_user_of_the_proxy_is_told_that_nobody_looked(make: Make) -> None:
    service = make(FakeKfp(loses="unlisted"), peer="10.1.2.3", trusted_proxies="10.1.0.0/16")
    body = {"parameters": NAMED}
    headers = {"kubeflow-userid": "anna"}
    answer = service.call(
        "POST", "/templates/rollout-canary/runs", body, token=None, headers=headers
    )
    assert answer.json()["code"] == "submission-uncertain"
    assert "a user of the proxy has no token for it" in answer.json()["detail"]


def test_a_submission_that_is_handed_in_again_is_the_run_that_kfp_lists(make: Make) -> None:
    service = make(tokens=knowing())
    first = submit(service, submission_id="mine")
    again = submit(service, submission_id="mine")
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json()["run_id"] == first.json()["run_id"]
    assert len(service.kfp.runs) == 1
    assert submit(service, submission_id="other").json()["run_id"] != first.json()["run_id"]


def test_a_submission_that_acted_in_tidegate_is_not_repeated(make: Make) -> None:
    service = make(tokens=knowing("0b6f.mine"))
    answer = submit(service, submission_id="mine")
    assert (answer.status_code, answer.json()["code"]) == (409, "already-submitted")
    assert "submission mine runs already: it began, or acted on" in answer.json()["detail"]
    assert service.kfp.runs == []


def test_a_submission_that_cannot_be_looked_for_is_not_repeated(make: Make) -> None:
    service = make(tokens=away)
    answer = submit(service, submission_id="mine")
    assert (answer.status_code, answer.json()["code"]) == (409, "already-submitted")
    assert "nothing was submitted; repeat later" in answer.json()["detail"]
    assert service.kfp.runs == []


def test_what_never_left_this_side_is_not_looked_for(make: Make) -> None:
    answer = submit(make(FakeKfp(down=True), tokens=away))
    assert (answer.status_code, answer.json()["code"]) == (503, "kfp-unreachable")
