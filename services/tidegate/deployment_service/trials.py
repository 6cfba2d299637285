"""From rollouts in trial to the report about them. Pure: no store, no clock."""

from collections.abc import Sequence

from tidegate.core.agreement import Agreement, TrialRollout, counts
from tidegate.deployment_service import statuses, views
from tidegate.schemas import responses as out


def report(since: float, rollouts: Sequence[TrialRollout], limit: int) -> out.TrialReportOut:
    """What came of these rollouts, the newest first. since: epoch seconds. limit: of rollouts that
    were read."""
    number = counts(rollouts)
    return out.TrialReportOut(
        since=statuses.at(since),
        both_promoted=number[Agreement.BOTH_PROMOTED],
        both_stopped=number[Agreement.BOTH_STOPPED],
        false_alarms=number[Agreement.FALSE_ALARM],
        missed=number[Agreement.MISSED],
        open=number[Agreement.OPEN],
        requests_spared=sum(rollout.requests_spared for rollout in rollouts),
        rollouts=[_rollout(rollout) for rollout in rollouts],
        truncated=len(rollouts) == limit,
    )


def _rollout(rollout: TrialRollout) -> out.TrialRolloutOut:
    return out.TrialRolloutOut(
        id=rollout.id,
        namespace=rollout.namespace,
        endpoint=rollout.endpoint,
        candidate=rollout.candidate,
        created_at=statuses.at(rollout.created_at),
        agreement=rollout.agreement,
        would_have=[views.would(each) for each in rollout.would],
        outcome=rollout.outcome,
        stopped_by=rollout.stopped_by,
        exposed_requests=rollout.requests,
        requests_spared=rollout.requests_spared,
    )
