"""Answers of the service, made with its own response models: a field that changes there breaks the
tests here."""

from datetime import UTC, datetime, timedelta
from typing import Any

from tidegate.core.conditions import Code
from tidegate.core.intent import Runtime
from tidegate.deployment_service import records
from tidegate.deployment_service.revisions import runtime_config
from tidegate.schemas import responses as out
from tidegate.store.ledger import Entry

AT = datetime(2026, 1, 1, tzinfo=UTC)  # the fake clock's start
ID = "11111111-2222-3333-4444-555555555555"
OLD_ID = "99999999-2222-3333-4444-555555555555"
URI = "s3://models/add_sub"


def ago(**span: float) -> datetime:
    return AT - timedelta(**span)


FOLLOWS = "the service says what follows"


def change(made: Any) -> out.RolloutChange:
    """The value of an answer, as the client reads it."""
    return out.RolloutChange.model_validate(made)


def plain(model: Any) -> Any:
    return model.model_dump(mode="json")


def revision(number: int) -> out.RevisionOut:
    return out.RevisionOut(
        revision=number,
        label=f"r{number}",
        model_id="add_sub",
        model_version_id=str(number),
        uri=f"{URI}/{number}/",
        digest=f"sha256-{number:064x}",
        runtime="kserve-tritonserver",
        runtime_config=runtime_config(Runtime()),
    )


def traffic(stable: int, candidate: int | None = None, percent: int = 0) -> out.TrafficOut:
    if candidate:
        shares = {stable: 100 - percent, candidate: percent}
    else:
        shares = {stable: 100}
    text = ", ".join(f"r{number} {share} %" for number, share in shares.items() if share)
    listed = [
        out.ShareOut(revision=number, percent=share) for number, share in shares.items() if number
    ]
    return out.TrafficOut(rules=[out.RuleOut(match=[], shares=listed, mirrors=[])], text=text)


def step(percent: int, state: str, **more: Any) -> out.StepOut:
    values: dict[str, Any] = {
        "match": [],
        "mirror_percent": 0,
        "replicas_percent": 0,
        "until": "no-fail",
        "bake_seconds": 60.0,
        "baked_seconds": {"done": 60.0, "current": 40.0, "ahead": 0.0}[state],
        "expected_seconds": 75.0,
    }
    return out.StepOut(percent=percent, state=state, **{**values, **more})


def plan(at: int) -> list[out.StepOut]:
    """Three steps, of which step `at` is the present one."""
    states = ["done" if index < at else "current" if index == at else "ahead" for index in range(3)]
    last = step(50, states[2], until="pass", expected_seconds=None)
    return [step(5, states[0]), step(25, states[1]), last]


def verdict(**more: Any) -> out.VerdictOut:
    values: dict[str, Any] = {
        "metric": "errors",
        "verdict": "undecided",
        "message": "errors: candidate 0 of 412 (0.0 %), stable 3 of 3708 (0.1 %): about 310 more "
        "candidate requests to "
        "pass (2m35s at the present rate)",
        "candidate_requests": 412,
        "candidate_bad": 0,
        "stable_requests": 3708,
        "stable_bad": 3,
        "requests_more": 310,
        "seconds_more": 155.0,
    }
    return out.VerdictOut(**{**values, **more})


FAIL = verdict(
    verdict="fail",
    message="errors: candidate 19 of 60 (31.7 %), stable 3 of 1140 (0.3 %): worse than stable at "
    "alpha 1 % (e = "
    "4.1e+09)",
    candidate_requests=60,
    candidate_bad=19,
    stable_requests=1140,
    stable_bad=3,
    requests_more=None,
    seconds_more=None,
)


EXPERIMENT = verdict(
    metric="experiment",
    message="experiment: candidate 41 of 1500 succeeded (2.73 %), stable 30 of 1500 succeeded "
    "(2.00 %): about "
    "9100 more "
    "candidate units to pass (6h04m at the present rate)",
    candidate_requests=1500,
    candidate_bad=1459,
    stable_requests=1500,
    stable_bad=1470,
    requests_more=9100,
    seconds_more=21840.0,
)


