"""The past as answered: intents, and entries of the ledger with what they record. Pure."""

from typing import Any

from tidegate.core.traffic import desired
from tidegate.core.turn import CONTROLLER
from tidegate.deployment_service import revisions, statuses
from tidegate.schemas import responses as out
from tidegate.store.ledger import Entry
from tidegate.store.values import StoredIntent

_ROLLOUT = CONTROLLER.format("")  # how the controller of a rollout signs


def intent(stored: StoredIntent) -> out.IntentOut:
    """An intent as answered."""
    value = stored.intent
    return out.IntentOut(
        generation=value.generation,
        stable=value.stable,
        candidate=value.candidate,
        traffic=statuses.traffic(desired(value)),
        autoscaling=revisions.autoscaling(value.scaling),
        author=value.author,
        reason=value.message,
        rollout_id=stored.rollout_id,
        at=statuses.when(stored.at),
    )


def entry(stored: Entry) -> out.EntryOut:
    """An entry of the ledger as answered."""
    body = dict(stored.body)
    return out.EntryOut(
        seq=stored.seq,
        at=statuses.at(stored.at),
        actor=stored.actor,
        action=stored.action,
        message=stored.message,
        rollout_id=_rollout_id(stored.actor, body),
        intent=_recorded_intent(body.get("intent")),
        rollout=_recorded_rollout(body.get("rollout")),
        called=_text(body.get("called")),
        kind=_text(body.get("kind")),
        body=body,
        hash=stored.hash,
    )


def _text(content: Any) -> str | None:
    if isinstance(content, str):
        return content
    return None


def _rollout_id(actor: str, body: dict[str, Any]) -> str | None:
    rollout = body.get("rollout")
    if isinstance(rollout, dict):
        return str(rollout["id"])
    if isinstance(rollout, str):
        return rollout
    if actor.startswith(_ROLLOUT):
        return actor.removeprefix(_ROLLOUT)
    return None


def _recorded_intent(body: Any) -> out.RecordedIntent | None:
    if not isinstance(body, dict):
        return None
    candidate_traffic = body.get("candidate_traffic") or {}
    return out.RecordedIntent(
        generation=body["generation"],
        stable=body["stable"],
        candidate=body.get("candidate"),
        percent=candidate_traffic.get("percent", 0),
        mirror_percent=candidate_traffic.get("mirror", 0),
        by_header=bool(candidate_traffic.get("match")),
    )


def _recorded_rollout(body: Any) -> out.RecordedRollout | None:
    if not isinstance(body, dict):
        return None
    return out.RecordedRollout(
        strategy=body["strategy"]["kind"], base=body["base"], candidate=body["candidate"]
    )
