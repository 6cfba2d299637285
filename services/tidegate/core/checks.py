"""Checks: what was asked of others about an endpoint, beside what its snapshot shows.

A reconcile asks nobody. Where it needs an answer that `Checks` lacks, it ends and names the check;
the worker brings the answer to the next reconcile, at once.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tidegate.core.allowed import EVERYTHING, Allowed
from tidegate.core.contract import Contract
from tidegate.core.intent import EndpointKey, Revision
from tidegate.core.observation import FailingContainer, LogLines, Observation
from tidegate.core.ports import Resolved, Snapshot, Unresolved
from tidegate.core.rollout import Rollout


@dataclass(frozen=True, slots=True)
class ColdPod:
    """A ready pod of a revision that has not answered its first inference. message: why, for
    people."""

    revision: int
    message: str

    @property
    def line(self) -> str:
        """The message with its revision."""
        return f"r{self.revision}: {self.message}"


@dataclass(frozen=True, slots=True)
class BytesUnread:
    """The bytes of a model are being read now; that may take minutes."""


Bytes = Resolved | Unresolved | BytesUnread


@dataclass(frozen=True, slots=True)
class Checks:
    """Answers to checks.

    allow_list: what the tenant may name now. marks: by generation, the mark of our own intent, None
    where we keep none. cold: pods that have not answered their first inference, by uid; None:
    nobody asked. compares: whether model contracts are compared at all. contract: the candidate's
    beside stable's, a line that says why it cannot be compared yet, or None: nobody asked. bytes:
    of mutable models, by revision. logs: the last lines of failing containers' logs, as far as they
    may be read; None: nobody asked.
    """

    allow_list: Allowed = EVERYTHING
    marks: Mapping[int, str | None] = field(default_factory=dict)
    cold: Mapping[str, ColdPod] | None = None
    compares: bool = False
    contract: Contract | str | None = None
    bytes: Mapping[int, Bytes] = field(default_factory=dict)
    logs: LogLines | None = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MarkCheck:
    """Which mark does our own intent of this generation carry?"""

    key: EndpointKey
    generation: int


@dataclass(frozen=True, slots=True)
class WarmUpCheck:
    """Which ready pods have not answered an inference? Pods of the `serving` revisions are left
    alone."""

    snapshot: Snapshot
    serving: frozenset[int]


@dataclass(frozen=True, slots=True)
class ContractCheck:
    """Does the candidate keep the model contract of stable? snapshot: as the drivers read it."""

    snapshot: Snapshot
    observation: Observation
    rollout: Rollout


@dataclass(frozen=True, slots=True)
class BytesCheck:
    """Which bytes lie at a mutable revision's URI now? Asked anew for each step, a rise from this
    generation."""

    key: EndpointKey
    generation: int
    revision: Revision


@dataclass(frozen=True, slots=True)
class LogCheck:
    """What are the last lines of these containers' logs? They decide nothing."""

    key: EndpointKey
    containers: tuple[FailingContainer, ...]


Check = MarkCheck | WarmUpCheck | ContractCheck | BytesCheck | LogCheck


@dataclass(frozen=True, slots=True)
class CandidateChecks:
    """What the checks say of one rollout's candidate. refuses: why it has to go back, '' where
    nothing does. compares, contract, uncompared: as in Checks; uncompared says why there is no
    contract yet. not_warm: why its pods are not warm, '' where they are."""

    refuses: str = ""
    compares: bool = False
    contract: Contract | None = None
    uncompared: str = ""
    not_warm: str = ""


NO_CHECKS = CandidateChecks()


def of_candidate(checks: Checks, candidate: int, refuses: str) -> CandidateChecks:
    """The checks that the decision over a candidate looks at."""
    contract = None
    uncompared = ""
    if isinstance(checks.contract, Contract):
        contract = checks.contract
    elif checks.contract is not None:
        uncompared = checks.contract
    cold = [pod.message for pod in (checks.cold or {}).values() if pod.revision == candidate]
    not_warm = "; ".join(dict.fromkeys(cold))
    return CandidateChecks(refuses, checks.compares, contract, uncompared, not_warm)
