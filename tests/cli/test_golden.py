"""What people read, as text: each view of the CLI beside its golden file."""

import re
from pathlib import Path

import pytest

from tests.cli import answers as a
from tests.cli.fakes import FOLLOWS, Cli, FakeApi
from tests.golden_files import check_golden

GOLDEN = Path(__file__).parent / "golden"


def check(name: str, text: str) -> None:
    check_golden(GOLDEN / f"{name}.txt", text)
    assert max(map(len, text.splitlines())) <= 100


def test_rollout_status_shows_desired_beside_routed_weight(api: FakeApi, cli: Cli) -> None:
    api.on("GET", "/endpoints/demo/add-sub", a.with_candidate())
    result = cli("rollout", "status", "add-sub")
    assert (result.code, result.err) == (0, "")
    check("rollout_status", cli.screen("rollout", "status", "add-sub"))


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("promoted", a.promoted()),
        ("aborted", a.aborted(attempt=2)),
        (
            "of_a_broken_contract_that_alice_accepted",
            a.rollout(
                contract={
                    "compatibility": "breaking",
                    "differences": [
                        {"model": "add_sub", "what": "input X is gone", "breaking": True}
                    ],
                    "message": "add_sub: input X is gone: clients that send it are refused",
                    "accepted_by": "alice",
                }
            ),
        ),
        ("with_own_metrics", a.rollout(verdicts=[a.verdict(), *a.OWN])),
        ("with_a_restart", a.rollout(verdicts=[a.verdict(), *a.pods()])),
        (
            "paused",
            a.rollout(
                phase="paused",
                pause={"kind": "paused", "author": "bob", "message": "lunch"},
                awaits="a person: resume, promote or abort",
                wait=None,
                seconds_left=None,
            ),
        ),
        ("that_is_about_to_pause", a.rollout(pending=["pause"])),
        (
            "without_its_pipeline",
            a.rollout(
                guard={
                    "on_heartbeat_timeout": "continue",
                    "heartbeat_timeout_seconds": 900,
                    "last_heartbeat_at": a.ago(minutes=16),
                    "seconds_since_heartbeat": 960,
                    "missed": True,
                    "released": False,
                    "message": "no heartbeat of its pipeline for 900 s: goes on without it",
                },
            ),
        ),
        (
            "starting",
            a.rollout(
                phase="starting",
                step=0,
                steps=a.plan(-1),
                verdicts=[],
                awaits="r2 to get ready",
                wait=None,
                desired_percent=0,
                routed_percent=0,
                **a.UNMEASURED,
            ),
        ),
        (
            "manual",
            a.rollout(
                strategy="manual",
                phase="waiting",
                steps=[],
                step=1,
                override="bob",
                awaits="bob sets the percent: now 25 %",
                wait=None,
                seconds_left=None,
            ),
        ),
        (
            "shadow",
            a.rollout(
                strategy="shadow",
                steps=[a.step(0, "current", mirror_percent=20)],
                step=1,
                desired_percent=0,
                routed_percent=0,
                awaits="baking 20 % mirrored for 40 of 60 s",
                **a.UNMEASURED,
            ),
        ),
        (
            "deciding",
            a.rollout(
                step=3,
                steps=a.plan(2),
                desired_percent=50,
                routed_percent=50,
                awaits=a.verdict().message,
                wait={"what": "data", "seconds": 95.0},
                seconds_left=155.0,
            ),
        ),
        (
            "undo",
            a.rollout(
                strategy="undo",
                phase="starting",
                step=0,
                steps=[],
                verdicts=[],
                candidate=1,
                base=2,
                desired_percent=0,
                routed_percent=0,
                awaits="r1 has 0 of 1 replicas ready",
                wait={"what": "ready", "seconds": 3.0},
                seconds_left=None,
                **a.UNMEASURED,
            ),
        ),
        (
            "ab_by_experiment",
            a.rollout(
                strategy="ab",
                step=1,
                steps=[a.step(50, "current", until="pass", expected_seconds=None)],
                experiment=[a.counts()],
                verdicts=[a.verdict(), a.EXPERIMENT],
                desired_percent=50,
                routed_percent=50,
                awaits=a.EXPERIMENT.message,
                wait={"what": "data", "seconds": 40.0},
                seconds_left=None,
            ),
        ),
        (
            "header_ab",
            a.rollout(
                strategy="ab",
                phase="waiting",
                step=1,
                steps=[
                    a.step(
                        0, "current", match=[{"name": "x-group", "value": "b"}], until="approval"
                    )
                ],
                randomised=False,
                desired_percent=0,
                routed_percent=0,
                awaits="a person: approve or promote, or reject or abort",
                wait={"what": "approval", "seconds": 40.0},
                seconds_left=None,
                **a.UNMEASURED,
            ),
        ),
    ],
)
def test_rollout_status_of(name: str, made: dict[str, object], api: FakeApi, cli: Cli) -> None:
    api.on("GET", f"/rollouts/{a.ID}", made)
    api.on("GET", "/endpoints/demo/add-sub", a.with_candidate())
    check(f"rollout_status_{name}", cli.screen("rollout", "status", a.ID))


