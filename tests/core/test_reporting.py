"""The worker's one line about an endpoint that is on its way: it says what is missing."""

import pytest

from tidegate.core.conditions import Code, Condition, Wait
from tidegate.core.drivers.base import Memory
from tidegate.core.intent import EndpointKey, Intent, Mode
from tidegate.core.observation import Live, Observation, Trouble
from tidegate.core.planned_writes import Retry
from tidegate.core.reporting import report
from tidegate.core.result import Kind, Result
from tidegate.core.rollout import Progress, Rollout, RolloutWait, StepProgress, WaitsFor
from tidegate.core.status import EndpointStatus
from tidegate.core.steering import Decided
from tidegate.core.strategy import canary
from tidegate.core.traffic import Rule, Share, Traffic

KEY = EndpointKey("demo", "add-sub")
INTENT = Intent(KEY, 1, Mode.STANDARD, 1)
STABLE = Traffic((Rule((), (Share(1, 100),)),))
OTHER = Traffic((Rule((), (Share(2, 100),)),))


def after(
    observation: Observation, *waits: Wait, kind: Kind = Kind.OK, message: str = ""
) -> EndpointStatus:
    """The status after a pass that saw this and wrote nothing."""
    rollout = Rollout("ro-1", canary(), 1, 2, "ann")
    acting = None
    if message:
        acting = Decided(
            rollout,
            Progress(step=StepProgress(index=0), wait=RolloutWait(kind=WaitsFor.BAKE)),
            message,
            None,
        )
    retry = Retry((), INTENT.generation, 0.0, 0.0)
    return report(Result(kind, observation, INTENT, Memory(), retry, waits=waits, acting=acting))


@pytest.mark.parametrize(
    ("observation", "says"),
    [
        (Observation(), "r1 is being made"),
        (Observation((Live(1, desired=2, ready=0),)), "r1 has 0 of 2 replicas ready"),
        (Observation((Live(1, 1, 1),)), "now no route, desired r1 100 %"),
        (Observation((Live(1, 1, 1),), OTHER, settled=True), "now r2 100 %, desired r1 100 %"),
        (Observation((Live(1, 1, 1),), STABLE), "the gateway has not taken the route yet"),
        (
            Observation((Live(1, 1, 0, idle=True),), STABLE),
            "the gateway has not taken the route yet",
        ),
    ],
)
def test_an_endpoint_on_its_way_says_what_it_lacks(observation: Observation, says: str) -> None:
    endpoint_status = after(observation)
    assert (endpoint_status.phase, endpoint_status.message) == ("progressing", says)


@pytest.mark.parametrize(
    "observation",
    [
        Observation((Live(1, 1, 0, trouble=Trouble(failure="denied")),)),
        Observation(unmade="denied"),
    ],
)
def test_an_endpoint_that_cannot_be_made_is_degraded_and_says_why(observation: Observation) -> None:
    endpoint_status = after(observation)
    assert (endpoint_status.phase, endpoint_status.message) == ("degraded", "r1: denied")


def test_an_endpoint_that_lacks_nothing_is_ready() -> None:
    endpoint_status = after(Observation((Live(1, 1, 1),), STABLE, settled=True))
    assert (endpoint_status.phase, endpoint_status.message) == ("ready", "r1 100 %")


READY = Observation((Live(1, 1, 1),), STABLE, settled=True)


@pytest.mark.parametrize(
    ("code", "phase"),
    [
        (Code.WRITES_WAIT, "ready"),
        (Code.CANDIDATE_NOT_ALLOWED, "ready"),
        (Code.WRITE_UNANSWERED, "ready"),
        (Code.WRITE_REFUSED, "degraded"),
        (Code.WRITE_UNDONE, "degraded"),
        (Code.OBJECT_NEEDED, "progressing"),
    ],
)
def test_the_phase_goes_by_codes_whatever_the_messages_say(code: Code, phase: str) -> None:
    endpoint_status = after(
        READY, Wait(Condition(code, "refused by the cluster: held: gone")), message="step 1"
    )
    assert (endpoint_status.phase, endpoint_status.message) == (
        phase,
        "step 1; refused by the cluster: held: gone",
    )
    assert endpoint_status.waiting == ("refused by the cluster: held: gone",)
    assert [c.code for c in endpoint_status.conditions] == [Code.ROLLOUT, code, Code.SERVING]
    assert endpoint_status.conditions[0].params == {
        "rollout": "ro-1",
        "phase": "progressing",
        "waits_for": "bake",
    }


@pytest.mark.parametrize(
    ("kind", "code"), [(Kind.FENCED, Code.DATABASE_OLDER), (Kind.BLOCKED, Code.NOT_ALLOWED)]
)
def test_what_may_not_be_written_is_blocked(kind: Kind, code: Code) -> None:
    endpoint_status = after(READY, Wait(Condition(code, "so")), kind=kind)
    assert (endpoint_status.phase, endpoint_status.message) == ("blocked", "so")
