"""One preflight: who may work here, what the cluster refuses and where, whether somebody counts,
how it goes back."""

from dataclasses import replace
from typing import cast

import pytest

from tests.core.values import KEY
from tests.simulation.lab import Lab
from tidegate.core import strategy
from tidegate.core.drivers.rendering import Gateway, Platform
from tidegate.core.intent import Intent, Mode, Model, Revision, Runtime, Scaling
from tidegate.core.ports import (
    Apply,
    Capabilities,
    Conflict,
    NoData,
    Refused,
    Snapshot,
    Unavailable,
)
from tidegate.core.preflight import Level, Request
from tidegate.core.rollout import Rollout
from tidegate.deploy_worker.parts import Parts
from tidegate.deploy_worker.preflight import times
from tidegate.deploy_worker.preflight.dry_runs import differs
from tidegate.deploy_worker.preflight.run import LIMIT_S, run
from tidegate.deploy_worker.preflight.site import Anywhere
from tidegate.store import Store

REVISIONS = tuple(
    Revision(n, Model("m", str(n), f"s3://m/{n}", f"sha256-{n}"), Runtime(), "d") for n in (1, 2)
)
PLAN = strategy.canary((10, 25))


class Silent:
    def scrape(self, key):
        return NoData("nobody counts")


class Picky:
    """A cluster that answers a dry run with what `say` gives for its manifest, else as the fake
    does."""

    def __init__(self, say):
        self.inner = Lab().cluster
        self.say = say

    def observe(self, key):
        return self.inner.observe(key)

    def write(self, write, *, dry_run=False):
        assert dry_run, "a preflight writes nothing"
        assert isinstance(write, Apply)
        return self.say(write.manifest) or self.inner.write(write, dry_run=True)


class Site(Anywhere):
    def __init__(self, denied=None, silent=(), untold=()):
        self._denied = denied
        self._silent = silent
        self._untold = untold

    def denied(self, namespace):
        return self._denied

    def evidence(self, key, mode, runtime):
        return self._silent

    def untold(self, mode, runtime):
        return self._untold


def observe(
    say=lambda _: None,
    *,
    plan=PLAN,
    site=None,
    caps=Capabilities,
    mode=Mode.STANDARD,
    clock=lambda: 0.0,
    **intent,
):
    at = Intent(KEY, 1, mode, 1, **{"scaling": Scaling(1, 2), **intent})
    parts = Parts(
        cast(Store, None),
        Picky(say),
        Silent(),
        lambda store: Platform(store, Gateway("main", "gateways")),
        caps,
        site=site or Site(),
    )
    messages = []
    report = run(
        Request(at, REVISIONS, Rollout("ro", plan, 1, 2, "ann")),
        parts,
        "store",
        messages.append,
        clock,
    )
    return replace(report), messages


def problems(report):
    return report.of(Level.PROBLEM)


def weight(manifest, percent):
    rules = ()
    if "spec" in manifest:
        rules = manifest["spec"].get("rules", ())
    return any(ref["weight"] == percent for rule in rules for ref in rule["backendRefs"])


def test_nothing_wrong_is_a_report_without_problems():
    report, message = observe()
    assert problems(report) == ()
    assert report.checked > 5
    assert message[0] == "looking at team/fraud"
    assert any("objects went through" in line for line in message)


def test_a_refusal_names_the_step_the_place_and_the_words_once():
    report, _ = observe(lambda m: Refused("policy says no") if weight(m, 25) else None)
    (problem,) = problems(report)
    assert (problem.step, problem.index, problem.object) == (
        "step 2 of 2: 25 %",
        1,
        "HTTPRoute team/fraud",
    )
    assert (problem.path, problem.detail) == (
        "spec.rules[0].backendRefs[0].weight",
        "policy says no",
    )


def test_the_server_s_own_path_is_better_than_ours():
    report, _ = observe(lambda m: Refused("bad", "spec.x") if weight(m, 25) else None)
    assert [problem.path for problem in problems(report)] == ["spec.x"]


def test_an_object_that_came_meanwhile_is_a_problem_too():
    report, _ = observe(lambda m: Conflict("exists") if m["kind"] == "HTTPRoute" else None)
    assert {problem.detail for problem in problems(report)} == {"exists; look, then ask again"}


def test_a_cluster_that_goes_away_is_no_answer():
    report, _ = observe(lambda _: Unavailable("refused"))
    assert (report.trouble, report.findings) == ("the cluster does not answer: refused", ())


def test_a_slow_admission_is_not_waited_for_and_said():
    now = [0.0]

    def slow(_):
        now[0] += LIMIT_S / 2

    report, _ = observe(slow, clock=lambda: now[0])
    assert report.checked == 2
    assert "took too long" in report.of(Level.UNCHECKED)[0].detail


