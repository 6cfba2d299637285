"""Targets: the processes that Prometheus scrapes, each with its own counters, as they were at one
scrape.

All samples of one scrape of one target carry one time stamp, so both revisions are read at the same
moment.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tidegate.deploy_worker.meters.profiles import Asked, Kind, Meaning, Profile
from tidegate.deploy_worker.meters.series import Series

Id = tuple[tuple[str, str], ...]  # every label of a series
TargetKey = tuple[str, str, str, str]  # pod, instance, job, Prometheus' replica


@dataclass(slots=True)
class Target:
    """counts: by series, what it means and its samples by time. births: the process's start (epoch
    seconds) by time. spoiled: scrapes with a value that is no count; none of their other values can
    be trusted to be complete."""

    key: TargetKey
    counts: dict[Id, tuple[Meaning, dict[float, int]]] = field(default_factory=dict)
    births: dict[float, float] = field(default_factory=dict)
    spoiled: set[float] = field(default_factory=set)

    @property
    def name(self) -> str:
        """What people know it by."""
        return "/".join(part for part in self.key[:2] if part) or "gateway"

    def times(self) -> list[float]:
        """When it was scraped, rising."""
        return sorted({at for _, samples in self.counts.values() for at in samples} - self.spoiled)

    def at(self, when: float) -> dict[Id, tuple[Meaning, int]]:
        """Its counters at one scrape. A series without a sample at that time is not there."""
        return {
            id_: (meaning, samples[when])
            for id_, (meaning, samples) in self.counts.items()
            if when in samples
        }


def targets(series: Sequence[Series], profile: Profile, request: Asked) -> dict[TargetKey, Target]:
    """Every target with counters of the endpoint."""
    infos = {
        key_of(counter.labels): counter.labels
        for counter in series
        if profile.meaning(counter.labels, request) == Meaning(Kind.INFO)
    }
    result: dict[TargetKey, Target] = {}
    for counter in series:
        key = key_of(counter.labels)
        meaning = profile.meaning({**infos.get(key, {}), **counter.labels}, request)
        if meaning is None or meaning.kind is Kind.INFO or not (counter.samples or counter.holes):
            continue
        target = result.setdefault(key, Target(key))
        if meaning.kind in (Kind.START, Kind.UPTIME):
            target.births.update(
                {at: v if meaning.kind is Kind.START else at - v for at, v in counter.samples}
            )
        else:
            target.counts[tuple(sorted(counter.labels.items()))] = (
                meaning,
                {at: round(v) for at, v in counter.samples},
            )
            target.spoiled.update(counter.holes)
    return {key: target for key, target in result.items() if target.times()}


def key_of(labels: Mapping[str, str]) -> TargetKey:
    """The target that a series was scraped from."""
    pod = labels.get("pod") or labels.get("pod_name") or ""
    return (
        pod,
        labels.get("instance", ""),
        labels.get("job", ""),
        labels.get("prometheus_replica", ""),
    )


def doubled(live: Sequence[Target]) -> str | None:
    """Why the same answers would count twice, if they would: one process scraped by two jobs, or a
    querier that does not remove the copies of two Prometheus replicas."""
    for position, label in ((2, "job"), (3, "prometheus_replica")):
        values = sorted({target.key[position] for target in live})
        if len(values) > 1:
            return (
                f"the gateway's counters come with {label} {' and '.join(map(repr, values))}, so "
                "each answer may be "
                f"there twice: name one {label} in the meter's settings"
            )
    pods = [target.key[0] for target in live if target.key[0]]
    twice = next((pod for pod in pods if pods.count(pod) > 1), None)
    if not twice:
        return None
    return f"pod {twice} is scraped at two addresses, so each answer is there twice: scrape one"
