"""Fields of the time around a promotion: a share that is held back before it, and the watch after
it."""

from typing import Annotated

from pydantic import Field, StrictInt

from tidegate.core import bounds
from tidegate.core.watch_values import OnWatchFail

WatchSeconds = Annotated[
    Annotated[float, Field(ge=bounds.WATCH.ge, le=bounds.WATCH.le)],
    Field(
        description="Seconds after the promotion in which the promoted revision is watched; old "
        "stable stays on standby as long. 0: nobody watches",
        examples=[1800.0],
    ),
]
WhenWatchFails = Annotated[
    OnWatchFail | None,
    Field(
        description="What follows where the promoted revision fails under the watch; default: undo "
        "in standard mode, and alert in knative mode, which would have to start pods first",
        examples=["undo"],
    ),
]
Holdback = Annotated[
    Annotated[StrictInt, Field(ge=bounds.HOLDBACK.ge, le=bounds.HOLDBACK.le)] | None,
    Field(
        description="Percent that old stable keeps in a last step before the promotion, which "
        "lasts and ends as the step before it; left out: no such step",
        examples=[10],
    ),
]
