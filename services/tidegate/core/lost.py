"""Lost requests: begun at a proxy, and ended without an answer. Pure.

A request that never gets an answer is in no count of answers. A proxy's counters tell it all the
same: of the requests that it began, those without an answer are still under way or lost. Which of
a proxy's counters say "begun" is a matter of its profile; here they are one `Flow`.

Neither side of that is exact at one moment. Requests under way may be lost later, and a request
whose answer has begun (a body that is streamed) is under way although it has its answer. So there
are bounds: at least `ended`, at most `unanswered` requests were ever lost. Requests lost are lost
for good, so the best bounds over time hold: the highest lower bound, less the lowest upper bound,
were lost since the source is watched. Both bounds count only when two readings in a row show them,
since a proxy's counters are not read at one instant.

**What nobody can tell is a number**, of one source and one interval (`Loss.doubt`): so many more
may have been lost. It rises with bodies that are seen to be under way, which can hide no more than
there are unanswered requests; with events after which `started` may be too high (`unclear`); and
where a source turns out to have begun again, or answers what it never began. A doubt counts once,
when it rises to a new high. With thirty proxies it stays what it is at that one, and the others
speak for themselves. `losses` says what a doubt does to a verdict.
"""

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Flow:
    """Cumulative counts of one revision's requests at one source since that source began.

    started: requests, not attempts. answered: those whose answer has begun. active: those that have
    not ended now, with answers under way. overdue: at least so many requests have ever waited for
    an answer longer than the setting `stuck_seconds`. unclear: `started` may be too high by so
    many. settled: two readings in a row were taken, and this is the lower of them. zero_at: the
    latest time (epoch seconds) at which all of this was surely zero, None where nobody knows.
    """

    started: int
    answered: int
    active: int
    overdue: int = 0
    unclear: int = 0
    settled: bool = False
    zero_at: float | None = None

    @property
    def unanswered(self) -> int:
        """Lost, or not yet answered: an upper bound of all that was ever lost."""
        return self.started - self.answered

    @property
    def ended(self) -> int:
        """Requests that ended unanswered: a lower bound of all that was ever lost. Below 0 while
        answers are under way."""
        return self.unanswered - self.active

    def __add__(self, other: "Flow") -> "Flow":
        """Two parts of a source, such as its protocols: bounds of both add up."""
        return Flow(
            self.started + other.started,
            self.answered + other.answered,
            self.active + other.active,
            self.overdue + other.overdue,
            self.unclear + other.unclear,
            self.settled and other.settled,
            _earlier(self.zero_at, other.zero_at),
        )


@dataclass(frozen=True, slots=True)
class Account:
    """What is kept of a source from one scrape to the next. last: its flow. before: at most so many
    were lost before it was watched. ended: at least so many were ever lost. overdue: at least so
    many have ever waited too long. lost: what was counted since it is watched. doubt: the most that
    was ever in doubt. unclear: of the flow when it was first watched."""

    last: Flow
    before: int
    ended: int
    overdue: int = 0
    lost: int = 0
    doubt: int = 0
    unclear: int = 0


@dataclass(frozen=True, slots=True)
class Loss:
    """What one interval adds. sent: requests begun. lost: requests lost, at least. doubt: so many
    more may have been, and nobody can tell."""

    sent: int = 0
    lost: int = 0
    doubt: int = 0


def begin(flow: Flow) -> Account:
    """Watch a source from now on: whatever it has not answered yet may have been lost before."""
    return Account(flow, before=flow.unanswered, ended=flow.ended, unclear=flow.unclear)


def born(flow: Flow) -> tuple[Account, Loss]:
    """Watch a source that began since the last scrape: all that it counted is of this interval."""
    return follow(begin(Flow(0, 0, 0)), flow)


def follow(account: Account, flow: Flow) -> tuple[Account, Loss]:
    """The account after one more scrape, and what the interval adds.

    Where answers fell, the source began again and nothing told so: what was under way is in doubt.
    Where fewer are unanswered than were surely lost, something before the proxy's router answers
    and is counted as if the revision did: all that was sent is in doubt. Both begin anew.
    """
    last = account.last
    sent = max(0, flow.started - last.started)  # a retry that is to come takes one off for a moment
    under_way = max(0, last.unanswered - _surely(account.ended, account.overdue))
    if flow.answered < last.answered:
        return begin(flow), Loss(doubt=under_way + max(0, flow.unanswered))
    if _at_most(last, flow) < account.ended:
        return begin(flow), Loss(sent, doubt=under_way + sent)
    unclear = flow.unclear - account.unclear
    before = min(account.before, _at_most(last, flow))
    ended = max(account.ended, _at_least(last, flow) - unclear)
    overdue = max(account.overdue, min(last.overdue, flow.overdue) - unclear)
    surely = _surely(ended, overdue)
    lost = max(account.lost, surely - before)
    hidden = ended - (flow.ended - unclear)  # at least so many bodies are under way
    unknown = max(0, flow.unanswered - surely)
    doubt = max(account.doubt, min(max(0, hidden) + unclear, unknown))
    kept = Account(flow, before, ended, overdue, lost, doubt, account.unclear)
    return kept, Loss(sent, lost - account.lost, doubt - account.doubt)


def _surely(ended: int, overdue: int) -> int:
    """The better of two lower bounds; `overdue` is none while it is 0, for both may lie below it
    where answers were counted that nobody had asked for."""
    if overdue:
        return max(ended, overdue)
    return ended


def _at_least(last: Flow, flow: Flow) -> int:
    """How many requests ended unanswered, by both readings."""
    if flow.settled:
        return flow.ended
    return min(last.ended, flow.ended)


def _at_most(last: Flow, flow: Flow) -> int:
    """How many requests are unanswered, by either reading."""
    if flow.settled:
        return flow.unanswered
    return max(last.unanswered, flow.unanswered)


def _earlier(first: float | None, second: float | None) -> float | None:
    """The earlier of two times; None where one is unknown."""
    if first is None or second is None:
        return None
    return min(first, second)


def lower(first: Flow, second: Flow) -> Flow:
    """Two readings in a row as one settled flow that claims no more lost requests than either of
    them, and no fewer unanswered ones."""
    unanswered = max(first.unanswered, second.unanswered)
    active = unanswered - min(first.ended, second.ended)
    return replace(
        second,
        answered=second.started - unanswered,
        active=active,
        unclear=max(first.unclear, second.unclear),
        settled=True,
    )


def waited(started_before: int, flow: Flow) -> int:
    """At least so many requests have waited for an answer longer than T, where `started_before` had
    been begun T ago: an answer since then may belong to a younger one."""
    return max(0, started_before - flow.answered)
