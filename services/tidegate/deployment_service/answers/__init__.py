"""What the service answers: pydantic models, so that the OpenAPI document shows every field; one module per resource,
all of them here. Times are ISO 8601 in UTC, by the database's clock."""

from tidegate.deployment_service.answers.base import Answer, FindingOut, PreflightOut
from tidegate.deployment_service.answers.endpoints import EndpointOut, EndpointsPage
from tidegate.deployment_service.answers.models import ModelOut, ModelsPage, VersionOut, VersionsPage
from tidegate.deployment_service.answers.people import (
    AccessToken,
    BindingOut,
    BindingsOut,
    RevokedOut,
    TokenOut,
    TokensOut,
    UserOut,
    UsersOut,
    VerifiedOut,
)
from tidegate.deployment_service.answers.records import EntryOut, HistoryPage, IntentOut
from tidegate.deployment_service.answers.rollouts import (
    ContractOut,
    DifferenceOut,
    ExperimentOut,
    GuardOut,
    HoldOut,
    RolloutOut,
    RolloutsPage,
    StepOut,
    VerdictOut,
    WaitOut,
)
from tidegate.deployment_service.answers.system import CheckOut, DoctorOut, LedgerState, WhoAmI
from tidegate.deployment_service.answers.tenants import TenantOut
from tidegate.deployment_service.answers.traffic import (
    BothTraffics,
    RevisionOut,
    RevisionsPage,
    RuleOut,
    ScalingOut,
    ShareOut,
    TrafficOut,
)

__all__ = [
    "AccessToken",
    "Answer",
    "BindingOut",
    "BindingsOut",
    "BothTraffics",
    "CheckOut",
    "ContractOut",
    "DifferenceOut",
    "DoctorOut",
    "EndpointOut",
    "EndpointsPage",
    "EntryOut",
    "ExperimentOut",
    "FindingOut",
    "GuardOut",
    "HistoryPage",
    "HoldOut",
    "IntentOut",
    "LedgerState",
    "ModelOut",
    "ModelsPage",
    "PreflightOut",
    "RevisionOut",
    "RevisionsPage",
    "RevokedOut",
    "RolloutOut",
    "RolloutsPage",
    "RuleOut",
    "ScalingOut",
    "ShareOut",
    "StepOut",
    "TenantOut",
    "TokenOut",
    "TokensOut",
    "TrafficOut",
    "UserOut",
    "UsersOut",
    "VerdictOut",
    "VerifiedOut",
    "VersionOut",
    "VersionsPage",
    "WaitOut",
    "WhoAmI",
]
