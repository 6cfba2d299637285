"""Lost and sent requests in the evidence: each source's account, kept with the base line."""

from dataclasses import replace

from tidegate.core.lost import Account, Flow, Loss, begin, born, follow
from tidegate.core.scrapes import Counters, Reading, Scrape, is_new


def watched(last: Scrape | None, now: Scrape) -> tuple[Scrape, bool]:
    """A scrape with the lost and the sent requests of each source, and whether the interval since
    `last` is ambiguous. last: the base line before; None: this is the first."""
    readings, ambiguous = _watched(last, now.readings)
    shadow = None
    if last is not None:
        shadow = last.shadow
    copies, unclear = _watched(shadow, now.copies)
    return replace(now, readings=readings, copies=copies), ambiguous or unclear


def confirmed(last: Scrape, now: Scrape, ambiguous: bool) -> Scrape:
    """The scrape as its interval counts: without its lost requests where more of them may be lost
    on one side than anybody can tell, or where one side does not tell."""
    with_flow = {reading.counters.flow is not None for reading in now.readings}
    if not ambiguous and len(with_flow) < 2:
        return now
    before = {(r.source, r.revision): r.counters.lost for r in last.readings}
    copied = {(r.source, r.revision): r.counters.lost for r in last.copies}
    return replace(
        now,
        readings=tuple(_as_before(reading, before) for reading in now.readings),
        copies=tuple(_as_before(reading, copied) for reading in now.copies),
    )


def _as_before(reading: Reading, before: dict[tuple[str, int], int]) -> Reading:
    lost = before.get((reading.source, reading.revision), 0)
    return replace(reading, counters=replace(reading.counters, lost=lost))


def _watched(last: Scrape | None, now: tuple[Reading, ...]) -> tuple[tuple[Reading, ...], bool]:
    steps = [_step(last, reading) for reading in now]
    ambiguous = any(loss.ambiguous for _, loss in steps)
    return tuple(reading for reading, _ in steps), ambiguous


def _step(last: Scrape | None, reading: Reading) -> tuple[Reading, Loss]:
    """One reading with its account, and what the interval adds."""
    flow = reading.counters.flow
    if flow is None:
        counters = reading.counters
        counters = replace(counters, sent=counters.answers + counters.lost)
        return replace(reading, counters=counters), Loss()
    account, loss = _account(last, reading, flow)
    counters = _with_losses(reading.counters, flow, account)
    return replace(reading, counters=counters, account=account), loss


def _with_losses(counters: Counters, flow: Flow, account: Account) -> Counters:
    return replace(counters, lost=account.lost, sent=flow.sent)


def _account(last: Scrape | None, reading: Reading, flow: Flow) -> tuple[Account, Loss]:
    """By the rule for answers (`scrapes.between`): a source that is not known counts from zero only
    where that is sure."""
    if last is None:
        return begin(flow), Loss()
    if is_new(last, reading):
        return born(flow)
    key = (reading.source, reading.revision)
    kept = next((r.account for r in last.readings if (r.source, r.revision) == key), None)
    if kept is None:
        return begin(flow), Loss()
    return follow(kept, flow)
