"""The command that goes forward is one that is accepted."""

from dataclasses import replace

import pytest

from tests.core.values import KEY
from tidegate.core import strategy
from tidegate.core.commands import forward
from tidegate.core.open_rollout import OpenRollout
from tidegate.core.precedence import Promotion, decide_promotion
from tidegate.core.rollout import Outcome, Pause, PauseKind, Progress, Rollout, StepProgress

PROMOTE = f"tidegate rollout promote {KEY}"
APPROVAL = Rollout("ro-1", strategy.blue_green(), 1, 2, "ann")
CANARY = replace(APPROVAL, strategy=strategy.canary())
WAITS = Progress(step=StepProgress(index=0))
ANSWERED = Progress(
    step=StepProgress(index=0, approved_by="bob"), pause=Pause(PauseKind.PAUSED, "bob", "lunch")
)


@pytest.mark.parametrize(
    ("rollout", "progress", "options"),
    [
        (APPROVAL, WAITS, "--step 1"),
        (APPROVAL, ANSWERED, "--force"),
        (CANARY, WAITS, "--force"),
    ],
    ids=["waits", "answered", "canary"],
)
def test_it_is_accepted(rollout: Rollout, progress: Progress, options: str) -> None:
    assert forward(KEY, rollout, progress) == f"{PROMOTE} {options}"
    step = None
    if options == "--step 1":
        step = 1
    running = OpenRollout(rollout, progress)
    promotion = decide_promotion(running, override=options == "--force", step=step)
    assert isinstance(promotion, Promotion)


@pytest.mark.parametrize("ending", Outcome)
def test_none_is_named_where_the_end_is_decided(ending: Outcome) -> None:
    progress = replace(WAITS, end=replace(WAITS.end, toward=ending))
    assert forward(KEY, APPROVAL, progress) == ""
    assert not isinstance(
        decide_promotion(OpenRollout(APPROVAL, progress), override=True), Promotion
    )
