"""From what a request says about requests and time to the plan, and from the plan to the answer."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

from tidegate.core import accepting
from tidegate.core.errors import Problem, Remediation
from tidegate.core.intent import EndpointKey
from tidegate.core.ladder import Ladder, following_traffic, ladder
from tidegate.core.load import Rates
from tidegate.core.rollout import Progress
from tidegate.core.strategy import Kind, Strategy, Until
from tidegate.core.time_box import OnTimeBox, TimeBox
from tidegate.deployment_service.statuses import when
from tidegate.schemas import responses as out
from tidegate.schemas.requests.pace import LOW_TRAFFIC
from tidegate.schemas.requests.rollouts import StartRollout
from tidegate.store import acceptance
from tidegate.store.engine import ReadTx
from tidegate.web.problems import invalid

_OF_REQUESTS = (Kind.CANARY, Kind.AB)


def problems(body: StartRollout, plan: Strategy) -> Iterator[Problem]:
    """What does not fit together. plan: before any of it is applied."""
    if body.preset is not None and "strategy" in body.model_fields_set:
        fits = body.strategy is Kind.BLUE_GREEN
        if not fits:
            yield Problem(
                "/strategy",
                f"does not fit beside preset {body.preset!r}, which is a blue-green",
                Remediation("leave one out"),
            )
    if body.preset is not None and body.steps is not None:
        detail = f"does not fit beside preset {body.preset!r}, whose candidate gets no share"
        yield Problem("/steps", detail, Remediation("leave one out"))
    if body.max_exposed_requests is not None and plan.kind not in _OF_REQUESTS:
        yield Problem(
            "/max_exposed_requests",
            f"does not fit here, for no step of a {plan.kind} sends requests to the candidate by "
            "itself",
            Remediation("leave it out, or use a canary"),
        )
    yield from _time_box_problems(body, plan)


def _time_box_problems(body: StartRollout, plan: Strategy) -> Iterator[Problem]:
    seconds = body.time_box_seconds
    if seconds is None:
        if body.on_time_box is not None:
            detail = "says what the end of a time box does, and there is none"
            remediation = Remediation(
                "send time_box_seconds beside it", command="--time-box-seconds"
            )
            yield Problem("/on_time_box", detail, remediation)
        return
    experiment = body.analysis.metrics.experiment is not None
    waits = any(step.until is not Until.APPROVAL for step in plan.steps)
    if experiment or not waits:
        yield Problem(
            "/time_box_seconds",
            "does not fit here, for no step waits for requests",
            Remediation("leave it out, and set deadlines.data_seconds for an experiment"),
        )
    data = body.deadlines.data_seconds
    if data is not None and seconds > data:
        yield Problem(
            "/time_box_seconds",
            f"{seconds:g} is above deadlines.data_seconds {data:g}, which pauses before it",
            Remediation("raise deadlines.data_seconds, or leave it out"),
        )


def kind_of(body: StartRollout) -> Literal[Kind.BLUE_GREEN] | None:
    """The strategy that a preset stands for; None where there is none."""
    if body.preset == LOW_TRAFFIC:
        return Kind.BLUE_GREEN
    return None


def applied(body: StartRollout, plan: Strategy) -> Strategy:
    """The plan with the bounds that were asked for."""
    plan = replace(plan, max_exposed=body.max_exposed_requests)
    if body.preset == LOW_TRAFFIC:
        because = (
            "preset low-traffic: blue-green; the candidate is warmed up with inferences of its own, "
            "then an approval promotes it"
        )
        plan = replace(plan, because=because)
    if body.time_box_seconds is None:
        return plan
    box = TimeBox(body.time_box_seconds, body.on_time_box or OnTimeBox.PAUSE)
    data = max(plan.deadlines.data, box.seconds)
    boxed = accepting.boxed(plan, box)
    return replace(boxed, deadlines=replace(boxed.deadlines, data=data))


def follows_traffic(body: StartRollout) -> bool:
    """Whether the steps are Tidegate's to choose."""
    return body.strategy is Kind.CANARY and body.steps is None and kind_of(body) is None


def from_rates(
    body: StartRollout, plan: Strategy, rates: Rates
) -> tuple[Strategy, tuple[str, ...]]:
    """The plan at these rates, with what it cannot keep. Steps that were written out stay as they
    are."""
    if not follows_traffic(body):
        return plan, ()
    made: Ladder = ladder(plan, rates, body.max_exposed_requests)
    data_given = body.deadlines.data_seconds is not None
    return following_traffic(plan, made, data_given=data_given), made.warnings


def with_policy(tx: ReadTx, key: EndpointKey, plan: Strategy) -> Strategy:
    """The plan with what the tenant's policy accepts by itself now. Raises ApiError (422) where the
    plan needs one, and there is none."""
    box = plan.time_box
    if box is None or box.then is not OnTimeBox.ACCEPT:
        return plan
    most = acceptance.most_points(tx, key.namespace)
    if most is None:
        raise invalid([_no_policy(key.namespace)])
    return replace(plan, time_box=replace(box, most_points=most))


def _no_policy(namespace: str) -> Problem:
    return Problem(
        "/on_time_box",
        f"'accept' needs a policy, and tenant {namespace} has none: nobody said how many points "
        "worse a candidate may be accepted without a person",
        Remediation(
            "an administrator of the tenant sets max_accepted_points, or send 'pause'",
            f"PUT /api/v1/tenants/{namespace}/acceptance",
            f"tidegate tenant accept {namespace} POINTS",
        ),
    )


def time_box(plan: Strategy, progress: Progress) -> out.TimeBoxOut | None:
    """The time box as answered."""
    box = plan.time_box
    if box is None:
        return None
    runs = 0 <= progress.step.index < len(plan.steps)
    statement = ""
    if runs:
        statement = accepting.statements(progress)
    return out.TimeBoxOut(
        seconds=box.seconds,
        on_time_box=box.then,
        max_accepted_points=box.most_points,
        points=accepting.worst(progress) if runs else None,
        statement=statement,
    )


def accepted_bounds(progress: Progress) -> list[out.AcceptedBoundOut]:
    """What was accepted, as answered."""
    return [
        out.AcceptedBoundOut(
            step=each.step,
            by=each.by,
            at=when(each.at),
            points=each.points,
            requests=each.requests,
            statement=each.statement,
        )
        for each in progress.allowance.accepted
    ]
