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

What bodies under way hide (`Account.doubt`) can be no more than there are unanswered requests. An
interval in which that rises to a new high is ambiguous, and so is one with events after which the
number of begun requests is uncertain, or with a restart: it may not speak for the candidate.
"""

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Flow:
    """Cumulative counts of one revision's requests at one source since that source began.

    started: requests, not attempts. answered: those whose answer has begun. active: those that have
    not ended now, with answers under way. overdue: at least so many requests have ever waited for
    an answer longer than the setting `stuck_seconds`. unclear: rises when `started` may be too high
    from now on. settled: two readings in a row were taken, and this is the lower of them. carried:
    of `started`, those that were under way when the source began; their answers are counted here.
    """

    started: int
    answered: int
    active: int
    overdue: int = 0
    unclear: int = 0
    settled: bool = False
    carried: int = 0

    @property
    def sent(self) -> int:
        """Requests begun since the source began."""
        return self.started - self.carried

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
            self.carried + other.carried,
        )


@dataclass(frozen=True, slots=True)
class Account:
    """What is kept of a source from one scrape to the next. last: its flow. before: at most so many
    were lost before it was watched. ended: at least so many were ever lost. overdue: at least so
    many have ever waited too long. earlier: lost ones that were counted before the account had to
    begin anew. lost: what was counted since it is watched. doubt: the most that
    answers under way may have hidden so far."""

    last: Flow
    before: int
    ended: int
    overdue: int = 0
    earlier: int = 0
    lost: int = 0
    doubt: int = 0


@dataclass(frozen=True, slots=True)
class Loss:
    """What one interval adds. sent: requests begun. lost: requests lost, at least. ambiguous: more
    may have been, and nobody can tell."""

    sent: int = 0
    lost: int = 0
    ambiguous: bool = False

    def __add__(self, other: "Loss") -> "Loss":
        return Loss(
            self.sent + other.sent, self.lost + other.lost, self.ambiguous or other.ambiguous
        )


def begin(flow: Flow) -> Account:
    """Watch a source from now on: whatever it has not answered yet may have been lost before."""
    return Account(flow, before=flow.unanswered, ended=flow.ended)


def born(flow: Flow) -> tuple[Account, Loss]:
    """Watch a source that began since the last scrape: all that it counted is of this interval."""
    return follow(begin(Flow(0, 0, 0)), flow)


def follow(account: Account, flow: Flow) -> tuple[Account, Loss]:
    """The account after one more scrape, and what the interval adds.

    Where answers fell, where more are answered than ever began (something before the proxy's router
    answers, and is counted so), or where something happened after which nobody can tell, the
    interval is ambiguous and the account begins anew.
    """
    last = account.last
    sent = max(0, flow.sent - last.sent)  # a retry that is to come takes one off for a moment
    impossible = max(last.unanswered, flow.unanswered) < 0
    if impossible or flow.answered < last.answered or flow.unclear != last.unclear:
        anew = replace(begin(flow), earlier=account.lost, lost=account.lost)
        return anew, Loss(ambiguous=True)
    before = min(account.before, _at_most(last, flow))
    ended = max(account.ended, _at_least(last, flow))
    overdue = max(account.overdue, min(last.overdue, flow.overdue))
    lost = max(account.lost, account.earlier + max(ended, overdue) - before)
    doubt = min(max(ended - flow.ended, 0), max(flow.unanswered - max(ended, overdue), 0))
    kept = replace(
        account,
        last=flow,
        before=before,
        ended=ended,
        overdue=overdue,
        lost=lost,
        doubt=max(account.doubt, doubt),
    )
    return kept, Loss(sent, lost - account.lost, doubt > account.doubt)


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
