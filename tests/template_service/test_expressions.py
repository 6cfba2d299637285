"""No text of a run becomes an expression of Argo's: what reaches a task is what was sent, or
nothing was sent. The model of KFP and Argo is in argo.py."""

import base64
import json
from typing import Any

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.pipelines.documents import CATALOG, read
from tests.template_service import argo
from tests.template_service.conftest import CANARY, Make
from tests.template_service.fake_kfp import FakeKfp
from tidegate.steps.__main__ import main
from tidegate.template_service.texts import harmless

EVIL = "http://evil.example"
BREAKOUT = f'x", "service_url": "{EVIL}"}}, "unknown": {{"a": "'
ATTACK = "{{=sprig.b64dec('" + base64.b64encode(BREAKOUT.encode()).decode() + "')}}"
FRAGMENTS = (
    *("{", "}", "{{", "}}", "{{=", "{ {", "=", "'", '"', "\\", "\\u007b", "\\\\u007b\\u007b", "\n"),
    *("{{workflow.name}}", "{{workflow.nope}}", "{{=sprig.upper('x')}}", '{{=sprig.upper("x")}}'),
    *("{{$.inputs.parameters['service_url']}}", "{{retries}}", "workflow.name", BREAKOUT, ATTACK),
    *("<&>", "é", "\uffff", "\U0001f680", "\ud800", "\0", "--service-url=" + EVIL),
)
HOSTILE = st.lists(
    st.one_of(st.sampled_from(FRAGMENTS), st.text(max_size=3)), min_size=1, max_size=6
).map("".join)
NESTED = st.recursive(
    HOSTILE,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(HOSTILE, inner, max_size=3)
    ),
    max_leaves=6,
)


def tasks(kfp: FakeKfp, run_id: str) -> list[list[str]]:
    """The command line of every task of a run, as Argo starts it."""
    values = kfp.received[run_id]
    spec = kfp.runs[-1]["pipeline_spec"]["pipeline_spec"]
    executors = spec["deploymentSpec"]["executors"].values()
    return [argo.arguments(executor["container"], values) for executor in executors]


def test_the_model_shows_the_fault_that_is_refused() -> None:
    """Sent to KFP directly, the reason takes the address, and the pod would be told it."""
    spec = read(CATALOG / "templates" / "rollout-undo.yaml")
    values = {"endpoint": "demo", "namespace": "", "reason": ATTACK, "service_url": "http://ours"}
    _, arrived = argo.received("undo", values)
    assert arrived["service_url"] == EVIL
    words = argo.arguments(next(iter(spec.executors.values()))["container"], arrived)
    assert f"--service-url={EVIL}" in words


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("{{workflow.name}}", argo.VARIABLES["workflow.name"]),
        ("{{=sprig.upper('x')}}", "X"),
        ("{{ticket}}", "{{ticket}}"),
        ("{{$.x}}", "{{$.x}}"),
    ],
)
def test_the_model_does_what_was_seen_of_argo(text: str, result: str) -> None:
    assert argo.received("run", {"reason": text})[1] == {"reason": result}


def test_the_model_refuses_what_was_seen_refused() -> None:
    with pytest.raises(argo.SubmitError):
        argo.received("run", {"reason": "{{workflow.nope}}"})
    with pytest.raises(argo.WorkflowError):
        argo.received("run", {"reason": '{{=sprig.upper("x")}}'})
    with pytest.raises(argo.WorkflowError):
        argo.received("{{=nonsense}}", {})


def test_a_task_sends_its_token_nowhere_else_even_so(capsys: pytest.CaptureFixture[str]) -> None:
    """What an expression made of the command line meets the pod's own settings."""
    spec = read(CATALOG / "templates" / "rollout-undo.yaml")
    _, arrived = argo.received("undo", {"endpoint": "demo", "namespace": "", "reason": ATTACK})
    words = argo.arguments(spec.executors["exec-undo"]["container"], arrived)
    requests: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        requests.append(request)
        return httpx2.Response(500)

    environ = {"TIDEGATE_URL": "http://ours", "TIDEGATE_TOKEN": "secret"}
    options = [word for word in words[3:] if not word.startswith("--out-")]
    assert main(options, environ, transport=httpx2.MockTransport(answer)) == 2
    assert requests == []
    assert f"--service-url '{EVIL}' is not 'http://ours'" in capsys.readouterr().err


