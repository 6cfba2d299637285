"""Incidents: what went wrong with a candidate's pods, counted. Restarts, kills for memory, seconds
without a ready pod.

These are not shares of requests, so no test of rates fits: each is a count against an allowance,
and a `fail` needs no alpha. What befell stable too is not counted against the candidate (a node
that dies takes both): an incident counts once TOGETHER has passed and stable's pods, in proportion
to how many there are, had no such incident within that time, before or after. Seconds without an
endpoint are of the step, the others of the rollout.

Counts are cumulative per container of a pod, so what was counted is kept with the rollout's
progress, in one transaction: a worker that dies and comes back adds only what came on top.
"""

from dataclasses import dataclass, replace

from tidegate.core.observation import Container, Live, Observation
from tidegate.core.on_fail import OnFail

TOGETHER = 10.0  # observed seconds within which the same trouble of stable is the same event


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a candidate is allowed. restarts, oom_kills: of its containers over the rollout,
    beyond what stable shared. no_ready_pods: seconds in one step with a share of the traffic and no
    ready pod while stable had one. *_on_fail: what follows when that is too much."""

    restarts: int = 2
    oom_kills: int = 0
    no_ready_pods: float = 20.0
    restarts_on_fail: OnFail = OnFail.ABORT
    oom_kills_on_fail: OnFail = OnFail.ABORT
    no_ready_pods_on_fail: OnFail = OnFail.ABORT


@dataclass(frozen=True, slots=True)
class Tally:
    """One count over the rollout. candidate, stable: everything. against: what is counted against
    the candidate. fresh: the candidate's that are still compared with stable, for `fresh_for`
    observed seconds. spare: stable's of the last `spare_for` seconds, in candidate pods, that
    excused nothing yet."""

    candidate: int = 0
    stable: int = 0
    against: int = 0
    fresh: int = 0
    fresh_for: float = 0.0
    spare: int = 0
    spare_for: float = 0.0

    @property
    def shared(self) -> int:
        """The candidate's that stable excused."""
        return self.candidate - self.against - self.fresh


@dataclass(frozen=True, slots=True)
class NotReady:
    """Seconds with a share of the traffic and no ready pod, from reconcile to reconcile with both
    ends so. down: whether the last look was such an end. called: whether requests may reach it, as
    far as the last observation knew."""

    seconds: float = 0.0
    down: bool = False
    called: bool = False


@dataclass(frozen=True, slots=True)
class Incidents:
    """All of one rollout. known: the counts that are in the tallies already; None before the first
    reconcile, whose counts happened before. not_ready, stable_not_ready: of the step."""

    known: tuple[Container, ...] | None = None
    restarts: Tally = Tally()
    oom_kills: Tally = Tally()
    not_ready: NotReady = NotReady()
    stable_not_ready: NotReady = NotReady()


def count(
    incidents: Incidents, observation: Observation, stable: int, candidate: int, elapsed: float
) -> Incidents:
    """The incidents after one more reconcile, `elapsed` observed seconds after the last."""
    incidents = _listen(incidents, observation, stable, candidate, elapsed)
    sides = [observation.of(number) or Live(number, 0, 0) for number in (stable, candidate)]
    containers = {c.id: c for side in sides for c in side.trouble.containers}
    if incidents.known is None:
        return replace(incidents, known=tuple(containers.values()))
    known = {c.id: c for c in incidents.known}
    old, new = (_since(known, side) for side in sides)
    pods = max(sides[0].desired, 1)
    ours = max(sides[1].desired, 1)
    # Rounded up: half a restart excuses one
    excuses = [-(-number * ours // pods) for number in old]
    tallies = (incidents.restarts, incidents.oom_kills)
    restarts, kills = (
        _tally(*each, elapsed) for each in zip(tallies, new, old, excuses, strict=True)
    )
    # One that is not seen any more is kept: the snapshot that lacks it may be wrong, and it would
    # count again.
    kept = {key: _newest(known.get(key), c) for key, c in containers.items()}
    return replace(
        incidents, known=tuple((known | kept).values()), restarts=restarts, oom_kills=kills
    )


def new_step(incidents: Incidents) -> Incidents:
    """A step begins: the seconds without a ready pod start again."""
    return replace(
        incidents,
        not_ready=replace(incidents.not_ready, seconds=0.0),
        stable_not_ready=replace(incidents.stable_not_ready, seconds=0.0),
    )


def excused(incidents: Incidents) -> Incidents:
    """A person has seen what was counted against the candidate, and went on: it begins again."""
    return replace(
        new_step(incidents),
        restarts=replace(incidents.restarts, against=0, fresh=0),
        oom_kills=replace(incidents.oom_kills, against=0, fresh=0),
    )


def _since(known: dict[str, Container], side: Live) -> tuple[int, int]:
    """(restarts, kills for memory) on top of what is known."""
    restarts = kills = 0
    for container in side.trouble.containers:
        old = known.get(container.id, Container(container.id))
        restarts += max(0, container.restarts - old.restarts)
        kills += bool(container.killed) and container.killed != old.killed
    return restarts, kills


def _newest(old: Container | None, new: Container) -> Container:
    if old is None:
        return new
    return Container(new.id, max(old.restarts, new.restarts), new.killed or old.killed)


def _tally(tally: Tally, candidate: int, stable: int, excuses: int, elapsed: float) -> Tally:
    spare_for = 0.0
    if not excuses:
        spare_for = tally.spare_for + elapsed
    if tally.spare_for + elapsed < TOGETHER:
        excuses += tally.spare
    fresh_for = 0.0
    if tally.fresh:
        fresh_for = tally.fresh_for + elapsed
    left = max(0, tally.fresh - excuses)
    excuses -= tally.fresh - left
    came = max(0, candidate - excuses)
    spare = excuses - (candidate - came)
    held = left if fresh_for >= TOGETHER else 0
    return Tally(
        tally.candidate + candidate,
        tally.stable + stable,
        tally.against + held,
        left - held + came,
        0.0 if held else fresh_for,
        spare,
        spare_for if spare else 0.0,
    )


def _listen(
    incidents: Incidents, observation: Observation, stable: int, candidate: int, elapsed: float
) -> Incidents:
    alone = observation.up(stable)  # without stable as well it is no incident of the candidate
    return replace(
        incidents,
        not_ready=_not_ready(
            incidents.not_ready,
            observation,
            candidate,
            not observation.up(candidate) and alone,
            elapsed,
        ),
        stable_not_ready=_not_ready(
            incidents.stable_not_ready, observation, stable, not alone, elapsed
        ),
    )


def _not_ready(
    not_ready: NotReady, observation: Observation, revision: int, down: bool, elapsed: float
) -> NotReady:
    """A share that was taken away counts until the gateway has taken the route."""
    share = observation.traffic is not None and observation.traffic.most(revision) > 0
    called = share or (not_ready.called and not observation.settled)
    down = down and called
    return NotReady(not_ready.seconds + (elapsed if down and not_ready.down else 0.0), down, called)
