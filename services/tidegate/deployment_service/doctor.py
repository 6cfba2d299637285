"""What an installation has and what it lacks, by the worker's last word: for `tidegate doctor` and
/readyz."""

from collections.abc import Sequence

from tidegate.core.ports import Fact, State
from tidegate.store import workers
from tidegate.store.engine import ReadTx

WORKER = "worker"


def examine(tx: ReadTx, timeout: float) -> tuple[Fact, ...]:
    """The service's own parts, then the cluster's. timeout: seconds after which a silent worker
    counts as gone."""
    return (
        Fact("database", State.OK, "answers", needed=True),
        _worker(tx, timeout),
        *cluster_facts(tx, timeout),
    )


def _worker(tx: ReadTx, timeout: float) -> Fact:
    worker = workers.newest(tx)
    if worker is None:
        return Fact(
            WORKER, State.MISSING, "none has ever reported", "start a deploy-worker", needed=True
        )
    message = f"{worker.owner} reported {worker.age:.0f} s ago"
    if worker.age > timeout:
        return Fact(WORKER, State.MISSING, message, "look at its log, or start one", needed=True)
    return Fact(WORKER, State.OK, message, needed=True)


def cluster_facts(tx: ReadTx, timeout: float) -> tuple[Fact, ...]:
    """What a living worker says of its cluster; not checked where none lives."""
    worker = workers.newest(tx)
    if worker is None or worker.age > timeout:
        return (
            Fact("cluster", State.UNCHECKED, "no worker lives, and only a worker sees the cluster"),
        )
    return worker.capabilities.facts or (
        Fact("cluster", State.UNCHECKED, "; ".join(worker.capabilities.notes)),
    )


def healthy(facts: Sequence[Fact]) -> bool:
    """Whether nothing that is needed is missing."""
    return not any(fact.needed and fact.state is State.MISSING for fact in facts)
