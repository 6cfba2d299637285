"""`holdback` of a request: which plans can hold a share back, and the plan with that step."""

from collections.abc import Iterator

from tidegate.core.errors import Problem, Remediation
from tidegate.core.holdback import with_holdback
from tidegate.core.strategy import Kind, Strategy
from tidegate.schemas.requests.rollouts import StartRollout, StrategyIn

_FITS = (Kind.CANARY, Kind.AB, Kind.BLUE_GREEN)


def applied(plan: Strategy, body: StartRollout) -> Strategy:
    """The plan of a request, with its last step where a share is held back."""
    if body.holdback is None:
        return plan
    return with_holdback(plan, body.holdback)


def check(body: StartRollout) -> Iterator[Problem]:
    """Why a share cannot be held back by this plan."""
    if body.holdback is None:
        return
    if isinstance(body.strategy, StrategyIn):
        yield _unfit("a plan that is written out has its own last step", "write the step")
        return
    if body.strategy not in _FITS or body.match is not None:
        yield _unfit("only a plan by percents that promotes has a last step to add", "leave it out")


def _unfit(detail: str, text: str) -> Problem:
    return Problem("/holdback", detail, Remediation(text))
