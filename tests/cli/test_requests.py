"""What the CLI asks of the API: paths, bodies, keys, preconditions."""

import json

import httpx2
import pytest

from tests.cli import answers as a
from tests.cli.fakes import FOLLOWS, Cli, FakeApi, problem

ROLLOUTS = "/endpoints/demo/add-sub/rollouts"
DEMO = {
    "name": "demo-triton",
    "model_id": "add_sub",
    "model_version_id": "1",
    "autoscaling": {"minReplicas": 1, "maxReplicas": 4, "keda": True},
}


def sent(api: FakeApi, method: str) -> object:
    return api.sent(method)[-1].body


def test_options_become_the_payload_and_nothing_that_was_not_given(api: FakeApi, cli: Cli) -> None:
    api.on("POST", "/endpoints", (201, a.endpoint(warnings=["gpu is ignored here"])))
    line = "endpoint create add-sub --model add_sub --version 1 --min 1 --max 4 --keda --gpu 1 --protocol grpc-v2"
    made = cli(
        *line.split(), "--runtime-version", "24.08-py3", "--mode", "knative", "--reason", "first"
    )
    assert (made.code, made.err) == (
        0,
        f"⚠ gpu is ignored here\n✔ create accepted: {FOLLOWS}\n",
    )
    assert sent(api, "POST") == {
        "name": "add-sub",
        "model_id": "add_sub",
        "model_version_id": "1",
        "mode": "knative",
        "autoscaling": {"minReplicas": 1, "maxReplicas": 4, "keda": True},
        "runtime_config": {"runtimeVersion": "24.08-py3", "gpu": 1, "protocolVersion": "grpc-v2"},
        "reason": "first",
    }
    assert api.asked[-1].query == {"namespace": "demo"}
    cli("endpoint", "create", "other/x", "--model", "m", "--version", "1", "--min", "0")
    assert sent(api, "POST") == {
        "name": "x",
        "namespace": "other",
        "model_id": "m",
        "model_version_id": "1",
        "autoscaling": {"minReplicas": 0},
    }


@pytest.mark.parametrize(
    "text", [json.dumps(DEMO), "\n".join(f"{k}: {json.dumps(v)}" for k, v in DEMO.items())]
)
def test_a_file_or_standard_input_goes_through_as_it_is(
    text: str, api: FakeApi, cli: Cli, tmp_path
) -> None:
    api.on("POST", "/endpoints", (201, a.endpoint()))
    (tmp_path / "payload").write_text(text)
    assert cli("endpoint", "create", "-f", str(tmp_path / "payload")).code == 0
    assert cli("endpoint", "create", "-f", "-", stdin=text).code == 0
    assert [request.body for request in api.sent("POST")] == [DEMO, DEMO]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "not YAML or JSON"),
        ("- a", "holds no object"),
        ("", "holds no object"),
        ("when: 2026-01-01", "not YAML or JSON that the API can take"),
        ("x: .nan", "not YAML or JSON that the API can take"),
        ("x: !!python/object:os.system {}", "not YAML or JSON"),
    ],
)
def test_a_file_that_cannot_be_sent(text: str, says: str, api: FakeApi, cli: Cli) -> None:
    ended = cli("endpoint", "create", "-f", "-", stdin=text)
    assert ended.code == 1
    assert len(ended.err.splitlines()) == 1
    assert says in ended.err
    assert api.asked == []


def test_a_file_that_is_not_there(api: FakeApi, cli: Cli, tmp_path) -> None:
    ended = cli("endpoint", "create", "-f", str(tmp_path / "no.yaml"))
    assert (ended.code, "No such file" in ended.err) == (1, True)


MARGINS = {"fail_margin": 0.01, "pass_margin": 0.02, "min_requests": 50}


