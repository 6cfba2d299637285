"""The checks that a reconcile names, asked of whoever knows: our own store, the pods, the store of
the models."""

from dataclasses import replace
from typing import assert_never

from tidegate.core.checks import (
    Bytes,
    BytesCheck,
    BytesUnread,
    Check,
    Checks,
    ContractCheck,
    LogCheck,
    MarkCheck,
    WarmUpCheck,
)
from tidegate.deploy_worker.parts import Parts
from tidegate.deploy_worker.rereading import Asked
from tidegate.store import intents


def answered(check: Check, checks: Checks, parts: Parts) -> Checks:
    """The checks with the answer to one more."""
    match check:
        case MarkCheck(key, generation):
            with parts.store.single() as tx:
                mark = intents.mark(tx, key, generation)
            return replace(checks, marks={**checks.marks, generation: mark})
        case WarmUpCheck(snapshot, serving):
            return replace(checks, cold=parts.sources.warm_up(snapshot, serving))
        case ContractCheck(snapshot, observation, rollout):
            assert parts.sources.contracts is not None, (
                "contracts are compared only where somebody can"
            )
            return replace(checks, contract=parts.sources.contracts(snapshot, observation, rollout))
        case BytesCheck():
            read = _bytes(check, parts)
            return replace(checks, bytes={**checks.bytes, check.revision.number: read})
        case LogCheck(key, containers):
            assert parts.sources.logs is not None, "logs are read only where somebody can"
            return replace(checks, logs=parts.sources.logs(key.namespace, containers))
        case _:
            assert_never(check)


def _bytes(check: BytesCheck, parts: Parts) -> Bytes:
    request = Asked(check.key, check.generation, check.revision.model.uri)
    read = parts.sources.rereading(parts.sources.registry, request)
    if read is None:
        return BytesUnread()
    return read
