"""The service as people use it: look, render, submit, watch, upload; and what it says when KFP says
no."""

import json

import pytest
import yaml

from tests.template_service.conftest import CANARY, Make, Service
from tests.template_service.fake_kfp import FakeKfp


def test_the_catalog_is_listed_and_shown(service: Service) -> None:
    listed = service.call("GET", "/templates").json()
    assert [item["name"] for item in listed["items"]][:2] == ["rollout-canary", "rollout-ab"]
    assert listed["image"] == "tidegate/tidegate:0.1.0"
    view = service.call("GET", "/templates/rollout-canary").json()
    percents = next(
        parameter for parameter in view["parameters"] if parameter["name"] == "percents"
    )
    assert (percents["type"], percents["default"], percents["rising"]) == (
        "LIST",
        [1, 5, 10, 25, 50],
        True,
    )


def test_a_template_is_downloaded_as_it_was_compiled(service: Service) -> None:
    answer = service.call("GET", "/templates/rollout-undo/download")
    assert answer.headers["content-disposition"] == 'attachment; filename="rollout-undo.yaml"'
    assert answer.text.startswith("# PIPELINE DEFINITION\n# Name: rollout-undo")


def test_a_template_is_rendered(service: Service) -> None:
    answer = service.call(
        "POST", "/templates/rollout-canary/render", {"parameters": {**CANARY, "alpha": 0.05}}
    ).json()
    assert answer["parameters"]["alpha"] == 0.05
    assert answer["parameters"]["bake_seconds"] == 60.0
    spec, _ = yaml.safe_load_all(answer["yaml"])
    assert spec["root"]["inputDefinitions"]["parameters"]["alpha"]["defaultValue"] == 0.05


