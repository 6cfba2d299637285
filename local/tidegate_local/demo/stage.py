"""What the demo plays on, and how it waits."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from tidegate.client import Client
from tidegate.core.errors import TidegateError
from tidegate.core.intent import EndpointKey
from tidegate.core.ports import NoData
from tidegate.schemas.responses import EndpointOut, RolloutOut
from tidegate_local.demo import counts
from tidegate_local.demo.report import Report
from tidegate_local.plane.link import Remote

_INTERVAL_S = 0.2
Answer = TypeVar("Answer", EndpointOut, RolloutOut)


class DemoError(TidegateError):
    """Something did not happen that must."""


@dataclass(slots=True)
class Stage:
    """What the demo plays on. say: one line for the audience."""

    client: Client
    remote: Remote
    plane: dict[str, Any]
    examples: Path
    folder: Path
    mode: str
    say: Callable[[str], None]
    key: EndpointKey
    report: Report = field(default_factory=Report)
    bad: counts.Totals = field(default_factory=dict)  # by revision, also of those that are gone

    @property
    def endpoint(self) -> tuple[str, str]:
        """As the client wants it."""
        return self.key.namespace, self.key.name

    def totals(self) -> counts.Totals:
        """Answers by revision, as Envoy counted them."""
        scrape = self.remote.scrape(self.key)
        if isinstance(scrape, NoData):
            return {}
        self.bad |= counts.bad(scrape)
        return counts.totals(scrape)


def stable_of(endpoint: EndpointOut) -> int:
    """The number of the revision that serves. Raises DemoError."""
    if endpoint.stable is None:
        raise DemoError(f"{endpoint.name} has no stable revision: {endpoint.message}")
    return endpoint.stable.revision


def until(
    observe: Callable[[], Answer], done: Callable[[Answer], bool], seconds: float, what: str
) -> Answer:
    """Ask until it is done; the last answer. what: that is waited for. Raises DemoError."""
    deadline = time.monotonic() + seconds
    while True:
        answer = observe()
        if done(answer):
            return answer
        if time.monotonic() > deadline:
            raise DemoError(f"waited {seconds:.0f} s for {what}; now: {_now(answer)}")
        time.sleep(_INTERVAL_S)


def _now(answer: EndpointOut | RolloutOut) -> str:
    if isinstance(answer, EndpointOut):
        return answer.message or answer.phase
    return answer.awaits or answer.phase
