"""Whether somebody counts: without that no gate can decide, and a plan of gates would only wait for
its deadline."""

from collections.abc import Iterator, Sequence

from tidegate.core.errors import Remediation
from tidegate.core.preflight import Finding, Level, Request
from tidegate.core.strategy import Until

_GATES = (Until.NO_FAIL, Until.PASS)


TELL = Remediation(
    "set a time-out at the route or the revision that answers 504, count at Envoy Gateway, or watch "
    "the clients"
)


def check(request: Request, silent: Sequence[str], untold: Sequence[str] = ()) -> Iterator[Finding]:
    """silent: why gates could not decide. A plan that waits for them is refused; one that a person
    decides is only told that nothing guards it. untold: which requests without an answer nobody
    counts: gates decide without them."""
    yield from (Finding(Level.WARNING, "lost requests", text, remediation=TELL) for text in untold)
    if request.rollout is None or request.rollout.strategy.proven:
        level = Level.WARNING
        note = "rollouts of this endpoint will have no gates"
    elif any(step.until in _GATES for step in request.rollout.strategy.steps):
        level = Level.PROBLEM
        note = "or start a manual or blue-green rollout, which a person decides"
    else:
        level = Level.WARNING
        note = "nothing but its pods' health rolls this rollout back by itself"
    for message in silent:
        yield Finding(level, "evidence", f"{message}; {note}")