OWN = (
    verdict(
        metric="checkout",
        message="checkout: candidate 4 of 310 (1.3 %), stable 31 of 2790 (1.1 %): about 980 more "
        "candidate requests to pass (4m10s at the present rate)",
        candidate_requests=310,
        candidate_bad=4,
        stable_requests=2790,
        stable_bad=31,
        requests_more=980,
        seconds_more=250.0,
    ),
    verdict(
        metric="triton_queue_time",
        message="triton_queue_time: candidate 6.25, stable 4.875, objective 50: about 2m30s more "
        "to pass",
        candidate_requests=412,
        candidate_bad=0,
        stable_requests=0,
        stable_bad=0,
        requests_more=None,
        seconds_more=150.0,
        mean=out.MeanOut(candidate=6.25, stable=4.875, objective=50.0, max=200.0),
    ),
    verdict(
        metric="wait",
        message="wait: r2: no series",
        candidate_requests=0,
        stable_requests=0,
        stable_bad=0,
        requests_more=None,
        seconds_more=None,
        mean=out.MeanOut(candidate=None, stable=None, objective=0.5, max=2.0),
    ),
)


def pods(**more: Any) -> list[out.VerdictOut]:
    """The Metrics of pods; r2's containers restarted once."""
    none = {
        "candidate_requests": 0,
        "stable_requests": 0,
        "candidate_bad": 0,
        "requests_more": None,
    }
    none |= {"verdict": "pass", "stable_bad": 0, "seconds_more": None}
    restarts = {
        "metric": "restarts",
        "message": "r2: 1 restart, allowed 2",
        "candidate_bad": 1,
        "allowed": 2,
    }
    kills = {
        "metric": "oom_kills",
        "message": "r2: 0 kills for memory (OOMKilled), allowed 0",
        "allowed": 0,
    }
    silent = "r2: 0 s of this step with a share and no ready pod, allowed 20 s"
    last = {"metric": "no_ready_pods", "message": silent, "allowed": 20.0}
    return [verdict(**{**none, **item, **more}) for item in (restarts, kills, last)]


def rollout(**more: Any) -> Any:
    """A canary in its second step; the data plane is one step behind."""
    values: dict[str, Any] = {
        "id": ID,
        "namespace": "demo",
        "endpoint": "add-sub",
        "strategy": "canary",
        "ending": "promote",
        "attempt": 1,
        "base": 1,
        "candidate": 2,
        "phase": "progressing",
        "step": 2,
        "steps": plan(1),
        "desired_percent": 25,
        "routed_percent": 25,
        "measured_percent": 24.6,
        "measured_requests": 1730,
        "seconds_left": 55.0,
        "awaits": "baking 25 % for 40 of 60 s",
        "wait": out.WaitOut(what="bake", seconds=40),
        "verdicts": [verdict()],
        "analysis": {
            "alpha": 0.01,
            "metrics": {
                "errors": {
                    "fail_margin": 0.0,
                    "pass_margin": 0.01,
                    "objective": None,
                    "min_requests": 20,
                }
            },
        },
        "author": "alice",
        "reason": "new weights",
        "created_at": ago(minutes=4),
        "updated_at": ago(seconds=2),
    }
    changed = (
        more.keys() & out.RolloutChange.model_fields.keys() - out.RolloutOut.model_fields.keys()
    )
    kind = out.RolloutChange if changed else out.RolloutOut
    if changed:
        more = {"accepted": {"action": "start", "follows": FOLLOWS}, **more}
    return plain(kind(**{**values, **more}))


UNMEASURED = {"measured_percent": None, "measured_requests": None}


def promoted(**more: Any) -> Any:
    return rollout(
        **{
            **_over(3),
            "phase": "promoted",
            "outcome": "promoted",
            "outcome_message": "every step held",
            **more,
        }
    )


def aborted(**more: Any) -> Any:
    message = f"a metric failed: {FAIL.message}"
    return rollout(
        **{
            **_over(1),
            "phase": "aborted",
            "outcome": "aborted",
            "outcome_message": message,
            "verdicts": [FAIL],
            **more,
        }
    )


def _over(at: int) -> dict[str, Any]:
    return {
        "steps": plan(at),
        "step": at + 1,
        "desired_percent": None,
        "routed_percent": None,
        "measured_percent": None,
        "measured_requests": None,
        "seconds_left": None,
        "awaits": None,
        "wait": None,
        "ended_at": ago(seconds=3),
    }


def live(number: int, **more: Any) -> out.LiveOut:
    """A revision in the cluster, with one replica that is ready."""
    values: dict[str, Any] = {
        "desired_replicas": 1,
        "ready_replicas": 1,
        "restarts": 0,
        "failure": None,
        "youngest_ready_at": None,
        "idle": False,
        "address": None,
        "containers": [],
        "warming_up": False,
    }
    return out.LiveOut(revision=number, **{**values, **more})


