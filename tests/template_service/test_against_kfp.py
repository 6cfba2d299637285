"""The stand-in held against KFP itself: the published document, and the client that people use."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.template_service.conftest import CANARY, Make
from tests.template_service.fake_kfp import FakeKfp

ROOT = Path(__file__).parents[2]
TEMPLATE = "catalog/templates/rollout-canary.yaml"
pytestmark = pytest.mark.real


def run(
    python: str, *arguments: str, home: Path, stdin: str = ""
) -> subprocess.CompletedProcess[str]:
    """Without the service's environment, and with a home of its own: kfp's client keeps its
    settings there."""
    environ = {
        name: value
        for name, value in os.environ.items()
        if name not in ("PYTHONPATH", "KF_PIPELINES_ENDPOINT")
    }
    return subprocess.run(
        [python, *arguments],
        cwd=ROOT,
        env={**environ, "HOME": str(home)},
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def faults(python: str, seen: list[dict[str, Any]], home: Path) -> list[str]:
    done = run(
        python, str(Path(__file__).with_name("published.py")), home=home, stdin=json.dumps(seen)
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split("\n")[:-1]


def test_what_the_service_asks_and_the_stand_in_answers_is_in_the_published_document(
    make: Make, kfp_python: str, tmp_path: Path
) -> None:
    kfp = FakeKfp(multi_user=True, users={"anna": {"team-a"}})
    service = make(kfp, peer="10.1.2.3", trusted_proxies="10.0.0.0/8")

    def call(method: str, path: str, body: Any = None) -> Any:
        answer = service.call(method, path, body, token=None, headers={"kubeflow-userid": "anna"})
        assert answer.is_success, answer.text
        return answer.json()

    body = {"parameters": CANARY, "namespace": "team-a", "service_account": "default-editor"}
    for _ in range(3):
        made = call("POST", "/templates/rollout-canary/runs", body)
    kfp.becomes(made["run_id"], "FAILED", ("preflight", "FAILED"), error="refused")
    assert len(call("GET", "/runs?namespace=team-a")["items"]) == 3
    call("GET", f"/runs/{made['run_id']}")
    call("POST", "/uploads", {"namespace": "team-a"})
    call("POST", "/uploads", {"namespace": "team-a"})
    # The reason of a failure is in the older API and in the logs, which the document leaves out
    current = [call for call in kfp.seen if call["path"].startswith("/apis/v2beta1/")]
    assert len(kfp.seen) - len(current) == 2
    assert faults(kfp_python, current, tmp_path) == ["10"], "operations, none with a fault"
    broken = [
        {**kfp.seen[0], "path": "/apis/v2beta1/healthy"},
        {**kfp.seen[0], "query": {"verbose": "1"}},
        {**kfp.seen[0], "answer": {"multi_user": "yes"}},
    ]
    assert len(faults(kfp_python, broken, tmp_path)) == 4, "each fault is noticed"


def test_the_client_of_kfp_starts_a_template(kfp_python: str, tmp_path: Path) -> None:
    """Its setting of the cache reaches the tasks, too: they are tasks of the root."""
    kfp = FakeKfp()
    with kfp.served() as url:
        done = run(
            kfp_python,
            str(Path(__file__).with_name("sdk.py")),
            url,
            TEMPLATE,
            "weekly",
            home=tmp_path,
        )
    assert done.returncode == 0, done.stderr
    assert "STATE PENDING rollout-canary.yaml" in done.stdout
    (made,) = kfp.runs
    assert set(made["pipeline_spec"]) == {"pipeline_spec", "platform_spec"}
    tasks = made["pipeline_spec"]["pipeline_spec"]["root"]["dag"]["tasks"]
    assert all(not task["cachingOptions"].get("enableCache") for task in tasks.values())
    assert kfp.experiments[0]["display_name"] == "weekly"


@pytest.mark.parametrize(
    ("version", "refused"),
    [('"2"', ""), ("v2", ""), ("2", "requires type string"), (None, "is not optional")],
)
def test_the_command_of_kfp_as_the_page_shows_it(
    kfp_python: str, tmp_path: Path, version: str | None, refused: str
) -> None:
    kfp = FakeKfp()
    values = ["endpoint=demo-triton", *([f"model_version={version}"] if version else [])]
    with kfp.served() as url:
        words = ("--endpoint", url, "run", "create", "-e", "tidegate", "-f", TEMPLATE, *values)
        done = run(str(Path(kfp_python).with_name("kfp")), *words, home=tmp_path)
    assert bool(kfp.runs) == (not refused), done.stdout + done.stderr
    if refused:
        assert done.returncode == 1
        assert refused in done.stderr
    else:
        assert (
            kfp.runs[0]["runtime_config"]["parameters"]["model_version"] == version.strip('"')
            if version
            else ""
        )


def test_a_page_of_experiments_is_found_by_its_name_only(make: Make) -> None:
    """The stand-in's own filter, as kfp writes it: a name that is the beginning of another is
    another."""
    kfp = FakeKfp(page_size=1)
    service = make(kfp)
    service.submit(experiment="weekly-2")
    service.submit(experiment="weekly")
    assert [experiment["display_name"] for experiment in kfp.experiments] == ["weekly-2", "weekly"]
    with kfp.served() as url:
        assert httpx2.get(f"{url}/apis/v2beta1/healthz").json()["multi_user"] is False
