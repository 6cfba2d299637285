"""Lost requests in the evidence: each source's account, kept with the base line, and what an
interval adds for one revision."""

from dataclasses import dataclass, replace

from tidegate.core.evalues import Arm
from tidegate.core.lost import Account, Loss, begin, born, follow
from tidegate.core.scrapes import Between, Reading, Scrape


def watched(last: Scrape | None, now: Scrape) -> Scrape:
    """The readings of a base line with their accounts. last: the base line before; None: the first
    of all, so that whatever was lost before it does not count."""
    readings = _watched(_by_source(last.readings if last else ()), now.readings, last is None)
    copies = _watched(_by_source(last.copies if last else ()), now.copies, last is None)
    return replace(now, readings=readings, copies=copies)


def losses(last: Scrape, now: Scrape, revision: int) -> Loss | None:
    """What the interval between a base line and the next scrape adds for one revision. None: some
    source of it does not tell."""
    before = _by_source(last.readings)
    total = Loss()
    for reading in now.readings:
        if reading.revision != revision:
            continue
        loss = _step(before.get((reading.source, revision)), reading, first=False)[1]
        if loss is None:
            return None
        total += loss
    return total


@dataclass(frozen=True, slots=True)
class Losses:
    """Both sides of one interval; None where a proxy does not tell."""

    candidate: Loss | None
    stable: Loss | None

    @property
    def ambiguous(self) -> bool:
        """Whether more may be lost on a side than anybody can tell: nothing passes on that."""
        return any(side is not None and side.ambiguous for side in (self.candidate, self.stable))

    def add(self, candidate: Between, stable: Between) -> tuple[Between, Between]:
        """The answers of both sides with their lost requests, which are bad. Neither side's count
        where one of them is ambiguous or untold: that would favour the other."""
        if self.candidate is None or self.stable is None or self.ambiguous:
            return candidate, stable
        return _with_lost(candidate, self.candidate), _with_lost(stable, self.stable)

    def sent(self, candidate: Between, stable: Between) -> tuple[Arm, Arm]:
        """Requests that were begun, or the answers where a proxy does not tell."""
        if self.candidate is None or self.stable is None:
            return candidate.arm, stable.arm
        return (
            replace(candidate.arm, n=self.candidate.sent),
            replace(stable.arm, n=self.stable.sent),
        )


def _with_lost(between: Between, loss: Loss) -> Between:
    arm = Arm(between.arm.n + loss.lost, between.arm.bad + loss.lost)
    return replace(between, arm=arm)


def _by_source(readings: tuple[Reading, ...]) -> dict[tuple[str, int], Reading]:
    return {(reading.source, reading.revision): reading for reading in readings}


def _watched(
    before: dict[tuple[str, int], Reading], now: tuple[Reading, ...], first: bool
) -> tuple[Reading, ...]:
    return tuple(
        replace(
            reading,
            account=_step(before.get((reading.source, reading.revision)), reading, first=first)[0],
        )
        for reading in now
    )


def _step(last: Reading | None, now: Reading, *, first: bool) -> tuple[Account | None, Loss | None]:
    """One source's next account and what it adds. A source that was not there before counts from
    zero, as its answers do."""
    flow = now.counters.flow
    if flow is None:
        return None, None
    if last is None and first:
        return begin(flow), Loss()
    if last is None:
        return born(flow)
    if last.account is None:
        return begin(flow), Loss(ambiguous=True)
    return follow(last.account, flow)
