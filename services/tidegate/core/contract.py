"""The model contract: whether clients of stable can go on with the candidate as they are.

Breaking is what makes a request that stable answers fail at the candidate, or its answer
unreadable: a model, an input or an output gone, a data type or shape changed, a new input that must
be sent, smaller batches. What the candidate takes or gives beyond stable is compatible. Versions
come and go with every import; they are told, and break nobody who does not name one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from tidegate.core.triton.signature import Signature, Tensor

_MOST = 20  # differences that are kept; more say nothing more


class Compatibility(StrEnum):
    """How the candidate's contract compares with stable's."""

    COMPATIBLE = "compatible"
    BREAKING = "breaking"
    UNCHECKED = "unchecked"


@dataclass(frozen=True, slots=True)
class Difference:
    """One line for people: what differs at which model."""

    model: str
    what: str
    breaking: bool


@dataclass(frozen=True, slots=True)
class Contract:
    """The comparison, made once, before the candidate gets a share. message: one line. accepted_by:
    who took a breaking one upon them."""

    compatibility: Compatibility
    differences: tuple[Difference, ...] = ()
    message: str = ""
    accepted_by: str | None = None


def unchecked(message: str) -> Contract:
    """There is nothing to compare."""
    return Contract(Compatibility.UNCHECKED, (), f"the contract was not compared: {message}")


def compare(stable: Sequence[Signature], candidate: Sequence[Signature]) -> Contract:
    """The candidate's models beside stable's, by name."""
    differences = tuple(_models(stable, candidate))
    breaking = [difference for difference in differences if difference.breaking]
    if breaking:
        message = "; ".join(
            f"{difference.model}: {difference.what}" for difference in breaking[:_MOST]
        )
        more = ""
        if len(breaking) > _MOST:
            more = f"; and {len(breaking) - _MOST} more"
        return Contract(
            Compatibility.BREAKING,
            (*breaking, *(o for o in differences if not o.breaking))[:_MOST],
            message + more,
        )
    if differences:
        message = "; ".join(
            f"{difference.model}: {difference.what}" for difference in differences[:_MOST]
        )
        return Contract(Compatibility.COMPATIBLE, differences[:_MOST], message)
    return Contract(Compatibility.COMPATIBLE, (), "the same models, inputs and outputs")


def _models(stable: Sequence[Signature], candidate: Sequence[Signature]) -> Iterator[Difference]:
    old = {signature.model: signature for signature in stable}
    new = {signature.model: signature for signature in candidate}
    for name in sorted(old.keys() - new.keys()):
        there = ", ".join(sorted(new)) or "none"
        yield Difference(name, f"the model is gone (there is {there})", breaking=True)
    for name in sorted(new.keys() - old.keys()):
        yield Difference(name, "the model is new", breaking=False)
    for name in sorted(old.keys() & new.keys()):
        for what, breaking in _model(old[name], new[name]):
            yield Difference(name, what, breaking)


def _model(old: Signature, new: Signature) -> Iterator[tuple[str, bool]]:
    """Differences of one model: a line, and whether it breaks clients."""
    yield from _inputs(old, new)
    yield from _outputs(old, new)
    if (
        old.most is not None
        and new.most is not None
        and old.most != new.most
        and bool(old.most) == bool(new.most)
    ):
        yield f"max_batch_size is {new.most}, was {old.most}", new.most < old.most
    if old.decoupled != new.decoupled:
        yield (
            (
                "answers come any number of times now (decoupled)"
                if new.decoupled
                else "is decoupled no more"
            ),
            True,
        )
    if old.versions != new.versions and (old.versions or new.versions):
        yield (
            f"versions {', '.join(new.versions) or 'none'}, were "
            f"{', '.join(old.versions) or 'none'}",
            False,
        )


def _inputs(old: Signature, new: Signature) -> Iterator[tuple[str, bool]]:
    before = {tensor.name: tensor for tensor in old.inputs}
    after = {tensor.name: tensor for tensor in new.inputs}
    for name in before.keys() - after.keys():
        yield f"input {name} is gone: clients that send it are refused", True
    for name, tensor in after.items():
        if name not in before:
            known = " (as far as can be seen: its configuration may not be read)"
            if new.most is not None:
                known = ""
            must = "is new and optional"
            if not tensor.optional:
                must = f"is new and must be sent{known}"
            yield f"input {name} {must}", not tensor.optional
        else:
            yield from _typed(f"input {name}", before[name], tensor, taken=True)
            if before[name].optional and not tensor.optional:
                yield f"input {name} must be sent now, was optional", True


def _outputs(old: Signature, new: Signature) -> Iterator[tuple[str, bool]]:
    before = {output.name: output for output in old.outputs}
    after = {output.name: output for output in new.outputs}
    for name in before.keys() - after.keys():
        yield f"output {name} is gone", True
    for name, tensor in after.items():
        if name not in before:
            yield f"output {name} is new", False
        else:
            yield from _typed(f"output {name}", before[name], tensor, taken=False)


def _typed(what: str, old: Tensor, new: Tensor, *, taken: bool) -> Iterator[tuple[str, bool]]:
    """taken: an input, whose sizes may widen; an output's may narrow."""
    if old.datatype != new.datatype:
        yield f"{what} is {new.datatype}, was {old.datatype}", True
    if old.shape != new.shape:
        if taken:
            wide = new.shape
            narrow = old.shape
        else:
            wide = old.shape
            narrow = new.shape
        yield (
            f"{what} has shape {list(new.shape)}, had {list(old.shape)}",
            not _covers(wide, narrow),
        )


def _covers(wide: tuple[int, ...], narrow: tuple[int, ...]) -> bool:
    """Whether every tensor of the narrow shape has the wide one too."""
    return len(wide) == len(narrow) and all(
        size in (-1, other) for size, other in zip(wide, narrow, strict=True)
    )
