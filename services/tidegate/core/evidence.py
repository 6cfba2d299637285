"""Evidence: from cumulative counters to blocks, from blocks to verdicts.

A block is one scrape interval with the counts of both revisions in the same interval; blocks are
never pooled (pooled totals over changing weights are Simpson's paradox). The rollout controller
keeps one `Evidence` per rollout, gives every scrape to `absorb`, calls `new_step` when the weights
of a step have settled, and asks `judge`. Counts of a user's own experiment come by another way
(`experiments.learn`).
"""

from dataclasses import dataclass, field, replace

from tidegate.core import histograms, slow_verdict, slowness
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
from tidegate.core.warmth import Warmth
from tidegate.core.windows import NOISE_WINDOW, window_of

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
    "answers",
    "check",
    "counters_of",
    "expected_seconds",
    "judge",
    "new_experiment",
    "new_size",
    "new_step",
    "overall",
    "requests",
    "requests_of",
    "tested_anew",
    "tracking",
]


@dataclass(frozen=True, slots=True)
class Evidence:
    """All evidence of one rollout. last: the base line of the next interval. split: every request
    that was sent since the step began or the weights last changed, or every final answer where the
    proxy does not tell what it began; for the proof of traffic (`proof.prove`). warmth: of both
    revisions' pods, for latency."""

    last: Scrape | None = None
    tracks: tuple[Track, ...] = ()
    split: Block = field(default_factory=Block)
    warmth: tuple[Warmth, ...] = ()

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
    cold: str = "",
    unlike: str = "",
    toward_pass: bool = True,
    comparable: bool = True,
    mirrored: bool = False,
    noise_window: float = NOISE_WINDOW,
) -> Evidence:
    """The evidence after one more scrape. The first sets the base line; one that is not later than
    the last changes nothing.

    cold, unlike: why the latencies of this interval are not compared, '' where they are; because of
    unlike loads only those without a threshold are not (`warmth`).
    toward_pass False: stable had no ready endpoint; the interval counts toward fail, never toward
    pass or `min_requests`. comparable False: the weights changed within the interval; it only moves
    the base line and empties `split`, because a block over two splits is Simpson's paradox in
    small. Requests that may be lost count against whoever would gain by them (`losses`). mirrored:
    a shadow; the candidate's side is its answers to copies, and stable's its live answers over the
    protocols whose copies are counted. noise_window: seconds (`windows`).
    """
    bounds = _bounds(evidence, scrape)
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
    now = confirmed(last, checked)
    interval = _Interval(last, now, stable, candidate, mirrored, noise_window)
    errors = interval.sides(_SENT)
    tracks = tuple(
        take(track, *errors, interval.seconds, toward_pass, noise_window)
        if track.metric.kind is MetricKind.ERRORS
        else _track(track, interval, cold, unlike, toward_pass)
        for track in evidence.tracks
    )
    ours, others = (Arm(side.sent, side.arm.bad) for side in errors)
    split = evidence.split + Block(ours, others, interval.seconds)
    return replace(evidence, last=kept, tracks=tracks, split=split)


def _bounds(evidence: Evidence, scrape: Scrape) -> set[float]:
    """The bounds of the histograms that the tracks need, in ms."""
    metrics = [track.metric for track in evidence.tracks]
    bounds = {q.latency_threshold_ms for q in metrics if q.latency_threshold_ms is not None}
    if any(metric.every_bucket for metric in metrics):
        bounds.update(histograms.bounds_of(scrape))
    return bounds


@dataclass(frozen=True, slots=True)
class _Interval:
    """Two scrapes, and which revisions are compared between them."""

    last: Scrape
    now: Scrape
    stable: int
    candidate: int
    mirrored: bool
    noise_window: float

    @property
    def seconds(self) -> float:
        return self.now.at - self.last.at

    def sides(self, metric: Metric) -> tuple[Between, Between]:
        """What candidate and stable answered."""
        if self.mirrored:
            copies = between(self.last.shadow, self.now.shadow, self.candidate, metric)
            return copies, between(self.last.beside, self.now.beside, self.stable, metric)
        return (
            between(self.last, self.now, self.candidate, metric),
            between(self.last, self.now, self.stable, metric),
        )

    def slow(self, bounds: tuple[float, ...]) -> tuple[histograms.Slow, histograms.Slow]:
        """How many answers of candidate and stable were above each bound."""
        ours = (self.last, self.now)
        theirs = ours
        if self.mirrored:
            ours = (self.last.shadow, self.now.shadow)
            theirs = (self.last.beside, self.now.beside)
        return (
            histograms.slow_between(*ours, self.candidate, bounds),
            histograms.slow_between(*theirs, self.stable, bounds),
        )


