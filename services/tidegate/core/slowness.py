"""Whether a candidate is slower than stable, over every bucket of the histogram.

"Slower than b" is a share of answers like any other, for each bound b of the histogram. Nobody
needs to choose a bound: the mean of the e-processes of all buckets is an e-process of the null "no
slower in any bucket, in any block" (stochastic order), whatever the buckets have in common.

Evidence alone is not enough for a fail: with many requests it finds differences that nobody minds.
The size that counts is how much larger the candidate's share above some bound is, as a mean over
the blocks that weighs each by nc·ns/(nc + ns) (Mantel and Haenszel), so that weights of traffic
that change mix nothing. It is of the last `_MEMORY` candidate answers or so. A slowdown is gross
where the candidate's share above a bound at least `GROSS_FACTOR` times as large is still larger
than stable's by more than `GROSS`: then most answers take four times as long, or longer, and no
bound that lies between two alike medians looks like that.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from tidegate.core.evalues import Arm, Block, log_sum
from tidegate.core.noise import Noise, observed, spread
from tidegate.core.sequential import Test, Wealth, advance

MATTERS = 0.02  # share of answers
GROSS = 0.5  # share of answers
GROSS_FACTOR = 2.5
_MEMORY = 20_000.0  # candidate answers


@dataclass(frozen=True, slots=True)
class Bucket:
    """How one bound stands. bound: ms; a slow answer took longer. block: what was counted, for
    people. candidate, stable: weighted sums of the shares of slow answers."""

    bound: float
    fail: Wealth = field(default_factory=Wealth)
    noise: Noise = field(default_factory=Noise)
    block: Block = field(default_factory=Block)
    candidate: float = 0.0
    stable: float = 0.0


@dataclass(frozen=True, slots=True)
class Slowness:
    """All buckets. weight: of their sums. accepted: a person went on although it is slower."""

    buckets: tuple[Bucket, ...] = ()
    weight: float = 0.0
    accepted: bool = False


def begun(bounds: Sequence[float]) -> Slowness:
    """No evidence yet, for these bounds in ms."""
    return Slowness(tuple(Bucket(bound) for bound in sorted(bounds)))


def weigh(slowness: Slowness, test: Test, blocks: Mapping[float, Block], window: int) -> Slowness:
    """The slowness after one interval. blocks: for each bound, of the same answers. window: the
    number of the interval's window."""
    if not blocks:
        return slowness
    some = next(iter(blocks.values()))
    weight = _weight(some)
    left = min(1.0, _MEMORY / (slowness.weight + weight)) if weight else 1.0
    buckets = tuple(
        _weighed(bucket, test, blocks[bucket.bound], window, left)
        if bucket.bound in blocks
        else bucket
        for bucket in slowness.buckets
    )
    return replace(slowness, buckets=buckets, weight=left * (slowness.weight + weight))


def _weight(block: Block) -> float:
    size = block.candidate.n + block.stable.n
    if not size:
        return 0.0
    return block.candidate.n * block.stable.n / size


def _weighed(bucket: Bucket, test: Test, block: Block, window: int, left: float) -> Bucket:
    noise = observed(bucket.noise, window, block.stable)
    weight = _weight(block)
    return Bucket(
        bucket.bound,
        advance(bucket.fail, test, block, window=window, spread=spread(noise)),
        noise,
        bucket.block + block,
        left * (bucket.candidate + weight * block.candidate.rate),
        left * (bucket.stable + weight * block.stable.rate),
    )


def log_e(slowness: Slowness) -> float:
    """Log of the mean of the e-processes of all buckets."""
    if not slowness.buckets:
        return 0.0
    logs = [bucket.fail.log_e for bucket in slowness.buckets]
    return log_sum(logs) - math.log(len(logs))


def worst(slowness: Slowness) -> Bucket | None:
    """The bucket in which the candidate's share of slow answers is the most above stable's."""
    return max(slowness.buckets, key=_difference, default=None)


def difference(slowness: Slowness, bucket: Bucket) -> float:
    """How much larger the candidate's share of answers above a bound is, -1..1."""
    if not slowness.weight:
        return 0.0
    return _difference(bucket) / slowness.weight


def _difference(bucket: Bucket) -> float:
    return bucket.candidate - bucket.stable


def matters(slowness: Slowness) -> bool:
    """Whether some bucket's difference is large enough for a fail."""
    bucket = worst(slowness)
    return bucket is not None and difference(slowness, bucket) > MATTERS


def is_gross(slowness: Slowness) -> bool:
    """Whether most of the candidate's answers take `GROSS_FACTOR` times as long, or longer."""
    most = max(
        (
            slower.candidate - bucket.stable
            for bucket in slowness.buckets
            for slower in slowness.buckets
            if slower.bound >= GROSS_FACTOR * bucket.bound
        ),
        default=0.0,
    )
    return most > GROSS * slowness.weight


def counts(slowness: Slowness) -> Block:
    """The answers of both revisions, and those above the bound that shows the most."""
    bucket = worst(slowness)
    if bucket is None:
        return Block(Arm(), Arm())
    return bucket.block
