"""The strategies that a rollout may have."""

from fastapi import APIRouter
from starlette.responses import Response

from tidegate.core.strategies import CHOICES, COMMON, Choice, Option
from tidegate.core.strategy import Step
from tidegate.deployment_service.calls import ReadCall, respond
from tidegate.deployment_service.routes import READ
from tidegate.schemas import responses as out

router = APIRouter(prefix="/strategies", tags=["strategies"])


@router.get("", operation_id="listStrategies", response_model=out.StrategiesOut, responses=READ)
def index(call: ReadCall) -> Response:
    """Every strategy with its default plan, its fields and an example. The same for every
    caller."""
    return respond(
        out.StrategiesOut(
            strategies=[_choice(choice) for choice in CHOICES],
            options=[_option(option) for option in COMMON],
        )
    )


def _choice(choice: Choice) -> out.StrategyChoiceOut:
    return out.StrategyChoiceOut(
        kind=choice.kind,
        title=choice.title,
        description=choice.description,
        steps=[_step(step) for step in choice.plan.steps],
        ending=choice.plan.ending,
        options=[_option(option) for option in choice.options],
        example=dict(choice.example),
    )


def _step(step: Step) -> out.PlannedStepOut:
    return out.PlannedStepOut(
        percent=step.candidate_traffic.percent,
        mirror_percent=step.candidate_traffic.mirror,
        size=step.candidate_traffic.replicas_percent,
        until=step.until,
        bake_seconds=step.bake,
    )


def _option(option: Option) -> out.OptionOut:
    return out.OptionOut(
        name=option.name, description=option.description, default=option.default, unit=option.unit
    )
