"""Options of `rollout start` about requests and time."""

from typing import Annotated

import typer

from tidegate.core.ladder import MAX_EXPOSED
from tidegate.core.time_box import OnTimeBox

Preset = Annotated[
    str | None,
    typer.Option(
        help="low-traffic: blue-green with warm-up inferences and an approval, where too few "
        "requests come for a verdict."
    ),
]
MaxExposedRequests = Annotated[
    int | None,
    typer.Option(
        help="Most requests of the candidate before a verdict; then it pauses without a share. "
        f"Default: no limit with --steps, else {MAX_EXPOSED} or what a pass needs."
    ),
]
TimeBoxSeconds = Annotated[
    float | None,
    typer.Option(help="Seconds that a step may wait for enough requests; default: no time box."),
]
AtTimeBox = Annotated[
    OnTimeBox | None,
    typer.Option(
        "--on-time-box",
        help="Its end: pause (an approver may accept the stated bound), abort, or accept up to the "
        "tenant's maximum; default: pause.",
    ),
]