def drift(**more: Any) -> out.DriftOut:
    """A field of the route that somebody changed."""
    facts: dict[str, Any] = {
        "object": "HTTPRoute add-sub",
        "field": "spec.rules",
        "observed": "50",
        "desired": "10",
        "manager": "kubectl-edit",
        "written_at": ago(seconds=70),
        "starts": "nothing",
        "seen_at": ago(seconds=65),
        "put_back": False,
        **more,
    }
    message = f"{facts['object']}: {facts['field']} is 50, desired 10; written by kubectl-edit"
    return out.DriftOut(message=message, **facts)


def status(*lives: out.LiveOut, **more: Any) -> out.StatusOut:
    """The worker's last word."""
    values: dict[str, Any] = {
        "phase": "ready",
        "message": "r1 100 %",
        "generation": 7,
        "conditions": [],
        "traffic": None,
        "settled": True,
        "drift": [],
        "urls": [],
        "requests_per_second": None,
        "refusals": [],
    }
    return out.StatusOut(live=list(lives), **{**values, **more})


SERVES = (Code.SERVING, "r1 100 %")
LOADS = (Code.NOT_WARM, "r2: one pod of two is loading")


def endpoint(name: str = "add-sub", *conditions: tuple[Code, str], **more: Any) -> Any:
    """An endpoint that serves quietly, or of which these conditions hold; a message alone says why
    stable fails."""
    if not conditions:
        message = more.get("message", SERVES[1])
        conditions = (SERVES if message == SERVES[1] else (Code.STABLE_FAILING, message),)
    values: dict[str, Any] = {
        "namespace": "demo",
        "name": name,
        "mode": "standard",
        "generation": 7,
        "phase": "ready",
        "message": "; ".join(message for _, message in conditions),
        "spec": out.SpecOut(name=name),
        "autoscaling": out.AutoscalingOut(minReplicas=1, maxReplicas=4, keda=True),
        "stable": revision(1),
        "candidate": None,
        "standby": [],
        "traffic": out.BothTraffics(desired=traffic(1), routed=traffic(1)),
        "urls": [f"http://{name}.demo.example.com"],
        "status": status(live(1)),
        "author": "alice",
        "reason": "created",
        "since": ago(hours=3, minutes=12),
    }
    changed = (
        more.keys() & out.EndpointChange.model_fields.keys() - out.EndpointOut.model_fields.keys()
    )
    if changed:
        kind = out.EndpointChange
        accepting = {"action": "create", "follows": FOLLOWS}
        more = {"accepted": accepting, **more}
    else:
        kind = out.EndpointOut
    made = kind(**{**values, **more})
    if made.status is not None and not made.status.conditions:
        made.status.conditions = [
            out.ConditionOut(code=code, message=message) for code, message in conditions
        ]
    return plain(made)


def with_candidate(*conditions: tuple[Code, str], name: str = "add-sub", **more: Any) -> Any:
    """The same endpoint while the canary runs."""
    bakes = (Code.ROLLOUT, "baking 25 % for 40 of 60 s")
    hold = ()
    if "message" not in more:
        hold = (bakes, LOADS)
    values: dict[str, Any] = {
        "candidate": revision(2),
        "traffic": out.BothTraffics(desired=traffic(1, 2, 25), routed=traffic(1, 2, 5)),
        "phase": "progressing",
        "status": status(
            live(1, desired_replicas=2, ready_replicas=2),
            live(2, desired_replicas=2, restarts=1, failure="loading"),
        ),
        "rollout": rollout(),
        "author": f"system:rollout:{ID}",
        "reason": "step 2 of 3: 25 %",
        "since": ago(seconds=40),
    }
    return endpoint(name, *(conditions or hold), **{**values, **more})


def page(*items: Any, token: str | None = None) -> Any:
    return {"items": list(items), "next_page_token": token}


def entry(seq: int, actor: str, action: str, message: str, body: Any = None, **span: float) -> Any:
    at = ago(**span).timestamp()
    return plain(
        records.entry(Entry("", seq, at, actor, action, message, body or {}, "", f"{seq:064x}"))
    )


def counts() -> out.ExperimentOut:
    """What the callers' own experiment saw."""
    return out.ExperimentOut(
        revision=2,
        successes=41,
        units=1500,
        interval_start=0,
        interval_end=60,
        author="alice",
        at=AT,
    )