BODIES: dict[str, Any] = {
    "reason": lambda text: {"parameters": {**CANARY, "reason": text}},
    "header": lambda text: {"parameters": {**CANARY, "header": f"x: {text}"}},
    "golden": lambda text: {
        "parameters": {**CANARY, "smoke": True, "golden": {"a": [{"b": text}]}}
    },
    "name": lambda text: {"name": text},
    "experiment": lambda text: {"experiment": text},
}


@pytest.mark.parametrize("field", BODIES)
def test_an_expression_is_refused_by_every_way_with_its_field(make: Make, field: str) -> None:
    service = make()
    template = {"header": "rollout-ab"}.get(field, "rollout-canary")
    body = {"parameters": CANARY, **BODIES[field]("see {{ticket}}")}
    answer = service.call("POST", f"/templates/{template}/runs", body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid"), answer.text
    (error,) = answer.json()["errors"]
    assert error["pointer"] == field
    assert "see {{ticket}}' contains '{{', which Argo would evaluate" in error["detail"]
    assert error["remediation"]["text"] == "write '{ {', or leave it out"
    assert service.kfp.runs == service.kfp.experiments == []


def test_a_nested_value_is_named_by_its_path(make: Make) -> None:
    body = {"parameters": {**CANARY, "smoke": True, "golden": {"outputs": [{"name": "{{=1}}"}]}}}
    answer = make().call("POST", "/templates/rollout-canary/render", body)
    assert "golden.outputs[0].name: '{{=1}}' contains" in answer.json()["detail"]
    body["parameters"]["golden"] = {"outputs": [{"{{=1}}": 1}]}
    answer = make().call("POST", "/templates/rollout-canary/render", body)
    assert "golden.outputs[0] (a name in it): '{{=1}}' contains" in answer.json()["detail"]


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(reason=HOSTILE, golden=NESTED, name=HOSTILE, author=HOSTILE)
def test_what_reaches_a_task_is_what_was_sent_or_nothing_was(
    make: Make, reason: str, golden: Any, name: str, author: str
) -> None:
    service = make(trusted_proxies="0.0.0.0/0", peer="10.0.0.1")
    values = {**CANARY, "reason": reason, "smoke": True, "golden": {"model": golden}}
    body = json.dumps({"parameters": values, "name": name})
    user = "".join(char for char in author if "!" <= char <= "~") or "anna"
    answer = service.client.post(
        "/api/v1/templates/rollout-canary/runs",
        content=body,
        headers={"content-type": "application/json", "kubeflow-userid": user},
    )
    kfp = service.kfp
    assert kfp.unlisted == []
    if answer.status_code != 201:
        assert answer.status_code in (400, 422), answer.text
        assert kfp.runs == kfp.experiments == []
        return
    (run,) = kfp.runs
    assert run["state"] == "PENDING", "no expression ends it"
    assert "{{" not in run["description"]
    sent = run["runtime_config"]["parameters"]
    assert kfp.received[run["run_id"]] == sent
    assert (sent["reason"], sent["golden"], sent["service_url"]) == (
        reason,
        {"model": golden},
        "",
    )
    for words in tasks(kfp, run["run_id"]):
        assert not any(EVIL in word for word in words if word.startswith("--service-url"))
        assert [word for word in words if word.startswith("--reason=")] in (
            [],
            [f"--reason={reason}"],
        )


@given(text=HOSTILE)
def test_a_name_that_nobody_chose_is_made_harmless(text: str) -> None:
    kept = harmless(text)
    assert argo.received(kept, {})[0] == kept
    assert all(char <= "\uffff" and char != "\0" for char in kept)
    if "{{" not in text and text.isascii() and "\0" not in text:
        assert kept == text
