"""POST evidence: counts of the caller's own experiment with an A/B, checked, kept, and given to the
rollout controller."""

from tidegate.core import experiments as rules
from tidegate.core.errors import Problem, Remediation
from tidegate.core.experiments import Counts
from tidegate.core.precedence import refuse_counts
from tidegate.core.rollout import Rollout
from tidegate.core.strategy import Kind, unit
from tidegate.deployment_service import lookup
from tidegate.deployment_service.calls import Call, Reply
from tidegate.deployment_service.who_wins import Running, check
from tidegate.schemas.requests.rollouts import EvidenceIn
from tidegate.store import experiments, ledger
from tidegate.store.engine import Tx
from tidegate.store.leases import poke
from tidegate.store.values import Endpoint
from tidegate.web.problems import invalid, refused

SHOWN_ONLY = "kept and shown, but no verdict is made of it: this rollout was started without metrics.experiment"


def add(tx: Tx, call: Call, running: Running, endpoint: Endpoint, body: EvidenceIn) -> Reply:
    """Keep counts; the rollout controller judges them with its next reconcile. The same counts
    again change nothing. Raises ApiError (409, 422)."""
    rollout = running.rollout
    _check_rollout(running)
    new = Counts(body.revision, body.successes, body.units, body.interval_start, body.interval_end)
    known = experiments.touching(tx, rollout.id, new.start, new.end)
    if new not in known:
        problems = rules.check(new, known, rollout, running.progress, experiments.now(tx))
        if problems:
            raise invalid(problems)
        _keep(tx, call, rollout, endpoint, new, body)
    warnings = []
    follows = "counted once the same interval of both revisions is there"
    if not rules.asked(rollout.strategy):
        warnings = [SHOWN_ONLY]
        follows = "shown beside the rollout"
    accepting = lookup.accepted("evidence", follows)
    return Reply(201, lookup.changed_rollout(tx, running.stored, accepting, warnings))


def _keep(
    tx: Tx, call: Call, rollout: Rollout, endpoint: Endpoint, new: Counts, body: EvidenceIn
) -> None:
    author = call.principal.name
    experiments.add(tx, rollout.id, new, author=author)
    state = {"rollout": rollout.id, "counts": body.model_dump()}
    ledger.append(
        tx, endpoint.id, ledger.Line(author, lookup.EVIDENCE, "counts of an experiment", state)
    )
    poke(tx, endpoint.key)


def _check_rollout(running: Running) -> None:
    """Whether it can take counts at all; which ones, the rule book says."""
    rollout = running.rollout
    if rollout.strategy.kind is not Kind.AB:
        detail = f"rollout {rollout.id} is a {rollout.strategy.kind}, and only an A/B takes counts from outside"
        raise refused(409, "not-an-ab", Problem("rollout", detail, Remediation("start an A/B")))
    if unit(rollout.strategy) is None:
        problem = Problem(
            "rollout",
            f"rollout {rollout.id} chooses by header, which is not randomised: its counts compare "
            "two populations, not "
            "two revisions",
            Remediation("approve or reject it, or start an A/B by percent"),
        )
        raise refused(409, "not-randomised", problem)
    check(running.stored.key, refuse_counts(running.open))
