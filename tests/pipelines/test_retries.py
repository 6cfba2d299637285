"""A retry lasts as long as its task: what Argo does with the numbers of each template, when a pod
is deleted, a node drained, a container killed, early and late."""

from typing import Any

import pytest

from tests.pipelines.argo_retries import (
    PHASES,
    Cause,
    Ended,
    Interruption,
    Phase,
    Policy,
    Strategy,
    compiled,
    life,
    merged,
)
from tests.pipelines.documents import FILES, read

HOUR = 3600.0
DAY = 24 * HOUR
# The workflow-controller-configmap of KFP 2.17, and the one that docs/kubeflow.md shows
KFP_217 = Strategy(2, Policy.ON_ERROR)
DOCUMENTED = Strategy(2, Policy.ALWAYS)
OLD = {
    "backoffDuration": "5s",
    "backoffFactor": 2.0,
    "backoffMaxDuration": "60s",
    "maxRetryCount": 2,
}


def waiting_tasks() -> list[Any]:
    """Every task of every template that has a retry, with its time-out."""
    params = []
    for file in FILES:
        template = read(file)
        for task in template.tasks():
            if "retryPolicy" in task.body:
                label = template.component_of(task.body)["executorLabel"]
                limit = float(template.platform_executors[label]["activeDeadlineSeconds"])
                params.append(pytest.param(task.body, limit, id=f"{file.stem}-{task.name}"))
    return params


def test_the_model_shows_the_fault_of_a_minute() -> None:
    """As it was seen: deleted after 15 s, retried, and killed a minute after the first start."""
    strategy = compiled({"retryPolicy": OLD})
    ended = life(strategy, HOUR, DAY, [Interruption(15, Cause.DELETED)])
    assert ended == Ended(Phase.FAILED, (0.0, 20.0), "Max duration limit exceeded")
    late = life(strategy, DAY, DAY * 2, [Interruption(HOUR, Cause.DELETED)])
    assert late == Ended(Phase.FAILED, (0.0,), "Max duration limit exceeded")


def test_the_model_knows_that_a_duration_left_out_is_no_duration() -> None:
    left_out = {name: value for name, value in OLD.items() if name != "backoffMaxDuration"}
    ended = life(compiled({"retryPolicy": left_out}), HOUR, DAY, [Interruption(1, Cause.KILLED)])
    assert ended == Ended(Phase.FAILED, (0.0,), "Max duration limit exceeded")


@pytest.mark.parametrize("after", [10.0, HOUR, DAY])
@pytest.mark.parametrize("cause", Cause)
@pytest.mark.parametrize(("task", "timeout"), waiting_tasks())
def test_an_interrupted_task_goes_on(
    task: dict[str, Any], timeout: float, cause: Cause, after: float
) -> None:
    """With the policy that the docs ask for, whatever the cause; with Argo's own and with KFP
    2.17's, each for its half of the causes. The other half ends the run, not the rollout."""
    needs = 0.9 * timeout
    if after >= needs:
        after = needs / 2
    strategy = compiled(task)
    whole = life(merged(strategy, DOCUMENTED), needs, timeout, [Interruption(after, cause)])
    assert (whole.phase, len(whole.starts)) == (Phase.SUCCEEDED, 2)
    assert whole.starts[1] - after <= 60, "a heartbeat's shortest timeout"
    for defaults, retried in ((None, Phase.FAILED), (KFP_217, Phase.ERROR)):
        ended = life(merged(strategy, defaults), needs, timeout, [Interruption(after, cause)])
        if PHASES[cause] is retried:
            assert ended == whole
        else:
            assert (ended.message, len(ended.starts)) == ("Node not set to be retried", 1)


@pytest.mark.parametrize(("task", "timeout"), waiting_tasks())
def test_a_task_survives_several_interruptions_until_its_last_second(
    task: dict[str, Any], timeout: float
) -> None:
    """Each attempt has the task's whole time-out: no deadline of the retry ends it before."""
    interruptions = [Interruption(0.9 * timeout, Cause.EVICTED)] * 5
    ended = life(compiled(task), 5.5 * timeout, timeout, interruptions)
    assert (ended.phase, len(ended.starts)) == (Phase.SUCCEEDED, 6)


@pytest.mark.parametrize(("task", "timeout"), waiting_tasks())
def test_a_task_that_fails_is_repeated_for_minutes_only(
    task: dict[str, Any], timeout: float
) -> None:
    """A rollback is no interruption: the attempts that repeat it cost pods, and not the night."""
    refusals = [Interruption(5, Cause.KILLED)] * 10
    ended = life(compiled(task), timeout, timeout, refusals)
    assert (ended.phase, ended.message) == (Phase.FAILED, "No more retries left")
    assert ended.starts[-1] <= 120


def test_what_is_not_repeated_ends_before_anything_has_moved() -> None:
    """Preflight and the smoke tests that promote; KFP 2.17 repeats even these where a pod is
    gone."""
    for file in FILES:
        for task in read(file).tasks():
            if "retryPolicy" in task.body:
                continue
            assert task.name in ("preflight", "smoke")
            gone = [Interruption(10, Cause.GONE)]
            assert life(compiled(task.body), 60, HOUR, gone).phase is Phase.ERROR
            assert life(merged(None, KFP_217), 60, HOUR, gone).phase is Phase.SUCCEEDED