@pytest.mark.parametrize(
    ("line", "body"),
    [
        (
            "--version 2 --fail-margin 0.01 --pass-margin 0.02 --min-requests 50 "
            "--decision-timeout-seconds 600 --latency-threshold-ms 100",
            {
                "model_version_id": "2",
                "analysis": {
                    "metrics": {
                        "errors": MARGINS,
                        "rejections": {"fail_margin": 0.01},
                        "latency": {"latency_threshold_ms": 100.0, **MARGINS},
                    },
                },
                "deadlines": {"decision_timeout_seconds": 600.0},
            },
        ),
        (
            "--strategy canary --version 2 --steps 1,5%,10 --bake 1m30s --latency-threshold-ms 100 "
            "--alpha 0.05",
            {
                "strategy": "canary",
                "model_version_id": "2",
                "steps": [1, 5, 10],
                "bake_seconds": 90.0,
                "analysis": {
                    "alpha": 0.05,
                    "metrics": {"latency": {"latency_threshold_ms": 100.0}},
                },
            },
        ),
        (
            "--strategy ab --revision r3 --match x-group=b --match x-team=a=b",
            {
                "strategy": "ab",
                "revision": 3,
                "match": [{"name": "x-group", "value": "b"}, {"name": "x-team", "value": "a=b"}],
            },
        ),
        ("--strategy ab --revision 3 --percent 0", {"strategy": "ab", "revision": 3, "percent": 0}),
        (
            "--strategy shadow --version 2 --mirror 100 --no-side-effects",
            {
                "strategy": "shadow",
                "model_version_id": "2",
                "mirror_percent": 100,
                "side_effects": "none",
            },
        ),
        ("--version 2 --bake 0", {"model_version_id": "2", "bake_seconds": 0.0}),
        ("--model m --version 2", {"model_id": "m", "model_version_id": "2"}),
    ],
)
def test_a_plan_in_options(line: str, body: object, api: FakeApi, cli: Cli) -> None:
    api.on("POST", ROLLOUTS, (202, a.rollout()))
    assert cli("rollout", "start", "add-sub", *line.split()).code == 0
    assert sent(api, "POST") == body


def test_a_plan_in_a_file_and_an_option_beside_it(api: FakeApi, cli: Cli) -> None:
    api.on("POST", ROLLOUTS, (202, a.rollout()))
    plan = "strategy: canary\nsteps: [1, 50]\nmodel_version_id: '2'\n"
    assert (
        cli("rollout", "start", "add-sub", "-f", "-", "--reason", "ticket 7", stdin=plan).code == 0
    )
    assert sent(api, "POST") == {
        "strategy": "canary",
        "steps": [1, 50],
        "model_version_id": "2",
        "reason": "ticket 7",
    }


def test_every_change_has_a_key_of_its_own(api: FakeApi, cli: Cli) -> None:
    api.on("POST", ROLLOUTS, (202, a.rollout()))
    for _ in range(2):
        cli("rollout", "start", "add-sub", "--version", "2", "--supersede")
    keys = [request.headers["idempotency-key"] for request in api.sent("POST")]
    assert len(set(keys)) == 2
    assert api.asked[0].query == {"supersede": "true"}
    assert api.asked[0].headers["authorization"] == "Bearer secret"


def test_where_nobody_answered_the_change_is_asked_again_under_the_same_key(
    api: FakeApi, cli: Cli
) -> None:
    api.on("POST", ROLLOUTS, httpx2.ReadTimeout("timed out"), (202, a.rollout()))
    assert cli("rollout", "start", "add-sub", "--version", "2").code == 0
    first, second = api.sent("POST")
    assert first.headers["idempotency-key"] == second.headers["idempotency-key"]


