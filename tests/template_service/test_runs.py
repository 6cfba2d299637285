"""A run reads as its template, whatever nodes KFP and Argo make of it; one that failed says why."""

import random
from typing import Any

import pytest

from tests.template_service.conftest import Make, Service
from tests.template_service.fake_kfp import FakeKfp
from tests.template_service.fake_workflow import Outcome

CANARY = [
    "Preflight",
    "Start or attach",
    "Smoke test",
    *(f"Traffic step {step} of 5" for step in range(1, 6)),
    "Approval",
    "Promotion",
]
NODES = ["preflight", "start", "smoke", "reach", "reach-2", "reach-3", "reach-4", "reach-5"]
ROLLED_BACK = "r1 serves, r2 was rolled back (aborted): errors 20 %"
LOG = f"12:00:01  step 2 of 5: 5 %\n✗ an earlier try\n✗ {ROLLED_BACK}\nF1201 exit status 1\n"
DEFAULTS = pytest.mark.parametrize("defaults", [True, False])


def succeeded(*names: str) -> list[tuple[str, str]]:
    return [(name, "SUCCEEDED") for name in names]


def seen(service: Service, state: str, *tasks: Any, **more: Any) -> Any:
    run_id = service.submit().json()["run_id"]
    service.kfp.becomes(run_id, state, *tasks, **more)
    return service.call("GET", f"/runs/{run_id}").json()


def states(view: Any) -> dict[str, str]:
    return {task["name"]: task["state"] for task in view["tasks"]}


@DEFAULTS
def test_a_run_has_the_tasks_of_its_dag_in_order_each_once(
    service: Service, defaults: bool
) -> None:
    view = seen(service, "SUCCEEDED", *succeeded(*NODES, "approval", "finish"), defaults=defaults)
    assert [task["name"] for task in view["tasks"]] == CANARY
    assert {task["state"] for task in view["tasks"]} == {"SUCCEEDED"}
    assert all(task["started_at"] and task["ended_at"] for task in view["tasks"])
    assert [task["node"] for task in view["tasks"]] == [*NODES, "approval", "finish"]
    details = service.kfp.runs[0]["run_details"]["task_details"]
    assert len(details) > 3 * len(CANARY), "KFP hands out drivers, executors and attempts, too"


@DEFAULTS
def test_the_order_of_kfps_answer_plays_no_part(service: Service, defaults: bool) -> None:
    run_id = service.submit().json()["run_id"]
    last = Outcome("reach-2", ("Error", "Error", "Running"))
    service.kfp.becomes(
        run_id, "RUNNING", *succeeded("preflight", "start", "smoke", "reach"), last,
        defaults=defaults,
    )  # fmt: skip
    first = service.call("GET", f"/runs/{run_id}").json()
    for seed in range(10):
        random.Random(seed).shuffle(service.kfp.runs[0]["run_details"]["task_details"])
        assert service.call("GET", f"/runs/{run_id}").json() == first


@DEFAULTS
def test_while_it_runs_what_is_to_come_is_pending(service: Service, defaults: bool) -> None:
    view = seen(
        service, "RUNNING", *succeeded("preflight"), ("start", "RUNNING"), defaults=defaults
    )
    assert list(states(view).values()) == ["SUCCEEDED", "RUNNING"] + ["PENDING"] * 8
    assert view["tasks"][1]["ended_at"] is None
    assert view["tasks"][2]["started_at"] is None
    assert (view["ended"], view["error"]) == (False, "")


@DEFAULTS
def test_what_never_ran_is_skipped(service: Service, defaults: bool) -> None:
    failed = Outcome("reach-2", ("Failed",), message="Error (exit code 1)", log=LOG)
    view = seen(service, "FAILED", *succeeded(*NODES[:4]), failed, defaults=defaults)
    assert list(states(view).values()) == ["SUCCEEDED"] * 4 + ["FAILED"] + ["SKIPPED"] * 5
    assert [task["started_at"] for task in view["tasks"][5:]] == [None] * 5
    assert view["error"] == f"Traffic step 2 of 5 failed: {ROLLED_BACK}"
    assert [task["error"] for task in view["tasks"] if task["error"]] == [ROLLED_BACK]


def test_a_task_has_its_last_attempt(service: Service) -> None:
    """KFP 2.17 repeats a dag, also one of a single task, after an error of the cluster."""
    again = Outcome("approval", ("Error", "Succeeded"))
    view = seen(service, "RUNNING", *succeeded(*NODES), again, ("finish", "RUNNING"))
    assert states(view)["Approval"] == "SUCCEEDED"
    details = service.kfp.runs[0]["run_details"]["task_details"]
    attempts = {item["display_name"]: item for item in details}
    assert attempts["approval(0)"]["state"] == "FAILED"
    (approval,) = (task for task in view["tasks"] if task["name"] == "Approval")
    assert approval["started_at"] == attempts["approval(1)"]["start_time"]