def at_step(
    step: int, percent: int, route: int, awaits: str, what: str = "bake", seconds: float = 0.0
) -> object:
    wait = {"what": what, "seconds": seconds}
    shares = {"desired_percent": percent, "routed_percent": route}
    return a.rollout(
        step=step + 1, steps=a.plan(step), **shares, awaits=awaits, wait=wait, **a.UNMEASURED
    )


def test_a_watch_prints_a_line_per_change(api: FakeApi, cli: Cli) -> None:
    """A new reason is a change, another count of the same one is not; a long wait is told of every
    half minute."""
    settling = "the gateway has not taken the route yet"
    need = "errors: candidate {} of {} (0.0 %), stable 0 of 90 (0.0 %): about {} more candidate requests to pass"
    observations = [
        a.rollout(
            phase="starting",
            step=0,
            steps=a.plan(-1),
            verdicts=[],
            awaits="r2 has 0 of 1 replicas ready",
            wait={"what": "ready", "seconds": 2.0},
            desired_percent=0,
            routed_percent=0,
            **a.UNMEASURED,
        ),
        at_step(0, 5, 0, settling, "split"),
        at_step(0, 5, 5, "baking 5 % for 0 of 60 s"),
        at_step(0, 5, 5, "baking 5 % for 30 of 60 s", seconds=30.0),
        at_step(2, 50, 50, "baking 50 % for 59 of 60 s", seconds=59.0),
        at_step(2, 50, 50, need.format(0, 90, 310), "data", 5.0),
        at_step(2, 50, 50, need.format(0, 95, 305), "data", 10.0),
        at_step(2, 50, 50, need.format(0, 120, 280), "data", 31.0),
        a.rollout(phase="paused", pause={"kind": "paused", "author": "bob", "message": "lunch"}),
        a.aborted(ended_at=a.AT),
    ]
    api.on("GET", f"/rollouts/{a.ID}", *observations)
    result = cli("rollout", "status", a.ID, "-w")
    assert (result.code, result.err) == (3, "")  # the last line has said why
    check_lines("rollout_watch", result.out)


def check_lines(name: str, text: str) -> None:
    """Lines of a watch are for logs: they are never broken, so they may be long."""
    check_golden(GOLDEN / f"{name}.txt", text)


def test_endpoint_get_in_the_middle_of_a_rollout(api: FakeApi, cli: Cli) -> None:
    api.on("GET", "/endpoints/demo/add-sub", a.with_candidate())
    api.on(
        "GET",
        "/endpoints/demo/add-sub/revisions",
        a.page(a.plain(a.revision(2)), a.plain(a.revision(1))),
    )
    check("endpoint_get", cli.screen("endpoint", "get", "add-sub"))


def test_endpoint_get_where_a_container_fails_and_somebody_edits(api: FakeApi, cli: Cli) -> None:
    failing = a.live(
        2,
        ready_replicas=0,
        failure="CUDA error: out of memory",
        beside=["istio-proxy: 4 restarts"],
        log=["loading [red]model[/red]", "CUDA error: out of memory"],
    )
    drifts = [
        a.drift(field="spec.rules[0].backendRefs[1].weight"),
        a.drift(field="spec.hostnames", put_back=True),
    ]
    status = a.status(a.live(1), failing, drift=drifts)
    path = "/endpoints/demo/add-sub"
    api.on("GET", path, a.endpoint(status=status))
    api.on("GET", f"{path}/revisions", a.page(a.plain(a.revision(1))))
    check("endpoint_get_drift", cli.screen("endpoint", "get", "add-sub"))


def every_kind_of_endpoint() -> list[object]:
    approval = {"what": "approval", "seconds": 40.0}
    waiting = a.rollout(
        phase="waiting", awaits="a person: approve or promote, or reject or abort", wait=approval
    )
    crash = {"phase": "degraded", "message": "r1: CrashLoopBackOff: exit code 1"}
    fresh = {"phase": "pending", "message": "", "status": None}
    return [
        a.endpoint(),
        a.with_candidate(name="fraud"),
        a.with_candidate(name="held", rollout=waiting),
        a.endpoint("broken", **crash, traffic={"desired": a.traffic(1), "routed": None}),
        a.endpoint("fresh", **fresh, traffic={"desired": a.traffic(1), "routed": None}),
        a.endpoint(
            "leaving",
            phase="deleting",
            status=a.status(
                phase="deleting", conditions=[{"code": "deleting", "message": "objects go"}]
            ),
            stable=None,
            traffic={"desired": None, "routed": a.traffic(1)},
        ),
    ]


def test_endpoint_list_over_two_pages(api: FakeApi, cli: Cli) -> None:
    first, *rest = every_kind_of_endpoint()
    api.on("GET", "/endpoints", a.page(first, token="more"), a.page(*rest))
    check("endpoint_list", cli.screen("endpoint", "list"))
    assert [request.query.get("page_token") for request in api.asked] == [None, "more"]


