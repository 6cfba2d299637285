"""What a metric source can tell of an endpoint, and what is missing, before a rollout needs it."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from tidegate.core.intent import EndpointKey
from tidegate.core.ports import NoData
from tidegate.deploy_worker.meters.profiles import Kind
from tidegate.deploy_worker.meters.prometheus import PrometheusMeter, Targets

_WORDS = {
    Kind.ANSWER: "answers",
    Kind.BUCKET: "latency buckets",
    Kind.FLOW: "requests begun",
    Kind.LOST: "lost requests",
}


class Sign(StrEnum):
    """What a line is about."""

    SERIES = "series"  # what is counted
    NO_SOURCE = "no-source"  # nothing is
    NO_GRPC_STATUS = "no-grpc-status"
    NO_BUCKETS = "no-buckets"
    NO_START_TIME = "no-start-time"
    NO_LOST = "no-lost-requests"


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that was found, or that is missing. message: for a person."""

    sign: Sign
    message: str


def check(meter: PrometheusMeter | None, key: EndpointKey) -> tuple[Line, ...]:
    """Everything that the metric source tells. `meter` None: nothing is configured."""
    if meter is None:
        return (Line(Sign.NO_SOURCE, "no metric source: gates cannot decide"),)
    observation = meter.observe(key)
    if isinstance(observation, NoData):
        return (
            Line(Sign.NO_SOURCE, f"no metric source: gates cannot decide: {observation.detail}"),
        )
    return (*_series(observation), *_missing(observation, meter))


def _meanings(observation: Targets) -> Iterator[tuple[Kind, int, str, int]]:
    """(kind, revision, protocol, newest value) of every series."""
    for target in observation.live.values():
        for meaning, value in target.at(target.times()[-1]).values():
            yield meaning.kind, meaning.revision, meaning.spoken, value


def _series(observation: Targets) -> Iterator[Line]:
    result: dict[tuple[int, str], set[str]] = {}
    for kind, revision, spoken, _ in _meanings(observation):
        if kind in _WORDS:
            result.setdefault((revision, spoken), set()).add(_WORDS[kind])
    for (revision, spoken), words in sorted(result.items()):
        yield Line(Sign.SERIES, f"r{revision} {spoken}: {', '.join(sorted(words))}")


def _missing(observation: Targets, meter: PrometheusMeter) -> Iterator[Line]:
    kinds = {
        (kind, spoken)
        for kind, _, spoken, value in _meanings(observation)
        if value or kind is not Kind.UNREAD
    }
    if (Kind.UNREAD, "grpc") in kinds and (Kind.ANSWER, "grpc") not in kinds:
        message = (
            "no metric source for gRPC: gates cannot decide: gRPC answers were seen, "
            f"but no grpc-status is counted; switch on {meter.profile.switch}"
        )
        yield Line(Sign.NO_GRPC_STATUS, message)
    if not any(kind is Kind.BUCKET for kind, _ in kinds):
        yield Line(Sign.NO_BUCKETS, "no latency buckets: metrics of latency stay undecided")
    unborn = sorted(target.name for target in observation.live.values() if not target.births)
    if unborn:
        names = ", ".join(unborn)
        message = f"{names} tells no start time or uptime: after a restart it counts only from the next cut"
        yield Line(Sign.NO_START_TIME, message)
    yield from _untold(kinds, meter)


def _untold(kinds: set[tuple[Kind, str]], meter: PrometheusMeter) -> Iterator[Line]:
    """What the proxy does not tell of requests without an answer."""
    grpc = any(spoken == "grpc" for kind, spoken in kinds if kind is not Kind.UNREAD)
    yield from (Line(Sign.NO_LOST, message) for message in meter.profile.untold(grpc=grpc))
    needs_gauge = any(family.kind is Kind.ACTIVE for family in meter.profile.families)
    if needs_gauge and not any(kind is Kind.ACTIVE for kind, _ in kinds):
        message = (
            "requests without an answer are not counted: the gauge of active requests is not "
            f"scraped; keep {', '.join(meter.profile.gauges)} in Prometheus' relabelling"
        )
        yield Line(Sign.NO_LOST, message)
