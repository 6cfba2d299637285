"""A version that turns bad after its promotion: it goes back by itself."""

import time

from tidegate.schemas.responses import EndpointOut, RolloutOut
from tidegate_local.demo.clients import Clients
from tidegate_local.demo.stage import DemoError, Stage, stable_of, until

_LATER_S = 5.0  # after the promotion; a minute would make the demo long


def play(stage: Stage, clients: Clients) -> None:
    """The clients begin to send what the promoted version was never tried with. Raises
    DemoError."""
    endpoint = stage.client.endpoint(*stage.endpoint)
    promoted = stable_of(endpoint)
    if endpoint.watch is None or endpoint.watch.until is None:
        raise DemoError(f"nobody watches r{promoted} after its promotion")
    stage.say(f"   r{promoted} is watched until {endpoint.watch.until:%H:%M:%S} UTC")
    time.sleep(_LATER_S)
    clients.turn_negative()
    began = time.monotonic()
    stage.say("   clients begin to send negative numbers, at which it fails")
    until(
        lambda: _endpoint(stage),
        lambda answer: _left(answer, promoted),
        180,
        "the watch to go back",
    )
    undone = until(lambda: _newest(stage), _is_promoted, 120, "the undo to end")
    spent = time.monotonic() - began
    if not undone.author.startswith("system:rollout:"):
        raise DemoError(f"{undone.author} went back, and not the watch")
    stage.say(f"   {undone.reason}")
    stage.say(f"   r{promoted} → r{undone.candidate} by {undone.author} in {spent:.1f} s")
    exposed = stage.totals().get(promoted, 0)
    stage.report.watched(promoted, undone.candidate, spent, exposed)


def _endpoint(stage: Stage) -> EndpointOut:
    return stage.client.endpoint(*stage.endpoint)


def _left(endpoint: EndpointOut, promoted: int) -> bool:
    return stable_of(endpoint) != promoted


def _newest(stage: Stage) -> RolloutOut:
    return next(stage.client.rollouts(*stage.endpoint))


def _is_promoted(rollout: RolloutOut) -> bool:
    return rollout.outcome == "promoted"
