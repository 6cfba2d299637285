"""What a model takes and gives, as Triton tells it: `/v2/models/M` and, where it may be read,
`/v2/models/M/config`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Tensor:
    """An input or output. shape: with the batch dimension, -1 where a size varies. optional:
    clients may leave it out; only the configuration tells."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Signature:
    """One model that is loaded. most: requests of up to this batch are taken, 0 without batching,
    None where the configuration may not be read. decoupled: it answers a request any number of
    times."""

    model: str
    versions: tuple[str, ...]
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    most: int | None = None
    decoupled: bool = False


def signature(metadata: Mapping[str, Any], config: Mapping[str, Any] | None) -> Signature:
    """From Triton's answers; config None where it is restricted. Raises KeyError, TypeError,
    ValueError, AttributeError where they are no such answers."""
    fields = config or {}
    optional = {str(item["name"]) for item in fields.get("input", ()) if item.get("optional")}
    return Signature(
        str(metadata["name"]),
        tuple(str(version) for version in metadata.get("versions", ())),
        _tensors(metadata.get("inputs", ()), optional),
        _tensors(metadata.get("outputs", ()), frozenset()),
        int(fields.get("max_batch_size", 0)) if config is not None else None,
        bool((fields.get("model_transaction_policy") or {}).get("decoupled")),
    )


def _tensors(
    tensors: Sequence[Mapping[str, Any]], optional: set[str] | frozenset[str]
) -> tuple[Tensor, ...]:
    return tuple(
        Tensor(
            str(o["name"]),
            str(o["datatype"]),
            tuple(int(size) for size in o["shape"]),
            str(o["name"]) in optional,
        )
        for o in tensors
    )