@pytest.mark.parametrize("verb", ["promote", "abort", "pause", "resume", "approve", "reject"])
def test_actions_go_to_the_running_rollout(verb: str, api: FakeApi, cli: Cli) -> None:
    api.on("GET", "/endpoints/demo/add-sub", a.with_candidate())
    api.on("GET", f"/rollouts/{a.ID}", a.rollout())
    api.on("POST", f"/rollouts/{a.ID}/{verb}", (202, a.rollout()))
    ended = cli("rollout", verb, "add-sub", "--reason", "said so", "-o", "name")
    assert (ended.code, ended.out) == (0, f"rollout/{a.ID}\n")
    assert ended.err.startswith("✔ ")
    assert sent(api, "POST") == {"reason": "said so"}
    api.asked.clear()
    assert cli("rollout", verb, a.ID, "--dry-run").code == 0
    assert [request.query for request in api.sent("POST")] == [{"dry_run": "true"}]


def waiting(**more: object) -> object:
    """A rollout whose second step waits for a person."""
    steps = [a.step(5, "done"), a.step(25, "current", until="approval"), a.step(50, "ahead")]
    return a.rollout(phase="waiting", step=2, steps=steps, **more)


@pytest.mark.parametrize("verb", ["approve", "promote"])
def test_an_answer_names_its_step(verb: str, api: FakeApi, cli: Cli) -> None:
    api.on("GET", f"/rollouts/{a.ID}", waiting())
    api.on("POST", f"/rollouts/{a.ID}/{verb}", (202, waiting()))
    assert cli("rollout", verb, a.ID, "--step", "2").code == 0
    assert sent(api, "POST") == {"reason": "", "step": 2}
    assert [request.method for request in api.asked] == ["POST"]
    blind = cli("rollout", verb, a.ID)
    assert blind.code == 2
    assert "step 2 of 3 waits, and nobody can look at it here" in blind.err
    assert f"`tidegate rollout status {a.ID}`" in blind.err
    assert "--step 2" in blind.err
    assert len(api.sent("POST")) == 1


@pytest.mark.parametrize("verb", ["approve", "promote"])
def test_a_terminal_shows_the_step_and_its_evidence_and_asks(
    verb: str, api: FakeApi, cli: Cli
) -> None:
    api.on("GET", f"/rollouts/{a.ID}", waiting())
    api.on("POST", f"/rollouts/{a.ID}/{verb}", (202, waiting()))
    refused = cli("rollout", verb, a.ID, stdin="n\n", terminal=True)
    assert (refused.code, "nothing was changed" in refused.err) == (1, True)
    assert api.sent("POST") == []
    accepted = cli("rollout", verb, a.ID, stdin="y\n", terminal=True)
    assert accepted.code == 0
    assert "step 2 of 3 (25 %) of r2? [y/N]" in accepted.err
    assert "candidate 0 of 412" in accepted.err
    assert sent(api, "POST") == {"reason": "", "step": 2}


def test_an_action_where_nothing_runs_names_the_remediations(api: FakeApi, cli: Cli) -> None:
    api.on("GET", "/endpoints/demo/add-sub", a.endpoint())
    ended = cli("rollout", "abort", "add-sub")
    assert ended.code == 1
    assert "no rollout of demo/add-sub is running" in ended.err
    assert "tidegate undo add-sub" in ended.err


def test_override_is_said_aloud(api: FakeApi, cli: Cli) -> None:
    api.on("POST", f"/rollouts/{a.ID}/promote", (202, a.rollout()))
    cli("rollout", "promote", a.ID, "--force")
    assert api.asked[-1].query == {"force": "true"}


def test_retry_takes_the_last_rollout_that_ended(api: FakeApi, cli: Cli) -> None:
    api.on("GET", "/endpoints/demo/add-sub", a.endpoint())
    api.on("GET", ROLLOUTS, a.page(a.aborted(), a.promoted(id=a.OLD_ID)))
    api.on("POST", f"/rollouts/{a.ID}/retry", (202, a.rollout(attempt=2)))
    assert cli("rollout", "retry", "add-sub").code == 0
    api.on("GET", "/endpoints/demo/add-sub", a.with_candidate())
    ended = cli("rollout", "retry", "add-sub")
    assert (ended.code, "still progressing" in ended.err) == (1, True)


