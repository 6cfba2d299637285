"""One reconcile of one endpoint: load, observe, `core.reconcile`, store, write, record. I/O only;
the core decides.

Level-triggered: a pass knows only what it reads now, so a crash between any two lines costs nothing
but the next one. Intents are stored before the cluster sees them; no transaction spans a call to
the cluster.
"""

import secrets
from dataclasses import replace

import structlog

from tidegate.core import reporting
from tidegate.core.checks import Checks
from tidegate.core.drivers.base import Memory
from tidegate.core.intent import Intent
from tidegate.core.known import Known
from tidegate.core.load import Rates
from tidegate.core.observation import LogLines
from tidegate.core.planned_writes import BACK_OFF_S
from tidegate.core.ports import NoData, Snapshot, Unavailable
from tidegate.core.reconcile import BLOCKED_S, reconcile
from tidegate.core.result import Result, conclude
from tidegate.core.scrapes import Scrape
from tidegate.core.status import EndpointStatus
from tidegate.deploy_worker import storing, writing
from tidegate.deploy_worker.answering import answered
from tidegate.deploy_worker.metrics import RECONCILES
from tidegate.deploy_worker.own.source import pods_of
from tidegate.deploy_worker.parts import LeaseLost, Overtaken, Parts
from tidegate.deploy_worker.warm_up import trusting
from tidegate.store import Context, Lease, LostLease, StoreUnavailable, codec, reconciles

log = structlog.get_logger()

FAILED_S = 10.0  # after a bug
MOST_CHECKS = 7  # that one pass may ask for, one after the other


def run(lease: Lease, parts: Parts) -> str:
    """Reconcile once. Return how it went, for the metrics: ok, lost, stale, unavailable, fenced,
    blocked, gone, failed."""
    result = _run(lease, parts)
    RECONCILES.labels(result).inc()
    return result


def _run(lease: Lease, parts: Parts) -> str:
    before = EndpointStatus()
    try:
        with parts.store.single() as tx:
            context = reconciles.load(tx, lease)
        if isinstance(context, LostLease):
            return "lost"
        before = context.status
        return _reconcile(lease, context, parts)
    except LeaseLost:
        return "lost"
    except Overtaken:
        storing.release(lease, parts, None, wake_in=0.0)
        return "stale"
    except StoreUnavailable:
        raise
    except Exception as error:
        # A bug in one endpoint's reconcile must not take the others with it, nor be seen in the log
        # alone.
        log.exception("reconcile failed", endpoint=str(lease.key))
        storing.release(lease, parts, reporting.fault(before, error), wake_in=FAILED_S)
        return "failed"


def _reconcile(lease: Lease, context: Context, parts: Parts) -> str:
    if context.intent is None:
        storing.release(lease, parts, reporting.without_intent(), wake_in=None)
        return "ok"
    snapshot = parts.cluster.observe(context.intent.key)
    if isinstance(snapshot, Unavailable):
        status = reporting.unreachable(context.status, snapshot.detail)
        wait = BACK_OFF_S
        if snapshot.lasting:
            wait = BLOCKED_S
        kept = storing.release(lease, parts, status, wake_in=wait)
        if kept:
            return "unavailable"
        return "lost"
    result = _decide(context, context.intent, parts, snapshot)
    notes = storing.store(lease, context, parts, result)
    if notes is None:
        return "stale"
    written = writing.carry_out(lease, context, parts, result)
    result = conclude(result, written)
    notes = (*notes, *storing.explained(parts, lease, result))
    kept = storing.record(lease, context, parts, result, notes)
    if kept:
        return result.kind.value
    return "lost"


def _decide(context: Context, intent: Intent, parts: Parts, snapshot: Snapshot) -> Result:
    """Passes over what was loaded and observed, until every check that they name is answered."""
    known = _known(context, intent, parts)
    scrape = None
    if known.measures(context.now):
        scrape = _with_own(parts.meter.scrape(intent.key), known, context.now, parts, snapshot)
    logs: LogLines | None = None
    if parts.sources.logs is None:
        logs = {}
    checks = Checks(
        allow_list=context.allowed or parts.sources.allowed,
        cold={} if parts.sources.warm_up is trusting else None,
        compares=parts.sources.contracts is not None,
        logs=logs,
    )
    for _ in range(MOST_CHECKS):
        result = reconcile(known, snapshot, scrape, checks, context.now)
        if isinstance(result, Result):
            return result
        checks = answered(result, checks, parts)
    last = type(result).__name__
    raise RuntimeError(f"a reconcile of {intent.key} asked for too many checks, last {last}")


def _with_own(
    scrape: Scrape | NoData, known: Known, now: float, parts: Parts, snapshot: Snapshot
) -> Scrape | NoData:
    """With the metrics of people's own that are due."""
    requests = known.own_due(now)
    if not requests or isinstance(scrape, NoData):
        return scrape
    key = known.intent.key
    pods = pods_of(snapshot, requests[0].revisions)
    return replace(scrape, own=parts.sources.own.read(key, pods, requests))


def _known(context: Context, intent: Intent, parts: Parts) -> Known:
    return Known(
        intent,
        {revision.number: revision for revision in context.revisions},
        parts.platform(context.store_id),
        context.rollouts,
        parts.capabilities(),
        codec.loads(Memory, context.memory or {}),
        context.status.refusals,
        parts.pace.interval,
        secrets.token_hex(4),
        context.status.drift,
        context.load,
        parts.pace.load,
        Rates(context.status.requests_per_second, context.status.error_rate),
    )


__all__ = ["Parts", "run"]