def test_the_overview_puts_first_what_needs_a_person(api: FakeApi, cli: Cli) -> None:
    api.on("GET", "/endpoints", a.page(*every_kind_of_endpoint()))
    check("status", cli.screen("status"))


def test_a_pipe_gets_whole_lines_without_colours_or_blanks_at_their_ends(
    api: FakeApi, cli: Cli
) -> None:
    long = "r2: " + "one pod of two is loading, " * 20 + "and that is all"
    api.on("GET", "/endpoints/demo/add-sub", a.with_candidate(message=long, name="a" * 40))
    api.on("GET", "/endpoints", a.page(a.with_candidate(name="a" * 40, reason="why " * 60)))
    api.on("GET", f"/rollouts/{a.ID}", a.rollout(awaits=long))
    cli.environ |= {"COLUMNS": "40", "TERM": "xterm"}
    got = cli("endpoint", "get", "add-sub").out
    assert f"Message:    {long}\n" in got
    listed = cli("endpoint", "list").out.splitlines()
    assert len(listed) == 2
    watched = cli("rollout", "status", a.ID).out
    assert f"Waiting for:  {long}\n" in watched
    assert a.verdict().message in watched
    for text in (got, *listed, watched):
        assert not re.search(r"\x1b|[─-╿]| $", text, re.MULTILINE)


def test_history_says_who_what_why_and_on_which_counts(api: FakeApi, cli: Cli) -> None:
    intent = {
        "generation": 7,
        "stable": 1,
        "candidate": 2,
        "candidate_traffic": {"percent": 25, "match": [], "mirror": 0},
    }
    back = {"generation": 8, "stable": 1}
    started = {"rollout": {"id": a.ID, "strategy": {"kind": "canary"}, "base": 1, "candidate": 2}}
    controller = f"system:rollout:{a.ID}"
    ledger = [
        a.entry(
            11, controller, "aborted", f"{a.FAIL.message} (0.5 s after the decision)", seconds=4
        ),
        a.entry(10, controller, "abort", f"back to r1: {a.FAIL.message}", seconds=5),
        a.entry(
            9, controller, "intent", f"back to r1: {a.FAIL.message}", {"intent": back}, seconds=5
        ),
        a.entry(8, "bob", "rollout.pause", "lunch", seconds=30),
        a.entry(8, controller, "step", "step 2 of 3: 25 %", minutes=1),
        a.entry(
            7,
            controller,
            "intent",
            "step 2 of 3: 25 %",
            {"intent": intent, "rollout": a.ID},
            minutes=1,
        ),
        a.entry(6, "alice", "rollout.start", "new weights", started, minutes=4),
        a.entry(
            5,
            "alice",
            "intent",
            "created",
            {"intent": {"generation": 1, "stable": 1, "candidate": None}},
            hours=30,
        ),
    ]
    api.on(
        "GET",
        "/endpoints/demo/add-sub/history",
        {"intents": [], "ledger": ledger, "next_page_token": None},
    )
    old = a.promoted(id=a.OLD_ID, base=0, candidate=1)
    api.on("GET", "/endpoints/demo/add-sub/rollouts", a.page(a.aborted(), old))
    check("history", cli.screen("rollout", "history", "add-sub"))


def test_rollout_list(api: FakeApi, cli: Cli) -> None:
    api.on("GET", "/endpoints/demo/add-sub/rollouts", a.page(a.rollout(), a.aborted(id=a.OLD_ID)))
    check("rollout_list", cli.screen("rollout", "list", "add-sub"))


def test_model_list(api: FakeApi, cli: Cli) -> None:
    made = {
        "model_id": "add_sub",
        "description": "",
        "created_at": a.ago(days=2).isoformat(),
        "created_by": "alice",
    }
    version = {
        **made,
        "version_id": "1",
        "uri": a.URI,
        "digest": "sha256-" + "ab" * 32,
        "mutable": False,
    }
    api.on("GET", "/models", a.page(made, {**made, "model_id": "empty"}))
    api.on("GET", "/models/add_sub/versions", a.page(version))
    api.on("GET", "/models/empty/versions", a.page())
    check("model_list", cli.screen("model", "list"))


def test_a_dry_run_shows_the_plan(api: FakeApi, cli: Cli) -> None:
    plan = a.rollout(
        phase="starting",
        step=0,
        steps=a.plan(-1),
        id="",
        expected_seconds=225.0,
        seconds_left=225.0,
        desired_percent=None,
        routed_percent=None,
        **a.UNMEASURED,
        verdicts=[],
        dry_run=True,
        awaits="r2 to get ready",
        wait=None,
    )
    api.on("POST", "/endpoints/demo/add-sub/rollouts", plan)
    line = ("rollout", "start", "add-sub", "--version", "2", "--dry-run")
    assert cli(*line).err.splitlines() == [
        f"◌ start would be accepted: {FOLLOWS}",
        "◌ dry run: this is what would happen; nothing was changed",
    ]
    assert api.asked[0].query == {"dry_run": "true"}
    check("rollout_dry_run", cli.screen(*line))
