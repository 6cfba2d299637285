"""What verdicts would have done, beside what people did."""

import pytest

from tidegate.core.agreement import Agreement, TrialRollout, counts
from tidegate.core.rollout import Outcome, Would, WouldHave

ABORT = Would(WouldHave.ABORTED, 10.0, 1, 10, 9, "errors: …")


def rollout(
    would: tuple[Would, ...], outcome: Outcome | None, stopped_by: str | None, requests: int = 412
) -> TrialRollout:
    return TrialRollout("one", "team", "fraud", 2, 0.0, would, outcome, stopped_by, requests)


CASES = (
    ((), Outcome.PROMOTED, None, Agreement.BOTH_PROMOTED),
    ((), Outcome.PROMOTED, "ann", Agreement.MISSED),
    ((), Outcome.ABORTED, "ann", Agreement.MISSED),
    ((), Outcome.ABORTED, None, Agreement.OPEN),
    ((), None, None, Agreement.OPEN),
    ((ABORT,), Outcome.PROMOTED, None, Agreement.FALSE_ALARM),
    ((ABORT,), Outcome.PROMOTED, "ann", Agreement.BOTH_STOPPED),
    ((ABORT,), Outcome.ABORTED, "ann", Agreement.BOTH_STOPPED),
    ((ABORT,), Outcome.ABORTED, None, Agreement.OPEN),
    ((ABORT,), Outcome.SUPERSEDED, None, Agreement.OPEN),
    ((ABORT,), None, None, Agreement.OPEN),
)


@pytest.mark.parametrize(("would", "outcome", "stopped_by", "agreement"), CASES)
def test_each_case_has_its_word(
    would: tuple[Would, ...],
    outcome: Outcome | None,
    stopped_by: str | None,
    agreement: Agreement,
) -> None:
    assert rollout(would, outcome, stopped_by).agreement is agreement


def test_requests_are_spared_only_where_people_stopped_it_too() -> None:
    assert rollout((ABORT,), Outcome.ABORTED, "ann").requests_spared == 403
    assert rollout((ABORT,), Outcome.PROMOTED, None).requests_spared == 0
    assert rollout((), Outcome.ABORTED, "ann").requests_spared == 0


def test_every_word_is_counted() -> None:
    rollouts = [rollout(would, outcome, by) for would, outcome, by, _ in CASES]
    number = counts(rollouts)
    assert sum(number.values()) == len(CASES)
    assert number[Agreement.OPEN] == 5
    assert counts([]) == dict.fromkeys(Agreement, 0)