def test_between_two_attempts_a_task_runs(service: Service) -> None:
    view_of = Outcome("approval", ("Error",))
    run_id = service.submit().json()["run_id"]
    service.kfp.becomes(run_id, "RUNNING", *succeeded(*NODES), view_of)
    for item in service.kfp.runs[0]["run_details"]["task_details"]:
        if item["display_name"] == "approval":
            item["state"] = "RUNNING"
    view = service.call("GET", f"/runs/{run_id}").json()
    assert states(view)["Approval"] == "RUNNING"


@DEFAULTS
@pytest.mark.parametrize(
    ("outcome", "error"),
    [
        (
            Outcome("start", ("Error",), message="pod deleted"),
            "Start or attach failed: pod deleted",
        ),
        (
            Outcome("start", ("Failed",), driver=True, message="Error (exit code 1)"),
            "Start or attach failed: Error (exit code 1)",
        ),
        (Outcome("start", ("Failed",), log="killed\n"), "Start or attach failed"),
        (
            Outcome("start", ("Error", "Failed"), message="OOMKilled (exit code 137)", log="…\n"),
            "Start or attach failed: OOMKilled (exit code 137)",
        ),
        (
            Outcome("start", ("Failed",), log="✗ line\x1b[31m " + "x" * 400),
            "Start or attach failed: line [31m " + "x" * 290 + "…",
        ),
    ],
)
def test_a_run_that_failed_names_the_task_and_the_reason(
    service: Service, defaults: bool, outcome: Outcome, error: str
) -> None:
    view = seen(service, "FAILED", *succeeded("preflight"), outcome, defaults=defaults)
    assert view["error"] == error
    assert states(view)["Start or attach"] == "FAILED"
    assert "\n" not in view["error"]


def test_a_run_that_a_person_ended_says_so(service: Service) -> None:
    """KFP's own word for it is FAILED."""
    words = "ended from outside: the rollout does what its --on-heartbeat-timeout says"
    killed = Outcome(
        "approval", ("Failed",), message="Step exceeded its deadline", log=f"✗ {words}"
    )
    view = seen(service, "FAILED", *succeeded(*NODES), killed, terminated=True)
    assert view["error"] == f"terminated by a person: Approval failed: {words}"


def test_a_run_that_failed_before_its_first_task_says_so(service: Service) -> None:
    view = seen(service, "FAILED")
    assert view["error"] == "it failed before its first task"
    assert set(states(view).values()) == {"SKIPPED"}


@pytest.mark.parametrize("path", ["/apis/v1beta1/", "/apis/v1alpha1/"])
@pytest.mark.parametrize("how", ["refused", "nonsense", "away"])
def test_a_kfp_that_knows_no_reason_leaves_the_line_shorter(
    make: Make, path: str, how: str
) -> None:
    import httpx2

    kfp = FakeKfp()
    service = make(kfp)
    handled = kfp.handle

    def some_do_not_answer(request: httpx2.Request) -> httpx2.Response:
        if not request.url.path.startswith(path):
            return handled(request)
        if how == "away":
            raise httpx2.ConnectError("connection reset")
        return httpx2.Response({"refused": 404, "nonsense": 200}[how], json={"detail": "Not Found"})

    kfp.handle = some_do_not_answer  # type: ignore[method-assign]
    service = make(kfp)
    failed = Outcome("preflight", ("Failed",), message="Error (exit code 2)", log=LOG)
    view = seen(service, "FAILED", failed)
    known = {"/apis/v1beta1/": "", "/apis/v1alpha1/": ": Error (exit code 2)"}[path]
    assert view["error"] == f"Preflight failed{known}"


def test_a_log_without_an_end_is_not_read_to_its_end(service: Service) -> None:
    endless = Outcome("preflight", ("Failed",), log="x" * 17 * 1024 * 1024 + f"\n✗ {ROLLED_BACK}\n")
    assert seen(service, "FAILED", endless)["error"] == "Preflight failed"


def test_a_list_of_runs_names_the_task_and_asks_no_log(service: Service) -> None:
    failed = Outcome("preflight", ("Failed",), message="Error (exit code 2)", log=LOG)
    seen(service, "FAILED", failed)
    service.kfp.seen.clear()
    (item,) = service.call("GET", "/runs").json()["items"]
    assert item["error"] == "Preflight failed"
    assert not [call for call in service.kfp.seen if "/v2beta1/" not in call["path"]]


def test_a_run_has_a_link_to_its_page(make: Make) -> None:
    service = make(kfp_ui_url="https://kubeflow.example.com/pipeline/")
    view = seen(service, "RUNNING", ("preflight", "RUNNING"))
    page = f"https://kubeflow.example.com/pipeline/#/runs/details/{view['run_id']}"
    assert view["url"] == page
