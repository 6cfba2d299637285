"""From the status that the worker stored to the one that is answered. Pure: no store, no clock.

Worker and service may be of different versions for a while, so what does not fit is left out, never
an error.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from tidegate.core import traffic as traffics
from tidegate.core.drift import Drift
from tidegate.core.intent import HeaderMatch
from tidegate.core.load import Rates
from tidegate.core.observation import Live
from tidegate.core.shown_address import shown_address
from tidegate.core.traffic import Share, Traffic
from tidegate.core.watch_values import WatchStatus
from tidegate.schemas import responses as out

T = TypeVar("T")
Status = Mapping[str, Any]
_TRAFFIC: TypeAdapter[Traffic | None] = TypeAdapter(Traffic | None)
_LIVE = TypeAdapter(tuple[Live, ...])
_DRIFT = TypeAdapter(tuple[Drift, ...])
_WATCH: TypeAdapter[WatchStatus | None] = TypeAdapter(WatchStatus | None)
_CONDITION: TypeAdapter[out.ConditionOut | None] = TypeAdapter(out.ConditionOut | None)


def when(seconds: float | None) -> datetime | None:
    """Epoch seconds as a time in UTC; None stays None."""
    if seconds is None:
        return None
    return at(seconds)


def at(seconds: float) -> datetime:
    """Epoch seconds as a time in UTC."""
    return datetime.fromtimestamp(seconds, UTC)


def status(stored: Status) -> out.StatusOut | None:
    """The worker's last word; None before its first."""
    if not stored:
        return None
    return out.StatusOut(
        phase=phase(stored) or out.EndpointPhase.UNKNOWN,
        message=message(stored),
        generation=stored.get("generation"),
        conditions=_conditions(stored),
        live=[_live(live) for live in lives(stored)],
        traffic=traffic(routed_traffic(stored)),
        settled=bool(stored.get("settled")),
        drift=_drift(stored.get("drift")),
        urls=urls(stored),
        requests_per_second=rates(stored).requests_per_second,
        error_rate=rates(stored).error_rate,
        refusals=_refusals(stored.get("refusals")),
    )


def phase(stored: Status) -> out.EndpointPhase | None:
    """The worker's word for the endpoint; None before its first, or where it is none of ours."""
    text = stored.get("phase")
    if text not in tuple(out.EndpointPhase):
        return None
    return out.EndpointPhase(text)


def message(stored: Status) -> str:
    """The worker's one line."""
    return str(stored.get("message") or "")


def routed_traffic(stored: Status) -> Traffic | None:
    """What the worker last saw; None where it has not looked, or there is no route."""
    return _read(_TRAFFIC, stored.get("traffic"), None)


def lives(stored: Status) -> tuple[Live, ...]:
    """The revisions that the worker last saw in the cluster."""
    return _read(_LIVE, stored.get("live") or (), ())


def address(stored: Status, revision: int) -> str | None:
    """URL where one revision alone answers, as the worker last saw it."""
    results = (live.address for live in lives(stored) if live.revision == revision)
    url = next(results, None)
    if not url:
        return None
    return shown_address(url)


def rates(stored: Status) -> Rates:
    """Requests per second and stable's share of bad answers, as the worker measured them."""
    return Rates(_figure(stored.get("requests_per_second")), _figure(stored.get("error_rate")))


def _figure(stored: object) -> float | None:
    if isinstance(stored, int | float) and stored >= 0:
        return float(stored)
    return None


def watch(stored: Status) -> WatchStatus | None:
    """The watch that follows the last promotion, as the worker last told it."""
    return _read(_WATCH, stored.get("watch"), None)


def urls(stored: Status) -> list[str]:
    """Where clients call the endpoint, as the worker last saw it."""
    return [shown_address(url) for url in _texts(stored.get("urls"))]


def traffic(value: Traffic | None) -> out.TrafficOut | None:
    """Traffic as answered."""
    if value is None:
        return None
    rules = [
        out.RuleOut(
            match=headers(rule.match), shares=_shares(rule.shares), mirrors=_shares(rule.mirrors)
        )
        for rule in value.rules
    ]
    return out.TrafficOut(rules=rules, text=traffics.describe(value))


def headers(match: Sequence[HeaderMatch]) -> list[out.HeaderOut]:
    """Header matches as answered."""
    return [out.HeaderOut(name=header.name, value=header.value) for header in match]


def _shares(shares: Sequence[Share]) -> list[out.ShareOut]:
    return [out.ShareOut(revision=share.revision, percent=share.percent) for share in shares]


def _live(live: Live) -> out.LiveOut:
    return out.LiveOut(
        revision=live.revision,
        desired_replicas=live.desired,
        ready_replicas=live.ready,
        restarts=live.trouble.restarts,
        failure=live.trouble.failure,
        youngest_ready_at=when(live.youngest),
        idle=live.idle,
        address=live.address,
        containers=[
            out.ContainerOut(id=c.id, restarts=c.restarts, killed=c.killed)
            for c in live.trouble.containers
        ],
        warming_up=live.not_warmed_up,
        beside=list(live.trouble.beside),
        log=list(live.trouble.log),
    )


def _drift(stored: object) -> list[out.DriftOut]:
    drifts = _read(_DRIFT, stored or (), ())
    return [
        out.DriftOut(
            object=drift.object,
            field=drift.field,
            observed=drift.observed,
            desired=drift.desired,
            manager=drift.manager,
            written_at=when(drift.written_at),
            starts=drift.starts,
            seen_at=at(drift.seen_at),
            put_back=drift.put_back,
            message=drift.message,
        )
        for drift in drifts
    ]


def _conditions(stored: Status) -> list[out.ConditionOut]:
    known = (_read(_CONDITION, condition, None) for condition in stored.get("conditions") or ())
    return [condition for condition in known if condition is not None]


def _refusals(stored: object) -> list[out.RefusedOut]:
    if not isinstance(stored, list):
        return []
    return [
        out.RefusedOut(
            generation=refusal["generation"],
            message=refusal["detail"],
            at=at(refusal["at"]),
        )
        for refusal in stored
    ]


def _texts(stored: object) -> list[str]:
    if isinstance(stored, list):
        return [str(text) for text in stored]
    return []


def _read(adapter: TypeAdapter[T], stored: object, default: T) -> T:
    try:
        return adapter.validate_python(stored)
    except ValidationError:  # a worker of another version
        return default
