"""Lost requests between two scrapes: what is counted, what is not, and what nobody can tell."""

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.core.lost import Flow, Loss, begin, born, follow, lower, waited

QUIET = Flow(100, 100, 0)


def losses(first: Flow, *flows: Flow) -> list[Loss]:
    """What each interval adds, of a source that is watched from `first` on."""
    account = begin(first)
    added = []
    for flow in flows:
        account, loss = follow(account, flow)
        added.append(loss)
    return added


def test_an_answered_request_is_not_lost() -> None:
    assert losses(QUIET, Flow(130, 130, 0), Flow(131, 131, 0)) == [Loss(30), Loss(1)]


def test_a_request_under_way_is_not_lost() -> None:
    assert losses(QUIET, Flow(110, 100, 10), Flow(110, 100, 10)) == [Loss(10), Loss()]


def test_lost_requests_count_when_two_scrapes_in_a_row_show_them() -> None:
    gone = Flow(120, 110, 0)
    assert losses(QUIET, gone, gone, gone) == [Loss(20), Loss(0, 10), Loss()]


def test_a_torn_reading_counts_nothing() -> None:
    """The counter of answers was read before the gauge of what is under way: one too many."""
    torn = Flow(110, 109, 0)
    assert losses(QUIET, torn, Flow(120, 120, 0), Flow(121, 121, 0)) == [
        Loss(10),
        Loss(10),
        Loss(1),
    ]


def test_two_readings_of_one_scrape_are_two_in_a_row() -> None:
    both = lower(Flow(110, 100, 2), Flow(110, 101, 2))
    assert both == Flow(110, 100, 3, settled=True)
    assert losses(QUIET, both) == [Loss(10, 7)]


def test_what_was_under_way_at_the_first_scrape_may_have_been_lost_before() -> None:
    first = Flow(110, 100, 0)
    assert losses(first, first, Flow(112, 100, 0), Flow(112, 100, 0)) == [
        Loss(),
        Loss(2),
        Loss(0, 2),
    ]


def test_a_source_that_began_since_counts_from_zero() -> None:
    gone = Flow(10, 4, 0, settled=True)
    _, loss = born(gone)
    assert loss == Loss(10, 6)


def test_bodies_under_way_at_the_first_scrape_are_no_losses_when_they_end() -> None:
    streaming = Flow(110, 110, 10)
    assert losses(streaming, Flow(120, 120, 0), Flow(120, 120, 0)) == [Loss(10), Loss()]


def test_bodies_under_way_hide_losses_until_they_end() -> None:
    hidden = Flow(130, 120, 10)  # ten streams, ten lost
    visible = Flow(130, 120, 0)  # the streams have ended
    added = losses(QUIET, hidden, hidden, visible, visible)
    assert [loss.lost for loss in added] == [0, 0, 0, 10]


def test_a_doubt_is_what_streams_could_hide_and_counts_once() -> None:
    streams = Flow(110, 110, 10)
    worse = Flow(125, 120, 10)  # five unanswered beside ten streams
    assert [loss.doubt for loss in losses(QUIET, streams, worse, worse)] == [0, 5, 0]


def test_streams_without_unanswered_requests_are_clear() -> None:
    assert losses(QUIET, Flow(150, 150, 40), Flow(190, 190, 30)) == [Loss(50), Loss(40)]


def test_answers_that_fell_leave_what_was_under_way_in_doubt_and_begin_anew() -> None:
    busy = Flow(110, 103, 7)
    again = Flow(8, 4, 0, settled=True)
    later = Flow(20, 10, 0, settled=True)
    assert losses(QUIET, busy, again, later) == [Loss(10), Loss(doubt=7 + 4), Loss(12, 6)]


def test_more_answers_than_requests_leave_all_that_was_sent_in_doubt() -> None:
    """Something before the router answered 30, and is counted as if the revision did."""
    local = Flow(140, 170, 0)
    after = Flow(150, 180, 0)
    gone = Flow(160, 185, 0)
    added = losses(QUIET, local, after, gone, gone)
    assert added == [Loss(40), Loss(10, doubt=10), Loss(10), Loss(0, 5)]


def test_events_that_may_count_a_request_twice_are_in_doubt_and_no_more() -> None:
    gone = Flow(120, 110, 0, settled=True)
    unclear = Flow(150, 110, 0, unclear=3, settled=True)
    later = Flow(160, 117, 0, unclear=3, settled=True)
    assert losses(QUIET, gone, unclear, later) == [Loss(20, 10), Loss(30, 27, 3), Loss(10, 3)]


def test_what_was_unclear_before_it_was_watched_is_not_in_doubt() -> None:
    before = Flow(150, 100, 0, unclear=50)
    gone = Flow(160, 100, 0, unclear=50)
    assert losses(before, gone, gone) == [Loss(10), Loss(0, 10)]


def test_requests_that_wait_longer_than_the_setting_are_lost() -> None:
    """Their clients wait, so they are under way for good."""
    stuck = Flow(160, 120, 40, overdue=waited(130, Flow(160, 120, 40)))
    assert stuck.overdue == 10
    assert losses(QUIET, stuck, stuck, stuck) == [Loss(60), Loss(0, 10), Loss()]


def test_no_more_than_what_had_begun_before_can_have_waited() -> None:
    assert waited(100, Flow(160, 120, 40)) == 0


@dataclass
class Server:
    """Requests as they really are: the truth that the bounds must not exceed."""

    started: int = 0
    answered: int = 0
    waiting: int = 0
    streaming: int = 0
    lost: int = 0
    history: list[Flow] = field(default_factory=list)

    def act(self, what: str, count: int) -> None:
        if what == "start":
            self.started += count
            self.waiting += count
            return
        if what == "end":
            self.streaming -= min(count, self.streaming)
            return
        count = min(count, self.waiting)
        self.waiting -= count
        if what == "lose":
            self.lost += count
            return
        self.answered += count
        if what == "stream":
            self.streaming += count

    def flow(self) -> Flow:
        return Flow(self.started, self.answered, self.waiting + self.streaming)


_ACTS = st.tuples(
    st.sampled_from(["start", "answer", "stream", "end", "lose", "scrape"]), st.integers(1, 20)
)


@settings(max_examples=60, deadline=None)
@given(before=st.lists(_ACTS, max_size=20), acts=st.lists(_ACTS, max_size=80))
def test_never_more_than_were_lost_and_all_of_them_once_it_is_quiet(
    before: list[tuple[str, int]], acts: list[tuple[str, int]]
) -> None:
    server = Server()
    for act in before:
        server.act(*act)
    account = begin(server.flow())
    counted = 0
    lost_before = server.lost
    waiting = server.waiting
    for act in acts:
        if act[0] == "scrape":
            account, loss = follow(account, server.flow())
            counted += loss.lost
        server.act(*act)
        assert counted <= server.lost - lost_before
    server.act("answer", server.waiting)
    server.act("end", server.streaming)
    for _ in range(3):
        account, loss = follow(account, server.flow())
        counted += loss.lost
    assert counted == server.lost - account.before
    assert lost_before <= account.before <= lost_before + waiting
