"""The charts of one rollout: its share of the traffic, and for each metric the odds against it and
for it, with the shares of bad requests that they come from. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from tidegate.pages.chart import Chart, Line, Span, Threshold, draw, nice_ceiling
from tidegate.pages.markup import Html
from tidegate.schemas import responses as out

LOWEST = -2.0  # powers of ten: one to a hundred is drawn at the bottom
ABOVE = 1.0  # powers of ten above the higher threshold
LEAST_SHARE = 0.01  # at the top of an axis of shares of bad requests


@dataclass(frozen=True, slots=True)
class Timeline:
    """What all charts of a rollout share. shares: at least one sample. until: the end of the
    rollout, or now. steps: how many its plan has."""

    shares: Sequence[out.ShareSampleOut]
    until: datetime
    steps: int

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self.since(max(self.until, self.shares[-1].at))

    def since(self, at: datetime) -> float:
        """Seconds from its beginning."""
        return max((at - self.shares[0].at).total_seconds(), 0.0)

    def step(self, number: int) -> str:
        """A step's name."""
        if not number:
            return "start"
        if number > self.steps:
            return "end"
        return f"step {number}"

    @property
    def spans(self) -> list[Span]:
        """The steps, by the samples that show them."""
        parts: list[tuple[int, float]] = []
        for sample in self.shares:
            if not parts or parts[-1][0] != sample.step:
                parts.append((sample.step, self.since(sample.at)))
        ends = [begun for _, begun in parts[1:]] + [self.seconds]
        return [
            Span(self.step(number), begun, until)
            for (number, begun), until in zip(parts, ends, strict=True)
        ]


def traffic(timeline: Timeline) -> Html:
    """The candidate's share over time: desired, routed, measured."""
    shares = timeline.shares
    times = [timeline.since(each.at) for each in shares]
    mirrored = any(each.mirror_percent for each in shares)
    what = "requests"
    desired: list[int | None] = [each.desired_percent for each in shares]
    if mirrored:
        what = "copies of requests"
        desired = [each.mirror_percent for each in shares]
    lines = [Line("desired", "desired", _points(times, desired), stairs=True)]
    if not mirrored:
        routed = [each.routed_percent for each in shares]
        lines += [
            Line("routed", "routed", _points(times, routed), stairs=True),
            Line(
                "measured", "measured", _points(times, [each.measured_percent for each in shares])
            ),
        ]
    values = [value for line in lines for _, value in line.points if value is not None]
    top = nice_ceiling(max([10.0, *values]))
    chart = Chart(
        f"Percent of {what} that the candidate got over time: desired, routed and measured",
        lines,
        0.0,
        top,
        (0.0, top / 2, top),
        lambda value: f"{value:g} %",
        timeline.seconds,
        spans=timeline.spans,
    )
    return draw(chart)


def odds(timeline: Timeline, metric: out.MetricSeriesOut, *, passes: bool) -> Html:
    """The evidence of a metric over time, against thresholds. passes: whether it can pass."""
    times = [timeline.since(each.at) for each in metric.samples]
    against = [each.log10_e_fail for each in metric.samples]
    lines = [Line("that it fails", "fail", _points(times, against))]
    thresholds = [Threshold("fail", "fail", metric.log10_threshold_fail)]
    if passes:
        toward = [each.log10_e_pass for each in metric.samples]
        lines.append(Line("that it passes", "pass", _broken(times, toward, metric.samples)))
        thresholds.append(Threshold("pass", "pass", metric.log10_threshold_pass))
    top = max(each.value for each in thresholds) + ABOVE
    ticks = [float(power) for power in range(int(LOWEST), int(top) + 1)]
    chart = Chart(
        f"Evidence of {metric.metric} over time, as odds, with the thresholds of fail and pass",
        lines,
        LOWEST,
        top,
        ticks,
        _odds,
        timeline.seconds,
        thresholds,
        timeline.spans,
    )
    return draw(chart)


def shares(timeline: Timeline, metric: out.MetricSeriesOut) -> Html:
    """The share of bad requests of both revisions in each step, running."""
    times = [timeline.since(each.at) for each in metric.samples]
    candidate = [_share(each.candidate_bad, each.candidate_requests) for each in metric.samples]
    stable = [_share(each.stable_bad, each.stable_requests) for each in metric.samples]
    values = [value for value in (*candidate, *stable) if value is not None]
    top = nice_ceiling(max([LEAST_SHARE, *values]))
    lines = [
        Line("candidate", "candidate", _broken(times, candidate, metric.samples)),
        Line("stable", "stable", _broken(times, stable, metric.samples)),
    ]
    chart = Chart(
        f"Share of bad requests by {metric.metric} in each step, of candidate and stable",
        lines,
        0.0,
        top,
        (0.0, top / 2, top),
        lambda value: f"{100 * value:g} %",
        timeline.seconds,
        spans=timeline.spans,
    )
    return draw(chart)


def _share(bad: int, requests: int) -> float | None:
    if not requests:
        return None
    return bad / requests


def _odds(power: float) -> str:
    """`100:1` for 2, `1:10` for -1."""
    if power < 0:
        return f"1:{10 ** -int(power):,}"
    if power > 6:
        return f"10^{power:g}:1"
    return f"{10 ** int(power):,}:1"


def _points(
    times: Sequence[float], values: Sequence[float | None]
) -> list[tuple[float, float | None]]:
    return list(zip(times, values, strict=True))


def _broken(
    times: Sequence[float],
    values: Sequence[float | None],
    samples: Sequence[out.EvidenceSampleOut],
) -> list[tuple[float, float | None]]:
    """Points of what begins anew with each step: no line leads from one step to the next."""
    points: list[tuple[float, float | None]] = []
    step = None
    for seconds, value, sample in zip(times, values, samples, strict=True):
        if step is not None and sample.step != step:
            points.append((seconds, None))
        step = sample.step
        points.append((seconds, value))
    return points


def means(timeline: Timeline, metric: out.MetricSeriesOut) -> Html:
    """A mean of both revisions in each step, running, beside its objective."""
    times = [timeline.since(each.at) for each in metric.samples]
    candidate = [each.candidate_mean for each in metric.samples]
    stable = [each.stable_mean for each in metric.samples]
    objective = metric.mean_objective or 0.0
    values = [value for value in (*candidate, *stable) if value is not None]
    top = nice_ceiling(max([objective, *values]))
    lines = [
        Line("candidate", "candidate", _broken(times, candidate, metric.samples)),
        Line("stable", "stable", _broken(times, stable, metric.samples)),
    ]
    chart = Chart(
        f"Mean of {metric.metric} in each step, of candidate and stable, with its objective",
        lines,
        0.0,
        top,
        (0.0, top / 2, top),
        lambda value: f"{value:g}",
        timeline.seconds,
        (Threshold("objective", "fail", objective),),
        timeline.spans,
    )
    return draw(chart)
