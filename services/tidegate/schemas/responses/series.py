"""Answers that charts are drawn from: a rollout's samples, an endpoint's traffic over time."""

from datetime import datetime

from pydantic import BaseModel, Field

from tidegate.core.evidence import Verdict
from tidegate.schemas.responses.rollouts import AnyMetric, can_pass
from tidegate.schemas.responses.traffic import TrafficOut


class ShareSampleOut(BaseModel):
    """The candidate's share at one time, in percent: desired, routed, measured."""

    at: datetime = Field(description="When", examples=["2026-01-01T12:00:00Z"])
    step: int = Field(
        description="Number of the step, from one; 0: starting; one above the last: done",
        examples=[2],
    )
    desired_percent: int | None = Field(
        description="Percent that the candidate should get; null: nothing should serve",
        examples=[25],
    )
    routed_percent: int | None = Field(
        description="Percent that the route says; null: no route", examples=[25]
    )
    mirror_percent: int = Field(
        description="Percent of requests that should be copied to it", examples=[0]
    )
    matched: bool = Field(
        description="Whether requests with certain headers should all be its own",
        examples=[False],
    )
    measured_percent: float | None = Field(
        description="Percent of the answers since the split settled that were the candidate's; "
        "null: none came, or headers or copies decide",
        examples=[24.6],
    )
    measured_requests: int = Field(
        description="Answers that `measured_percent` is of", examples=[1730]
    )


class EvidenceSampleOut(BaseModel):
    """One metric of requests at one time. Counts are of the step."""

    at: datetime = Field(description="When", examples=["2026-01-01T12:00:00Z"])
    step: int = Field(
        description="Number of the step, from one; 0: starting; one above the last: done",
        examples=[2],
    )
    verdict: Verdict = Field(description="pass, fail or undecided", examples=["undecided"])
    candidate_requests: int = Field(description="The candidate's requests", examples=[412])
    candidate_bad: int = Field(description="Bad ones among them", examples=[0])
    stable_requests: int = Field(description="Stable's requests", examples=[3708])
    stable_bad: int = Field(description="Bad ones among them", examples=[3])
    exposed_requests: int = Field(
        description="The candidate's requests over the whole rollout", examples=[690]
    )
    log10_e_fail: float = Field(
        description="Evidence that the candidate fails, over the rollout, as a power of ten",
        examples=[-0.4],
    )
    log10_e_pass: float = Field(
        description="Evidence that it passes, over the step, as a power of ten", examples=[1.3]
    )
    difference_low: float = Field(
        description="Least by which its share of bad requests is above stable's in this step, "
        "-1 to 1; for eyes, no verdict goes by it",
        examples=[-0.004],
    )
    difference_high: float = Field(
        description="Most by which it is, with the same confidence at all times", examples=[0.011]
    )
    candidate_mean: float | None = Field(
        default=None,
        description="Of a metric that is a mean: the candidate's in the step",
        examples=[None],
    )
    stable_mean: float | None = Field(
        default=None, description="The same of stable", examples=[None]
    )


class MetricSeriesOut(BaseModel):
    """One metric of requests over time."""

    metric: AnyMetric = Field(description="The metric", examples=["errors"])
    log10_threshold_fail: float = Field(
        description="`log10_e_fail` at which it fails", examples=[2.3]
    )
    log10_threshold_pass: float = Field(
        description="`log10_e_pass` at which it passes", examples=[2.0]
    )
    mean_objective: float | None = Field(
        default=None,
        description="Of a metric that is a mean: what the candidate's must stay below",
        examples=[None],
    )
    samples: list[EvidenceSampleOut] = Field(description="Oldest first")

    @property
    def can_pass(self) -> bool:
        """Whether a pass waits for the metric."""
        return can_pass(self.metric)


class PodSampleOut(BaseModel):
    """One metric of pods at one time."""

    at: datetime = Field(description="When", examples=["2026-01-01T12:00:00Z"])
    step: int = Field(
        description="Number of the step, from one; 0: starting; one above the last: done",
        examples=[2],
    )
    verdict: Verdict = Field(description="pass, fail or undecided", examples=["pass"])
    candidate: float = Field(description="Events, or seconds, of the candidate", examples=[0])
    stable: float = Field(description="The same of stable", examples=[0])


class PodSeriesOut(BaseModel):
    """One metric of pods over time."""

    metric: AnyMetric = Field(description="The metric", examples=["restarts"])
    allowed: float = Field(description="Most that is allowed", examples=[2])
    samples: list[PodSampleOut] = Field(description="Oldest first")


class SeriesOut(BaseModel):
    """A rollout over time. Samples thin themselves: under a thousand are kept, each change of step,
    share or verdict among them, and all go TIDEGATE_SAMPLES_DAYS after the rollout's end."""

    rollout_id: str = Field(
        description="Id of the rollout", examples=["7c9e6679-7425-40de-944b-e07fc1f90ae7"]
    )
    kept: int = Field(description="Samples that are kept; `points` may ask for less", examples=[87])
    confidence: float = Field(
        description="That both revisions' shares lie within their intervals at all times, 0 to 1",
        examples=[0.99],
    )
    shares: list[ShareSampleOut] = Field(description="The candidate's share, oldest first")
    metrics: list[MetricSeriesOut] = Field(description="Metrics of requests")
    pods: list[PodSeriesOut] = Field(description="Metrics of pods")


class TrafficSinceOut(BaseModel):
    """What held from a time on, until the next entry."""

    at: datetime = Field(description="Since when", examples=["2026-01-01T12:00:00Z"])
    generation: int | None = Field(
        description="Generation of the intent; null: none yet", examples=[7]
    )
    desired: TrafficOut | None = Field(
        description="What the intent asks for; null: nothing should serve"
    )
    routed: TrafficOut | None = Field(
        description="What the route said; null: no route, or not known"
    )


class TrafficHistoryOut(BaseModel):
    """An endpoint's traffic over time: an entry for each change of what is desired or routed."""

    since: datetime = Field(
        description="Beginning of the window", examples=["2026-01-01T12:00:00Z"]
    )
    until: datetime = Field(description="End of the window", examples=["2026-01-02T12:00:00Z"])
    items: list[TrafficSinceOut] = Field(
        description="Oldest first; the first is what held at `since`"
    )
    truncated: bool = Field(
        description="Whether the window holds more, and these are the newest", examples=[False]
    )