def test_a_percent_by_hand(api: FakeApi, cli: Cli) -> None:
    api.on("PATCH", "/endpoints/demo/add-sub", a.with_candidate())
    assert cli("set", "canary", "add-sub", "25%", "--reason", "looks good").code == 0
    (patch,) = api.asked
    assert patch.body == {"canary_percent": 25, "reason": "looks good"}
    assert "if-match" not in patch.headers
    cli("set", "canary", "add-sub", "0", "--version", "2", "--force")
    assert api.asked[-1].body == {"canary_percent": 0, "model_version_id": "2"}
    assert api.asked[-1].query == {"force": "true"}


def test_100_promotes_what_was_seen(api: FakeApi, cli: Cli) -> None:
    api.on("GET", "/endpoints/demo/add-sub", a.with_candidate())
    api.on(
        "PATCH",
        "/endpoints/demo/add-sub",
        problem(412, "stale", 'If-Match "7" is stale: decide anew'),
    )
    ended = cli("set", "canary", "add-sub", "100")
    assert (ended.code, ended.err) == (1, '✖ If-Match "7" is stale: decide anew\n')
    assert api.asked[-1].headers["if-match"] == '"7"'
    assert api.asked[-1].body == {"canary_percent": 100}


def test_undo_names_a_revision_or_none(api: FakeApi, cli: Cli) -> None:
    api.on("POST", "/endpoints/demo/add-sub/undo", (202, a.rollout()))
    cli("undo", "add-sub", "--to", "r3", "--reason", "bad")
    assert sent(api, "POST") == {"to": 3, "reason": "bad"}
    cli("undo", "add-sub")
    assert sent(api, "POST") == {"to": None, "reason": ""}


def test_an_undo_right_after_a_rollback_names_the_command(api: FakeApi, cli: Cli) -> None:
    remediation = {
        "text": "leave it, or name the revision: r1 (stable until 13:02 UTC)",
        "request": "POST /api/v1/endpoints/demo/add-sub/undo",
        "command": "tidegate undo demo/add-sub --to 1",
    }
    detail = "the rollout of r3 by ann ended 40s ago (aborted: bad answers): r2 is stable"
    error = {"pointer": "/to", "detail": detail, "remediation": remediation}
    api.on(
        "POST", "/endpoints/demo/add-sub/undo", problem(409, "already-rolled-back", detail, error)
    )
    ended = cli("undo", "add-sub")
    assert ended.code == 1
    assert ended.err == f"✖ {detail}: {remediation['text']} ({remediation['command']})\n"


def test_adopt_names_what_it_takes_and_prints_where_clients_go(api: FakeApi, cli: Cli) -> None:
    message = "the InferenceService's own address goes on to r0 alone"
    api.on(
        "POST",
        "/endpoints/demo/fraud/adopt",
        (201, a.endpoint(warnings=[message], accepted={"action": "adopt", "follows": FOLLOWS})),
    )
    ended = cli(
        "endpoint", "adopt", "fraud", "--model", "fraud", "--reason", "rollouts from now on"
    )
    assert (ended.code, ended.err) == (
        0,
        f"⚠ {message}\n✔ adopt accepted: {FOLLOWS}\n",
    )
    assert sent(api, "POST") == {"model_id": "fraud", "reason": "rollouts from now on"}
    api.on(
        "POST",
        "/endpoints/demo/fraud/adopt",
        problem(422, "invalid", "InferenceService demo/fraud is not ready"),
    )
    ended = cli("endpoint", "adopt", "demo/fraud")
    assert (ended.code, ended.err) == (1, "✖ InferenceService demo/fraud is not ready\n")