def test_a_namespace_that_is_not_ours_ends_it():
    report, _ = observe(site=Site(denied="namespace team is not permitted: bind the role"))
    (finding,) = report.findings
    assert (finding.rule, finding.level) == ("tenant", Level.PROBLEM)


@pytest.mark.parametrize(
    ("plan", "level", "words"),
    [
        (PLAN, Level.PROBLEM, "manual or blue-green"),
        (strategy.blue_green(), Level.WARNING, "by itself"),
        (strategy.manual(), Level.WARNING, "by itself"),
        (strategy.shadow(), Level.PROBLEM, "manual or blue-green"),
    ],
)
def test_without_a_metric_source_only_what_a_person_decides_may_start(plan, level, words):
    report, _ = observe(plan=plan, site=Site(silent=("no metric source: gates cannot decide",)))
    (finding,) = report.findings
    assert (finding.level, finding.rule) == (level, "evidence")
    assert words in finding.detail


def test_a_proxy_that_does_not_count_lost_requests_is_named_and_refuses_nothing():
    report, _ = observe(site=Site(untold=("the proxy counts a client that left as a 200",)))
    (finding,) = report.findings
    assert (finding.level, finding.rule) == (Level.WARNING, "lost requests")
    assert "time-out" in finding.text


def test_what_the_cluster_cannot_do_is_refused_by_the_one_rule_book():
    report, _ = observe(caps=lambda: Capabilities(gateway=False))
    assert ["needs the Gateway API" in problem.detail for problem in problems(report)] == [True]
    report, _ = observe(caps=lambda: Capabilities(keda=False), scaling=Scaling(1, 2, keda=True))
    assert any("needs KEDA" in problem.detail for problem in problems(report))


def test_the_rollback_is_a_weight_in_standard_mode_and_a_start_in_knative_mode():
    report, _ = observe()
    assert report.undo_seconds == times.ROUTE_S
    assert "on standby for 30m00s" in report.undo
    report, _ = observe(mode=Mode.KNATIVE)
    assert (report.undo_seconds, report.start_seconds) == (None, None)
    assert report.undo.startswith("r1 starts its pods again: as long as its pods need to start")


def started(*, ready: str, available: str | None, number: int = 1) -> Snapshot:
    """r1's pod, made at midnight: when its readiness last changed, and when its Deployment was
    first available."""
    labels = {"tidegate.dev/revision": f"r{number}"}
    pod = {
        "kind": "Pod",
        "metadata": {"name": "p", "creationTimestamp": "2026-01-01T00:00:00Z", "labels": labels},
        "status": {
            "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": ready}]
        },
    }
    reason = "ReplicaSetUpdated"
    if available:
        reason = "NewReplicaSetAvailable"
    progress = {
        "type": "Progressing",
        "status": "True",
        "reason": reason,
        "lastUpdateTime": available or ready,
    }
    deployment = {
        "kind": "Deployment",
        "metadata": {"name": "d", "labels": labels},
        "status": {"conditions": [progress]},
    }
    return Snapshot(KEY, (pod, deployment))


def test_how_long_a_start_takes_is_read_off_the_first_time_ready() -> None:
    at_once = started(ready="2026-01-01T00:00:42Z", available="2026-01-01T00:00:42Z")
    assert times.starts(at_once, 1) == 42.0
    assert times.starts(at_once, 2) is None
    flipped = started(ready="2026-01-01T00:14:00Z", available="2026-01-01T00:00:42Z")
    assert times.starts(flipped, 1) == 42.0, "readiness that comes and goes is no start"


def test_what_is_not_known_of_a_start_is_not_said() -> None:
    assert times.starts(started(ready="2026-01-01T00:00:42Z", available=None), 1) is None
    later = started(ready="2026-01-01T00:00:42Z", available="2025-12-31T00:00:00Z")
    assert times.starts(later, 1) is None, "the pods that became available first are gone"


def test_durations_of_one_sentence_are_written_alike() -> None:
    rollout = Rollout("x", PLAN, 1, 2, "ann")
    request = Request(Intent(KEY, 1, Mode.STANDARD, 1, 2), REVISIONS, rollout)
    assert times.undo(request, 840.0)[1] == (
        "one change of weights, about 1s: r1 is on standby for 30m00s after a promotion; later it "
        "starts again "
        "(about 14m00s, as its pods took to start)"
    )


def test_the_place_is_where_a_refused_object_says_something_new():
    before = {"metadata": {"annotations": {"g": "1"}}, "spec": {"rules": [{"w": 1}, {"w": 2}]}}
    after = {"metadata": {"annotations": {"g": "2"}}, "spec": {"rules": [{"w": 1}, {"w": 3}]}}
    assert differs(before, after) == "spec.rules[1].w"
    assert differs(before, {**before, "metadata": {}}) == "", "a counter is no place"
    assert differs(None, after) == ""
    assert differs({"spec": {"rules": [1]}}, {"spec": {"rules": [1, 2]}}) == "spec.rules"
