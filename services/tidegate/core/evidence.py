"""Evidence: from cumulative counters to blocks, from blocks to verdicts.

A block is one scrape interval with the counts of both revisions in the same interval; blocks are never
pooled (pooled totals over changing weights are Simpson's paradox).
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Counters:
    """Cumulative counts of one revision at one source since that source began.

    answers: final answers, all codes. bad: neither 2xx/3xx nor 401, 403, 429 (gRPC: neither OK nor
    UNAUTHENTICATED, PERMISSION_DENIED, RESOURCE_EXHAUSTED). buckets: (upper bound in ms, cumulative count),
    rising, () where latency is not measured. causes: bad answers by cause, such as ("http 500", 12).
    """

    answers: int
    bad: int
    buckets: tuple[tuple[float, int], ...] = ()
    causes: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Reading:
    """Counters with where they come from. `source` names an incarnation (Envoy's epoch, a pod's start): a
    new incarnation starts at zero."""

    source: str
    revision: int
    counters: Counters


@dataclass(frozen=True, slots=True)
class Scrape:
    """Every reading of one endpoint at one time (epoch seconds)."""

    at: float
    readings: tuple[Reading, ...]