def test_delete_asks_a_person_and_sends_what_was_seen(api: FakeApi, cli: Cli) -> None:
    api.on("GET", "/endpoints/demo/add-sub", a.endpoint())
    api.on("DELETE", "/endpoints/demo/add-sub", (202, a.endpoint(phase="deleting")))
    ended = cli("endpoint", "delete", "add-sub", stdin="n\n", terminal=True)
    assert (ended.code, api.sent("DELETE")) == (1, [])
    assert "Delete demo/add-sub, which serves r1 add_sub 1? [y/N]" in ended.err
    assert cli("endpoint", "delete", "add-sub", stdin="y\n", terminal=True).code == 0
    assert cli("endpoint", "delete", "add-sub", "-y", "--reason", "old").code == 0
    gone = api.sent("DELETE")[-1]
    assert (gone.headers["if-match"], gone.query) == ('"7"', {"reason": "old"})


def test_model_add_makes_the_model_when_it_is_new(api: FakeApi, cli: Cli) -> None:
    model = {
        "model_id": "add_sub",
        "description": "",
        "created_at": "2026-01-01T00:00:00Z",
        "created_by": "alice",
    }
    digest = "sha256-" + "ab" * 32
    version = {
        "model_id": "add_sub",
        "version_id": "1",
        "uri": a.URI,
        "digest": digest,
        "mutable": True,
        "created_at": "2026-01-01T00:00:00Z",
        "created_by": "alice",
        "warnings": [],
    }
    api.on("POST", "/models", (201, {**model, "warnings": []}))
    api.on("POST", "/models/add_sub/versions", (201, version))
    added = cli("model", "add", "add_sub", "1", "--uri", a.URI)
    assert added.code == 0
    assert digest in added.out
    assert "its bytes may change" in added.out
    assert [request.path for request in api.sent("POST")] == [
        "/api/v1/models",
        "/api/v1/models/add_sub/versions",
    ]
    api.on("GET", "/models/add_sub", model)
    cli("model", "add", "add_sub", "1", "--uri", a.URI, "-o", "name")
    assert len(api.sent("POST")) == 3


def test_a_dry_run_of_a_new_model_writes_nothing(api: FakeApi, cli: Cli) -> None:
    model = {
        "model_id": "m",
        "description": "",
        "created_at": "2026-01-01T00:00:00Z",
        "created_by": "a",
        "warnings": [],
    }
    api.on("POST", "/models", (200, model))
    assert cli("model", "add", "m", "1", "--uri", "s3://b/m", "--dry-run").code == 0
    assert [request.query for request in api.sent("POST")] == [{"dry_run": "true"}]


def test_the_ledger_is_verified(api: FakeApi, cli: Cli) -> None:
    api.on("GET", "/ledger/verify", {"intact": True, "entries": 12, "head": "ab", "broken": None})
    assert cli("ledger", "verify").out == "✔ the ledger is whole: 12 entries\n"
    broken = {"chain": "c", "seq": 4, "detail": "entry 4 is missing"}
    api.on(
        "GET", "/ledger/verify", {"intact": False, "entries": None, "head": None, "broken": broken}
    )
    ended = cli("ledger", "verify")
    assert ended.code == 1
    assert "broken at entry 4 of chain c: entry 4 is missing" in ended.err


def test_version_of_both_ends(api: FakeApi, cli: Cli) -> None:
    api.on("GET", "/version", {"name": "tidegate", "version": "9.9"})
    assert cli("version", "-o", "json").json["service"] == "9.9"
    assert cli("version", "--client", "-o", "json").json["service"] is None


def test_history_over_pages_stops_at_the_limit(api: FakeApi, cli: Cli) -> None:
    def past(*numbers: int) -> object:
        ledger = [a.entry(number, "alice", "intent", "") for number in numbers]
        return {"intents": [], "ledger": ledger, "next_page_token": "more"}

    api.on(
        "GET",
        "/endpoints/demo/add-sub/history",
        past(9, 8),
        past(7, 6),
        {**past(), "next_page_token": None},
    )
    api.on("GET", ROLLOUTS, a.page())
    result = cli("rollout", "history", "add-sub", "--limit", "3", "-o", "name")
    assert result.out == "ledger/9\nledger/8\nledger/7\n"
