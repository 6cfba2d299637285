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

Most buckets of a histogram lie where no answer does, so a bucket in which an interval changes
nothing is left as it is; what all buckets have in common stands once in `Slowness`.
"""

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field

from tidegate.core.evalues import Arm, Block, log_sum
from tidegate.core.histograms import Slow
from tidegate.core.noise import Noise, observed, spread
from tidegate.core.sequential import Test, Wealth, advance

MATTERS = 0.02  # share of answers
GROSS = 0.5  # share of answers
GROSS_FACTOR = 2.5
_MEMORY = 20_000.0  # candidate answers


@dataclass(frozen=True, slots=True)
class Bucket:
    """How one bound stands. bound: ms; a slow answer took longer. noise: its answers of the present
    window are only up to the last interval with a slow answer. ours, theirs: how many slow answers
    candidate and stable gave. candidate, stable: weighted sums of the shares of slow answers."""

    bound: float
    fail: Wealth = field(default_factory=Wealth)
    noise: Noise = field(default_factory=Noise)
    ours: int = 0
    theirs: int = 0
    candidate: float = 0.0
    stable: float = 0.0


@dataclass(frozen=True, slots=True)
class Slowness:
    """All buckets. weight: of their sums. accepted: a person went on although it is slower.
    answers: of both revisions, none of them bad. window: the number of the present window.
    in_window: stable's answers in it."""

    buckets: tuple[Bucket, ...] = ()
    weight: float = 0.0
    accepted: bool = False
    answers: Block = field(default_factory=Block)
    window: int = 0
    in_window: int = 0


def begun(bounds: Sequence[float]) -> Slowness:
    """No evidence yet, for these bounds in ms."""
    return Slowness(tuple(Bucket(bound) for bound in sorted(bounds)))


def weigh(
    slowness: Slowness, test: Test, ours: Slow, theirs: Slow, seconds: float, window: int
) -> Slowness:
    """The slowness after one interval of `seconds`. ours, theirs: what candidate and stable
    answered, at the bounds of the buckets. window: the number of the interval's window."""
    if not (ours.slow and theirs.slow):
        return slowness
    interval = _Interval(slowness, test, ours.n, theirs.n, window)
    counts = zip(slowness.buckets, ours.slow, theirs.slow, strict=True)
    in_window = theirs.n
    if not interval.enters:
        in_window += slowness.in_window
    return Slowness(
        tuple(interval.after(bucket, own, other) for bucket, own, other in counts),
        interval.left * (slowness.weight + interval.weight),
        slowness.accepted,
        slowness.answers + Block(Arm(ours.n), Arm(theirs.n), seconds),
        window,
        in_window,
    )


class _Interval:
    """What all buckets have in common in one interval. weight: of its shares. left: what the sums
    keep of their weight. enters: whether another window begins with it."""

    def __init__(self, slowness: Slowness, test: Test, ours: int, theirs: int, window: int) -> None:
        self.test = test
        self.ours = ours
        self.theirs = theirs
        self.window = window
        self.enters = window != slowness.window
        self.in_window = slowness.in_window
        self.weight = 0.0
        self.left = 1.0
        if ours and theirs:
            self.weight = ours * theirs / (ours + theirs)
            self.left = min(1.0, _MEMORY / (slowness.weight + self.weight))

    def after(self, bucket: Bucket, ours: int, theirs: int) -> Bucket:
        """A bucket after the interval, with so many slow answers."""
        forgets = self.left < 1 and (bucket.candidate or bucket.stable)
        if not (ours or theirs or self.enters or forgets):
            return bucket
        candidate = Arm(self.ours, ours)
        stable = Arm(self.theirs, theirs)
        before = bucket.noise
        present = Arm(self.in_window, before.present.bad)
        noise = Noise(before.number, before.before, present, before.windows, before.excess)
        noise = observed(noise, self.window, stable)
        fail = bucket.fail
        if 0 < ours + theirs < self.ours + self.theirs:
            block = Block(candidate, stable)
            fail = advance(fail, self.test, block, window=self.window, spread=spread(noise))
        return Bucket(
            bucket.bound,
            fail,
            noise,
            bucket.ours + ours,
            bucket.theirs + theirs,
            self.left * (bucket.candidate + self.weight * candidate.rate),
            self.left * (bucket.stable + self.weight * stable.rate),
        )


def log_e(slowness: Slowness) -> float:
    """Log of the mean of the e-processes of all buckets."""
    if not slowness.buckets:
        return 0.0
    count = len(slowness.buckets)
    logs = [bucket.fail.log_e for bucket in slowness.buckets if bucket.fail.logs]
    if len(logs) < count:
        logs.append(math.log(count - len(logs)))  # each of the others has its capital of 1
    return log_sum(logs) - math.log(count)


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
    bounds = [bucket.bound for bucket in slowness.buckets]
    most = 0.0
    for bucket in slowness.buckets:
        # The share above a bound falls with it, so the least that is far enough shows the most
        slower = bisect_left(bounds, GROSS_FACTOR * bucket.bound)
        if slower < len(bounds):
            most = max(most, slowness.buckets[slower].candidate - bucket.stable)
    return most > GROSS * slowness.weight


def counts(slowness: Slowness, bucket: Bucket | None) -> Block:
    """The answers of both revisions, and those above the bound of a bucket."""
    if bucket is None:
        return Block()
    answers = slowness.answers
    return Block(
        Arm(answers.candidate.n, bucket.ours),
        Arm(answers.stable.n, bucket.theirs),
        answers.seconds,
    )
