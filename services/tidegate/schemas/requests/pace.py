"""How a rollout follows the traffic: what it may expose, how long it may wait, and by which
preset."""

from typing import Annotated, Literal

from pydantic import Field, StrictInt

from tidegate.core import bounds
from tidegate.core.time_box import OnTimeBox
from tidegate.schemas.requests.fields import Body

LOW_TRAFFIC = "low-traffic"


class PaceIn(Body):
    """Fields of the request that starts a rollout."""

    preset: Annotated[
        Literal["low-traffic"] | None,
        Field(
            description="A plan for a purpose. `low-traffic`: blue-green, whose candidate is warmed "
            "up with inferences of its own and promoted by an approval, because too few requests "
            "come for a verdict",
            examples=["low-traffic"],
        ),
    ] = None
    max_exposed_requests: Annotated[
        Annotated[StrictInt, Field(ge=bounds.MAX_EXPOSED.ge, le=bounds.MAX_EXPOSED.le)] | None,
        Field(
            description="Requests that the candidate may answer before a verdict; then it pauses "
            "and gets none. Default: no limit where steps are written out, else 10,000, or more "
            "where a pass is expected to need more",
            examples=[10_000],
        ),
    ] = None
    time_box_seconds: Annotated[
        Annotated[float, Field(gt=bounds.DEADLINE.gt, le=bounds.DEADLINE.le)] | None,
        Field(
            description="Seconds that a step may wait for enough requests before `on_time_box`; "
            "left out: none",
            examples=[3600.0],
        ),
    ] = None
    on_time_box: Annotated[
        OnTimeBox | None,
        Field(
            description="At the end of a time box: pause (the default; an approver may accept the "
            "stated bound), abort, or accept the bound up to the tenant's max_accepted_points",
            examples=["pause"],
        ),
    ] = None