def test_every_mistake_is_a_problem_of_its_own(service: Service) -> None:
    answer = service.call(
        "POST", "/templates/rollout-canary/render", {"parameters": {"percents": [9, 1], "x": 1}}
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
    assert {error["pointer"] for error in answer.json()["errors"]} == {
        "percents",
        "x",
        "endpoint",
        "model_version",
    }


def test_an_unknown_template_is_named(service: Service) -> None:
    answer = service.call("POST", "/templates/rollout-canari/runs", {"parameters": {}})
    assert answer.status_code == 404
    assert "use one of rollout-canary" in answer.json()["detail"]


def test_a_run_is_submitted_with_both_documents_and_every_parameter(service: Service) -> None:
    answer = service.submit(name="weekly")
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert (made["state"], made["template"], made["version"], made["author"]) == (
        "PENDING",
        "rollout-canary",
        "1.0.0",
        "root",
    )
    (run,) = service.kfp.runs
    assert set(run["pipeline_spec"]) == {"pipeline_spec", "platform_spec"}
    assert run["runtime_config"]["parameters"]["percents"] == [1, 5, 10, 25, 50]
    assert run["runtime_config"]["parameters"]["endpoint"] == "demo-triton"
    assert [experiment["display_name"] for experiment in service.kfp.experiments] == ["tidegate"]
    service.submit()
    assert len(service.kfp.experiments) == 1, "the experiment is made once"
    assert service.kfp.runs[1]["display_name"] == "rollout-canary demo-triton 2"


def test_nothing_is_submitted_where_a_value_does_not_fit(service: Service) -> None:
    assert service.submit(parameters={**CANARY, "percents": [50, 5]}).status_code == 422
    assert service.submit(image="tidegate:latest").status_code == 422
    assert service.kfp.seen == []


def test_only_runs_of_ours_are_listed_newest_first(service: Service) -> None:
    ids = [service.submit().json()["run_id"] for _ in range(5)]
    service.kfp.runs.insert(
        2, {**service.kfp.runs[0], "run_id": "theirs", "description": "by hand"}
    )
    listed = service.call("GET", "/runs").json()["items"]
    assert [item["run_id"] for item in listed] == ids[::-1]
    assert len(service.call("GET", "/runs?limit=2").json()["items"]) == 2
    assert service.call("GET", "/runs/theirs").status_code == 404


def test_no_experiment_yet_is_an_empty_list(service: Service) -> None:
    assert service.call("GET", "/runs").json() == {"items": []}
    assert service.kfp.experiments == [], "reading makes nothing"


def test_a_run_is_watched_to_its_end(service: Service) -> None:
    run_id = service.submit().json()["run_id"]
    states = []
    with service.client.stream(
        "GET", f"/api/v1/runs/{run_id}/events", headers={"Authorization": "Bearer root"}
    ) as response:
        moves = iter(
            [("RUNNING", ("preflight", "SUCCEEDED")), ("SUCCEEDED", ("finish", "SUCCEEDED"))]
        )
        service.kfp.becomes(run_id, *next(moves))
        for line in response.iter_lines():
            if line.startswith("data: "):
                states.append(json.loads(line.removeprefix("data: "))["state"])
                move = next(moves, None)
                if move:
                    service.kfp.becomes(run_id, *move)
    assert states[-1] == "SUCCEEDED"
    assert len(states) == len(set(states)), "a run that did not change is not told again"


def test_the_catalog_is_uploaded_once(service: Service) -> None:
    first = service.call("POST", "/uploads", {}).json()["items"]
    assert [item["created"] for item in first] == [True] * 7
    again = service.call("POST", "/uploads", {}).json()["items"]
    assert again == [{**item, "created": False} for item in first]
    assert {pipeline["name"] for pipeline in service.kfp.pipelines} == {
        item["name"] for item in first
    }
    assert len(service.kfp.versions) == 7


def test_another_image_is_another_version(service: Service) -> None:
    service.call("POST", "/uploads", {})
    other = service.call(
        "POST", "/uploads", {"image": "registry.example.com/tidegate:0.2.0"}
    ).json()["items"]
    assert all(item["created"] for item in other)
    assert (len(service.kfp.pipelines), len(service.kfp.versions)) == (7, 14)
    spec = service.kfp.versions[-1]["pipeline_spec"]
    images = {
        executor["container"]["image"] for executor in spec["deploymentSpec"]["executors"].values()
    }
    assert images == {"registry.example.com/tidegate:0.2.0"}


@pytest.mark.parametrize(
    ("status", "body", "expected", "code", "message"),
    [
        (401, {"message": "token expired"}, 502, "kfp-unauthorized", "token expired"),
        (
            500,
            {
                "message": "Internal error: Unauthenticated: Request header error: there is no "
                "user identity header."
            },
            502,
            "kfp-unauthorized",
            "audience pipelines.kubeflow.org",
        ),
        (
            403,
            {"message": "PermissionDenied: User 'x' is not authorized"},
            403,
            "kfp-forbidden",
            "needs a Role",
        ),
        (400, {"message": "InvalidInputError: parameter x"}, 422, "kfp-refused", "parameter x"),
        (502, "<html>Bad Gateway</html>", 502, "kfp-failed", "Bad Gateway"),
        (200, "<html>Sign in</html>", 502, "kfp-failed", "does not answer as KFP does"),
        (302, "", 502, "kfp-failed", "answered 302"),
    ],
)
def test_what_kfp_says_is_handed_on_with_a_way_out(
    make: Make, status: int, body: object, expected: int, code: str, message: str
) -> None:
    import httpx2

    text = body
    if not isinstance(body, str):
        text = json.dumps(body)
    kfp = FakeKfp()
    kfp.handle = lambda request: httpx2.Response(status, text=text)  # type: ignore[method-assign]
    answer = make(kfp).submit()
    assert (answer.status_code, answer.json()["code"]) == (expected, code)
    assert message in answer.json()["detail"]
    assert "http://kfp" in answer.json()["detail"]


def test_a_kfp_that_is_away_is_named(make: Make) -> None:
    answer = make(FakeKfp(down=True)).submit()
    assert (answer.status_code, answer.json()["code"]) == (503, "kfp-unreachable")
    assert "KFP at http://kfp does not answer (connection refused)" in answer.json()["detail"]


def test_without_a_kfp_templates_are_still_served(make: Make) -> None:
    service = make(kfp_url="")
    assert (
        service.call("POST", "/templates/rollout-canary/render", {"parameters": CANARY}).status_code
        == 200
    )
    answer = service.submit()
    assert (answer.status_code, answer.json()["code"]) == (503, "no-kfp")
    assert service.client.get("/readyz").status_code == 200
