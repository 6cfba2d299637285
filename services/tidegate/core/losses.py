"""Lost and sent requests in the evidence: each source's account, kept with the base line.

**Accounts go over cuts.** What counts requests is a place: one cluster of one proxy process. A
meter names its sources anew at each cut (when the weights change, and every ten minutes), but a
request that is under way at a cut ends after it; so accounts go by `Reading.place`, and what a
place counts of flows goes on where its answers begin at zero. An account begins anew only where a
place speaks of another revision, and then nothing that was under way counts for the new one.

**A doubt counts against every claim.** Between `lost` and `lost + doubt` requests were lost, of the
candidate and of stable. Each bet of each test wins the least that it would win at any of these
truths: for a fail that is mostly "of the candidate what is sure, of stable all that may be", for a
pass the other way round. An e-value that is lower than the true one keeps every promise, so a
verdict comes where it is the same whatever is true. (Some of the truths are tried,
`scrapes.truths`, which says how little is missed.) People are shown what is sure. A doubt of a few
requests at one of thirty proxies costs a pass a few requests; it neither stops the interval nor is
forgotten.
"""

from dataclasses import replace

from tidegate.core.lost import Account, Flow, Loss, begin, born, follow
from tidegate.core.scrapes import UNSURE_S, Counters, Reading, Scrape, is_new, place_of

_YOUNG_S = (
    60.0  # longer than a place of a candidate lacks a scrape that counts, after its first request
)


def watched(last: Scrape | None, now: Scrape) -> Scrape:
    """A scrape with the lost and the sent requests of each source. last: the base line before;
    None: this is the first."""
    shadow = None
    if last is not None:
        shadow = last.shadow
    return replace(
        now,
        readings=tuple(_step(last, reading, now.at) for reading in now.readings),
        copies=tuple(_step(shadow, reading, now.at) for reading in now.copies),
    )


def confirmed(last: Scrape, now: Scrape) -> Scrape:
    """The scrape as its interval counts: without its lost requests where one side does not tell
    them."""
    with_flow = {reading.counters.flow is not None for reading in now.readings}
    if len(with_flow) < 2:
        return now
    before = {(r.source, r.revision): r.counters for r in last.readings}
    copied = {(r.source, r.revision): r.counters for r in last.copies}
    return replace(
        now,
        readings=tuple(_as_before(reading, before) for reading in now.readings),
        copies=tuple(_as_before(reading, copied) for reading in now.copies),
    )


def _as_before(reading: Reading, before: dict[tuple[str, int], Counters]) -> Reading:
    old = before.get((reading.source, reading.revision), Counters(0, 0))
    counters = replace(reading.counters, lost=old.lost, doubt=old.doubt)
    return replace(reading, counters=counters)


def _step(last: Scrape | None, reading: Reading, at: float) -> Reading:
    """One reading with its account, and what was lost since its source began."""
    flow = reading.counters.flow
    counters = reading.counters
    if flow is None:
        sent = counters.answers + counters.lost
        return replace(reading, counters=replace(counters, sent=sent))
    account, loss, whole = _account(last, reading, flow, at)
    return replace(
        reading, counters=_with(_base(last, reading, whole), loss, counters), account=account
    )


def _with(base: Counters | None, loss: Loss, counters: Counters) -> Counters:
    """The counters with what the interval adds to those of the last scrape. base None: the interval
    crosses a cut, in which answers do not count either."""
    if base is None:
        return replace(counters, lost=0, doubt=0, sent=0)
    return replace(
        counters,
        lost=base.lost + loss.lost,
        doubt=base.doubt + loss.doubt,
        sent=base.sent + loss.sent,
    )


def _base(last: Scrape | None, reading: Reading, whole: bool) -> Counters | None:
    """What the source had counted at the last scrape; zero for one that began since."""
    if last is not None and not is_new(last, reading):
        key = (reading.source, reading.revision)
        for known in last.readings:
            if (known.source, known.revision) == key:
                return known.counters
    if whole:
        return Counters(0, 0)
    return None


def _account(
    last: Scrape | None, reading: Reading, flow: Flow, at: float
) -> tuple[Account, Loss, bool]:
    """The account, what the interval adds, and whether the place began within the interval, so that
    all of its counts belong to it."""
    if last is None:
        return _begin(reading, flow, at), Loss(), False
    place = place_of(reading)
    known = next((r for r in last.readings if r.account and place_of(r) == place), None)
    if _began(last, reading, known, flow):
        account, loss = born(flow)
        return account, loss, True
    if known is None or known.account is None or known.revision != reading.revision:
        return _begin(reading, flow, at), Loss(), False
    account, loss = follow(known.account, flow)
    return account, loss, False


def _begin(reading: Reading, flow: Flow, at: float) -> Account:
    """The account of a place that is watched from now on. One that had counted nothing a short time
    ago had lost nothing then, so that what is under way now is not taken for lost before; what it
    has lost by now was lost before all the same."""
    if not reading.place or flow.zero_at is None or at - flow.zero_at > _YOUNG_S:
        return begin(flow)
    account, _ = born(flow)
    return replace(account, lost=max(account.lost, flow.ended))


def _began(last: Scrape, reading: Reading, known: Reading | None, flow: Flow) -> bool:
    """Whether all that a place counts was counted since `last`. The start of a process is only
    known to a few seconds, so that it must have moved by more (`is_new` has the same rule)."""
    if not reading.place:
        return is_new(last, reading)
    if flow.zero_at is None or flow.zero_at < last.at:
        return False
    if known is None or known.account is None or known.revision != reading.revision:
        return True
    before = known.account.last.zero_at
    return before is not None and flow.zero_at - before > UNSURE_S
