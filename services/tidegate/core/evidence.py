"""Evidence: from cumulative counters to blocks, from blocks to verdicts.

A block is one scrape interval with the counts of both revisions in the same interval; blocks are
never pooled (pooled totals over changing weights are Simpson's paradox). The rollout controller
keeps one `Evidence` per rollout, gives every scrape to `absorb`, calls `new_step` when the weights
of a step have settled, and asks `judge`. Counts of a user's own experiment come by another way
(`experiments.learn`).
"""

from dataclasses import dataclass, field, replace

from tidegate.core.analysis import Metric, MetricKind, check, expected_seconds
from tidegate.core.evalues import Arm, Block
from tidegate.core.losses import confirmed, watched
from tidegate.core.scrapes import (
    Between,
    Counters,
    Reading,
    Scrape,
    base_line,
    between,
    counters_of,
)
from tidegate.core.verdicts import MetricVerdict, Track, Verdict, overall, restarted, take, verdict
from tidegate.core.windows import NOISE_WINDOW

__all__ = [
    "EMPTY",
    "Arm",
    "Block",
    "Counters",
    "Evidence",
    "Metric",
    "MetricKind",
    "MetricVerdict",
    "Reading",
    "Scrape",
    "Track",
    "Verdict",
    "absorb",
    "check",
    "counters_of",
    "expected_seconds",
    "judge",
    "new_experiment",
    "new_size",
    "new_step",
    "overall",
    "requests",
    "tested_anew",
    "tracking",
]


@dataclass(frozen=True, slots=True)
class Evidence:
    """All evidence of one rollout. last: the base line of the next interval. split: every request
    that was sent since the step began or the weights last changed, or every final answer where the
    proxy does not tell what it began; for the proof of traffic (`proof.prove`)."""

    last: Scrape | None = None
    tracks: tuple[Track, ...] = ()
    split: Block = field(default_factory=Block)

    @staticmethod
    def start(metrics: tuple[Metric, ...]) -> "Evidence":
        """No evidence yet."""
        return Evidence(tracks=tuple(Track(metric) for metric in metrics))


EMPTY = Evidence()
_SENT = Metric(MetricKind.ERRORS)  # its block holds every request whose end is known


def absorb(
    evidence: Evidence,
    scrape: Scrape,
    *,
    stable: int,
    candidate: int,
    latency: bool = True,
    toward_pass: bool = True,
    comparable: bool = True,
    mirrored: bool = False,
    noise_window: float = NOISE_WINDOW,
) -> Evidence:
    """The evidence after one more scrape. The first sets the base line; one that is not later than
    the last changes nothing.

    latency False: a pod was younger than the warm-up in this interval; latency does not count.
    toward_pass False: stable had no ready endpoint; the interval counts toward fail, never toward
    pass or `min_requests`. comparable False: the weights changed within the interval; it only moves
    the base line and empties `split`, because a block over two splits is Simpson's paradox in
    small. Requests that may be lost count against whoever would gain by them (`losses`). mirrored:
    a shadow; the candidate's side is its answers to copies, and stable's its live answers over the
    protocols whose copies are counted. noise_window: seconds (`windows`).
    """
    bounds = [
        t.metric.latency_threshold_ms
        for t in evidence.tracks
        if t.metric.latency_threshold_ms is not None
    ]
    if evidence.last is None:
        checked = watched(None, scrape)
        return replace(evidence, last=base_line(None, checked, bounds))
    if scrape.at <= evidence.last.at:
        return evidence
    last = evidence.last
    checked = watched(last, scrape)
    if not comparable:
        return replace(evidence, last=base_line(None, checked, bounds), split=Block())
    kept = base_line(last, checked, bounds)
    seconds = scrape.at - last.at
    now = confirmed(last, checked)

    def sides(metric: Metric) -> tuple[Between, Between]:
        if mirrored:
            copies = between(last.shadow, now.shadow, candidate, metric)
            return copies, between(last.beside, now.beside, stable, metric)
        return between(last, now, candidate, metric), between(last, now, stable, metric)

    unread = {MetricKind.EXPERIMENT} if latency else {MetricKind.EXPERIMENT, MetricKind.LATENCY}
    tracks = tuple(
        track
        if track.metric.kind in unread
        else take(track, *sides(track.metric), seconds, toward_pass, noise_window)
        for track in evidence.tracks
    )
    ours, others = (replace(side.arm, n=side.sent) for side in sides(_SENT))
    return Evidence(kept, tracks, evidence.split + Block(ours, others, seconds))


def tracking(evidence: Evidence, metrics: tuple[Metric, ...]) -> Evidence:
    """The evidence with a track for each metric. A rollout that a worker of an older version stored
    last may lack some, and a metric without a track would never be judged."""
    known = {track.metric for track in evidence.tracks}
    missing = tuple(Track(metric) for metric in metrics if metric not in known)
    return replace(evidence, tracks=(*evidence.tracks, *missing))


def requests(last: Scrape, now: Scrape) -> int:
    """How many requests of all revisions ended between a base line and a scrape, lost ones too."""
    checked = watched(last, now)
    revisions = {reading.revision for reading in now.readings}
    return sum(between(last, checked, revision, _SENT).arm.n for revision in revisions)


def new_step(evidence: Evidence) -> Evidence:
    """The split of a step shows: pass starts again, for errors and latency; fail goes on over the
    rollout. An experiment is of the whole step, also where the split was lost and came back
    (`new_experiment`)."""
    tracks = tuple(
        track if track.metric.kind is MetricKind.EXPERIMENT else restarted(track)
        for track in evidence.tracks
    )
    return replace(evidence, tracks=tracks, split=Block())


def new_size(evidence: Evidence) -> Evidence:
    """The candidate may have more capacity than before: its saturation is tested anew."""
    tracks = tuple(
        Track(track.metric) if track.metric.kind is MetricKind.SATURATION else track
        for track in evidence.tracks
    )
    return replace(evidence, tracks=tracks)


def tested_anew(evidence: Evidence, metrics: tuple[Metric, ...]) -> Evidence:
    """A person has seen that these failed, and went on: they begin again."""
    tracks = tuple(
        Track(track.metric) if track.metric in metrics else track for track in evidence.tracks
    )
    return replace(evidence, tracks=tracks)


def new_experiment(evidence: Evidence) -> Evidence:
    """Another step begins: the pass of an experiment starts again."""
    tracks = tuple(
        restarted(track) if track.metric.kind is MetricKind.EXPERIMENT else track
        for track in evidence.tracks
    )
    return replace(evidence, tracks=tracks)


def judge(
    evidence: Evidence,
    metrics: tuple[Metric, ...],
    alpha: float,
    noise_window: float = NOISE_WINDOW,
) -> tuple[MetricVerdict, ...]:
    """One verdict per metric. No data is undecided; where fail and pass both hold, fail wins.

    alpha (0..1) bounds, over the whole rollout and all scrapes, the probability of any false fail:
    each metric whose fail aborts gets alpha / number of these, any other alpha itself. For pass it
    bounds, per step, the probability that a candidate that is worse than allowed in some metric
    passes: all metrics must pass, so each is tested at alpha itself. noise_window: seconds, for the
    forecasts.
    """
    tracks = {track.metric: track for track in evidence.tracks}
    count = sum(metric.aborts for metric in metrics)
    return tuple(
        verdict(tracks.get(q, Track(q)), alpha, count if q.aborts else 1, noise_window)
        for q in metrics
    )
