"""`tenant mode` and `report trial`; and what `rollout start --on-fail` sends."""

from tests.cli import answers as a
from tests.cli.fakes import Cli, FakeApi

WOULD = {
    "action": "aborted",
    "at": "2026-01-01T00:00:00Z",
    "step": 1,
    "percent": 10,
    "requests": 9,
    "reason": "errors: …",
    "message": "would have aborted at 10 % after 9 requests: errors: …",
}
REPORT = {
    "since": "2025-12-25T00:00:00Z",
    "both_promoted": 16,
    "both_stopped": 1,
    "false_alarms": 1,
    "missed": 0,
    "open": 2,
    "requests_spared": 403,
    "rollouts": [
        {
            "id": a.ID,
            "namespace": "demo",
            "endpoint": "add-sub",
            "candidate": 2,
            "created_at": "2025-12-31T00:00:00Z",
            "agreement": "both-stopped",
            "would_have": [WOULD],
            "outcome": "aborted",
            "stopped_by": "ann",
            "exposed_requests": 412,
            "requests_spared": 403,
        }
    ],
    "truncated": False,
}


def test_the_report_counts_and_names_each_rollout(api: FakeApi, cli: Cli) -> None:
    api.on("GET", "/reports/trial", REPORT)
    result = cli("report", "trial", "--since", "7d")
    assert result.code == 0
    assert "17 of 18: 1 stopped by both" in result.out
    assert "403 requests" in result.out
    assert "stopped by ann" in result.out
    (request,) = api.sent("GET")
    assert request.query["since"].startswith("2025-12-25T00:00:00")


def test_without_a_rollout_in_trial_it_says_how_to_begin(api: FakeApi, cli: Cli) -> None:
    api.on("GET", "/reports/trial", {**REPORT, "rollouts": []})
    assert "tidegate tenant mode NAMESPACE trial" in cli("report", "trial").err


def test_a_tenant_is_put_into_trial(api: FakeApi, cli: Cli) -> None:
    tenant = {
        "namespace": "team-a",
        "default": True,
        "generation": 0,
        "allowed": {
            name: []
            for name in (
                "serviceAccounts",
                "secrets",
                "uriPrefixes",
                "runtimes",
                "imageTags",
                "nodeSelectors",
                "tolerations",
                "gpuTypes",
            )
        }
        | {"limits": {"cpu": None, "memory": None, "gpu": None, "replicas": None}},
        "mode": "trial",
    }
    api.on("PUT", "/tenants/team-a/mode", tenant)
    result = cli("tenant", "mode", "team-a", "trial", "--reason", "we begin")
    assert result.code == 0
    assert "in trial" in result.out
    (request,) = api.sent("PUT")
    assert request.body == {"mode": "trial", "reason": "we begin"}
    assert cli("tenant", "mode", "team-a", "maybe").code == 2


def test_a_rollout_in_trial_says_so_and_what_it_would_have_done(api: FakeApi, cli: Cli) -> None:
    api.on("GET", f"/rollouts/{a.ID}", a.rollout(trial=True, would_have=[WOULD]))
    api.on("GET", "/endpoints/demo/add-sub", a.endpoint())
    out = " ".join(cli("rollout", "status", a.ID).out.split())
    assert "nothing follows from them" in out
    assert "aborted at 10 % after 9 requests" in out


def test_what_a_fail_does_is_sent_by_metric(api: FakeApi, cli: Cli) -> None:
    api.on("POST", "/endpoints/demo/add-sub/rollouts", a.rollout())
    options = ("--on-fail", "restarts=notify", "--on-fail", "errors=pause", "--fail-margin", "0.01")
    assert cli("rollout", "start", "add-sub", "--version", "2", *options).code == 0
    (request,) = api.sent("POST")
    assert request.body["analysis"]["metrics"] == {
        "errors": {"fail_margin": 0.01, "on_fail": "pause"},
        "rejections": {"fail_margin": 0.01},
        "restarts": {"on_fail": "notify"},
    }
    result = cli("rollout", "start", "add-sub", "--version", "2", "--on-fail", "errors=explode")
    assert result.code == 2
    assert "abort, pause or notify" in result.err