def _track(track: Track, interval: _Interval, cold: str, unlike: str, toward_pass: bool) -> Track:
    """One track after an interval."""
    metric = track.metric
    if metric.kind is MetricKind.EXPERIMENT:
        return track
    if metric.kind is not MetricKind.LATENCY:
        sides = interval.sides(metric)
        return take(track, *sides, interval.seconds, toward_pass, interval.noise_window)
    if cold and histograms.bounds_of(interval.now):
        return replace(track, trouble=f"not compared: {cold}")
    if not metric.every_bucket:
        sides = interval.sides(metric)
        return take(track, *sides, interval.seconds, toward_pass, interval.noise_window)
    if unlike:
        return replace(track, trouble=f"not compared: {unlike}")
    return _compare_buckets(track, interval)


def _compare_buckets(track: Track, interval: _Interval) -> Track:
    slow = track.slowness
    if not slow.buckets:
        begun = slowness.begun(histograms.bounds_of(interval.now))
        slow = replace(begun, accepted=slow.accepted)
    bounds = tuple(bucket.bound for bucket in slow.buckets)
    ours, theirs = interval.slow(bounds)
    blocks = histograms.blocks_of(ours, theirs, bounds, interval.seconds)
    window = window_of(track.rollout.seconds, interval.noise_window)
    return replace(
        track,
        slowness=slowness.weigh(slow, track.metric.fail_test, blocks, window),
        rollout=replace(track.rollout, seconds=track.rollout.seconds + interval.seconds),
        trouble=ours.missing or theirs.missing,
    )


def tracking(evidence: Evidence, metrics: tuple[Metric, ...]) -> Evidence:
    """The evidence with a track for each metric. A rollout that a worker of an older version stored
    last may lack some, and a metric without a track would never be judged."""
    known = {track.metric for track in evidence.tracks}
    missing = tuple(Track(metric) for metric in metrics if metric not in known)
    if not missing:
        return evidence
    return replace(evidence, tracks=(*evidence.tracks, *missing))


def requests(last: Scrape, now: Scrape) -> int:
    """How many requests of all revisions ended between a base line and a scrape, lost ones too."""
    revisions = {reading.revision for reading in now.readings}
    return sum(requests_of(last, now, revision) for revision in revisions)


def requests_of(last: Scrape, now: Scrape, revision: int) -> int:
    """The same, of one revision."""
    return between(last, watched(last, now), revision, _SENT).arm.n


def answers(last: Scrape | None, now: Scrape, revisions: tuple[int, ...]) -> dict[int, int]:
    """How many answers, and answers to copies, each revision gave since a base line, by the
    histograms: they may lag behind the other counters. Nothing where there is no base line."""
    if last is None:
        return {}
    counts = {number: histograms.slow_between(last, now, number, ()).n for number in revisions}
    if now.copies:
        for number in revisions:
            counts[number] += histograms.slow_between(last.shadow, now.shadow, number, ()).n
    return counts


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
    """A person has seen that these failed, and went on: they begin again. Where every bucket of
    latency is compared, that accepts a slower candidate, short of a gross slowdown."""
    tracks = tuple(_anew(track) if track.metric in metrics else track for track in evidence.tracks)
    return replace(evidence, tracks=tracks)


def _anew(track: Track) -> Track:
    if track.metric.every_bucket:
        return replace(track, slowness=replace(track.slowness, accepted=True))
    return Track(track.metric)


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
    each metric whose fail aborts gets an equal part of it, but for a tenth that a gross slowdown
    may use where latency does not abort; any other metric gets alpha itself. For pass it bounds,
    per step, the probability that a candidate that is worse than allowed in some metric passes: all
    metrics must pass, so each is tested at alpha itself. noise_window: seconds, for the forecasts.
    """
    tracks = {track.metric: track for track in evidence.tracks}
    gross = 0.0
    if any(metric.every_bucket and not metric.aborts for metric in metrics):
        gross = slow_verdict.GROSS_ALPHA * alpha
    each = (alpha - gross) / max(sum(metric.aborts for metric in metrics), 1)

    def verdict_on(metric: Metric) -> MetricVerdict:
        track = tracks.get(metric, Track(metric))
        alpha_fail = alpha
        if metric.aborts:
            alpha_fail = each
        if metric.every_bucket:
            return slow_verdict.verdict(track, alpha_fail, gross or alpha_fail)
        return verdict(track, alpha_fail, alpha, noise_window)

    return tuple(verdict_on(metric) for metric in metrics)
