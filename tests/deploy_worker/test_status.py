"""The worker's one line about an endpoint that is on its way: it says what is missing."""

import pytest

from tidegate.core.intent import EndpointKey, Intent, Mode
from tidegate.core.observed import Live, Observed
from tidegate.core.traffic import Rule, Share, Traffic
from tidegate.deploy_worker.status import render
from tidegate.store import Context
from tidegate.store.values import Endpoint

KEY = EndpointKey("demo", "add-sub")
INTENT = Intent(KEY, 1, Mode.STANDARD, 1)
CONTEXT = Context(
    Endpoint("id", KEY, Mode.STANDARD, {}, 1, {}, 0, 0.0, "ann", None), "store", INTENT, (), (), {}, {}, 0.0
)
STABLE, OTHER = Traffic((Rule((), (Share(1, 100),)),)), Traffic((Rule((), (Share(2, 100),)),))


@pytest.mark.parametrize(
    ("observed", "says"),
    [
        (Observed(), "r1 is being made"),
        (Observed((Live(1, wanted=2, ready=0),)), "r1 has 0 of 2 replicas ready"),
        (Observed((Live(1, 1, 1),)), "now no route, wanted r1 100 %"),
        (Observed((Live(1, 1, 1),), OTHER, settled=True), "now r2 100 %, wanted r1 100 %"),
        (Observed((Live(1, 1, 1),), STABLE), "the gateway has not taken the route yet"),
        (Observed((Live(1, 1, 0, idle=True),), STABLE), "the gateway has not taken the route yet"),
    ],
)
def test_an_endpoint_on_its_way_says_what_it_lacks(observed: Observed, says: str) -> None:
    told = render(CONTEXT, "ok", INTENT, observed, "", ())
    assert (told["phase"], told["message"]) == ("progressing", says)


@pytest.mark.parametrize("observed", [Observed((Live(1, 1, 0, failure="denied"),)), Observed(unmade="denied")])
def test_an_endpoint_that_cannot_be_made_is_degraded_and_says_why(observed: Observed) -> None:
    told = render(CONTEXT, "ok", INTENT, observed, "", ())
    assert (told["phase"], told["message"]) == ("degraded", "r1: denied")


def test_an_endpoint_that_lacks_nothing_is_ready() -> None:
    told = render(CONTEXT, "ok", INTENT, Observed((Live(1, 1, 1),), STABLE, settled=True), "", ())
    assert (told["phase"], told["message"]) == ("ready", "r1 100 %")
