"""What a simulation's reconcile asks of others: allow-lists, contracts, the bytes of models,
warm-ups, admission."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import assert_never

from tidegate.core.allowed import EVERYTHING, Allowed
from tidegate.core.checks import (
    Bytes,
    BytesCheck,
    Check,
    Checks,
    ColdPod,
    ContractCheck,
    LogCheck,
    MarkCheck,
    WarmUpCheck,
)
from tidegate.core.contract import Contract
from tidegate.core.drivers.pod_state import ready_since
from tidegate.core.drivers.rendering import number_of
from tidegate.core.ports import Apply, Refused, Resolved, Snapshot, Write


@dataclass(slots=True)
class Outside:
    """A test changes these as it goes.

    allow_list: of the tenant. contract: the answer where contracts are compared, None where nobody
    can. bytes: what is read at a revision's URI; one without an entry has the bytes it was made of.
    cold: revisions whose pods answer no inference. logs: of containers, by name; empty where none
    may be read. denies: kinds whose writes admission refuses.
    """

    allow_list: Allowed = EVERYTHING
    contract: Contract | str | None = None
    bytes: dict[int, Bytes] = field(default_factory=dict)
    cold: set[int] = field(default_factory=set)
    denies: set[str] = field(default_factory=set)
    logs: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def checks(self) -> Checks:
        """What a pass knows before it asks."""
        return Checks(
            self.allow_list,
            cold=None if self.cold else {},
            compares=self.contract is not None,
            logs=None,
        )

    def answered(self, check: Check, checks: Checks) -> Checks:
        """The checks with the answer that a pass asked for. No intent of a simulation carries a
        mark."""
        match check:
            case LogCheck(_, containers):
                lines = {each: self.logs.get(each.name, ()) for each in containers}
                return replace(checks, logs=lines)
            case MarkCheck(_, generation):
                return replace(checks, marks={**checks.marks, generation: None})
            case WarmUpCheck(snapshot, serving):
                return replace(checks, cold=self._cold(snapshot, serving))
            case ContractCheck():
                return replace(checks, contract=self.contract)
            case BytesCheck(revision=revision):
                unchanged = Resolved(revision.model.uri, revision.model.digest, mutable=True)
                read = self.bytes.get(revision.number, unchanged)
                return replace(checks, bytes={**checks.bytes, revision.number: read})
            case _:
                assert_never(check)

    def refused(self, write: Write) -> Refused | None:
        """What admission says of a write, None where it lets it pass."""
        if isinstance(write, Apply):
            kind = write.manifest["kind"]
        else:
            kind = write.kind
        if kind not in self.denies:
            return None
        return Refused(f"policy: no {kind} for now")

    def _cold(self, snapshot: Snapshot, serving: frozenset[int]) -> Mapping[str, ColdPod]:
        cold: dict[str, ColdPod] = {}
        for pod in snapshot.all("Pod"):
            number = number_of(pod)
            if (
                number is not None
                and number in self.cold - serving
                and ready_since(pod) is not None
            ):
                cold[pod["metadata"]["uid"]] = ColdPod(number, "a pod did not answer its warm-up")
        return cold
