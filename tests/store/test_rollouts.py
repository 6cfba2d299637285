"""Rollouts, actions and progress between people and the rollout controller."""

from dataclasses import replace

import pytest
from store.builders import KEY, claim_one, impatient, make_endpoint, make_rollout

from tidegate.core.rollout import ActionKind, End, Note, Outcome, Progress, StepProgress
from tidegate.core.status import EndpointPhase
from tidegate.store import ledger, reconciles, rollouts
from tidegate.store.engine import Store
from tidegate.store.errors import NotFound, StoreUnavailable
from tidegate.store.values import Busy, Context, Finished, Lease, Recorded, Stale, Started

pytestmark = pytest.mark.real


def _load(store: Store, lease: Lease) -> Context:
    with store.read() as tx:
        context = reconciles.load(tx, lease)
    assert isinstance(context, Context)
    return context


def test_a_rollout_is_read_back_as_it_was_asked_for(store: Store) -> None:
    make_endpoint(store)
    rollout = make_rollout()

    with store.begin() as tx:
        assert rollouts.start(tx, KEY, rollout) == Started(queued=False)

    with store.read() as tx:
        stored = rollouts.current(tx, KEY)
        assert stored is not None
        assert (stored.rollout, stored.progress, stored.outcome) == (rollout, Progress(), None)
        assert rollouts.get(tx, "one") == stored


def test_a_second_candidate_waits_until_the_first_is_superseded(store: Store) -> None:
    make_endpoint(store)
    with store.begin() as tx:
        rollouts.start(tx, KEY, make_rollout("one"))

    with store.begin() as tx:
        refused = rollouts.start(tx, KEY, make_rollout("two"))
        queued = rollouts.start(tx, KEY, make_rollout("two", author="bob"), supersede=True)

    assert isinstance(refused, Busy)
    assert refused.current.rollout.id == "one"
    assert queued == Started(queued=True)
    lease = claim_one(store)
    first, second = _load(store, lease).rollouts
    assert [(action.kind, action.author) for action in first.actions] == [
        (ActionKind.SUPERSEDE, "bob")
    ]
    assert (second.rollout.id, second.actions) == ("two", ())

    with store.begin() as tx:
        ended = Progress(action=first.actions[0].id, outcome=Outcome.SUPERSEDED, end=End(tidy=True))
        reconciles.record(tx, lease, progress=[("one", ended)])

    with store.read() as tx:
        current = rollouts.current(tx, KEY)
        assert current is not None
        assert current.rollout.id == "two"


def test_a_finished_rollout_takes_no_actions_but_stays_until_it_is_tidy(store: Store) -> None:
    make_endpoint(store)
    with store.begin() as tx:
        rollouts.start(tx, KEY, make_rollout())
    promoted = Progress(outcome=Outcome.PROMOTED, end=End(standby_until=1e9))
    lease = claim_one(store)
    with store.begin() as tx:
        reconciles.record(tx, lease, progress=[("one", promoted)], release=False)
        assert rollouts.add_action(tx, "one", ActionKind.ABORT, author="ann") == Finished(
            Outcome.PROMOTED
        )
        assert rollouts.current(tx, KEY) is None
    assert [state.progress for state in _load(store, lease).rollouts] == [promoted]

    with store.begin() as tx:
        reconciles.record(
            tx,
            lease,
            progress=[("one", replace(promoted, end=replace(promoted.end, tidy=True)))],
            release=False,
        )

    assert _load(store, lease).rollouts == ()


def test_the_controller_sees_each_action_once(store: Store) -> None:
    make_endpoint(store)
    with store.begin() as tx:
        rollouts.start(tx, KEY, make_rollout())
        pause = rollouts.add_action(tx, "one", ActionKind.PAUSE, author="ann", reason="lunch")
        assert not isinstance(pause, Finished)
    lease = claim_one(store)
    assert _load(store, lease).rollouts[0].actions == (pause,)

    with store.begin() as tx:
        reconciles.record(tx, lease, progress=[("one", Progress(action=pause.id))], release=False)
        resume = rollouts.add_action(tx, "one", ActionKind.RESUME, author="ann")

    assert _load(store, lease).rollouts[0].actions == (resume,)
    with store.read() as tx:
        assert rollouts.actions(tx, "one") == (pause, resume)


def test_actions_become_visible_in_the_order_of_their_ids(store: Store) -> None:
    """An action with a lower id that commits later would be passed by the rollout controller's
    cursor for ever."""
    make_endpoint(store)
    with store.begin() as tx:
        rollouts.start(tx, KEY, make_rollout())
    with store.begin() as tx:
        first = rollouts.add_action(tx, "one", ActionKind.PAUSE, author="ann")
        with (
            pytest.raises(StoreUnavailable, match="lock timeout"),
            impatient(store, "lock_timeout") as other,
        ):
            rollouts.add_action(other, "one", ActionKind.RESUME, author="bob")
    with store.begin() as tx:
        second = rollouts.add_action(tx, "one", ActionKind.RESUME, author="bob")

    assert not isinstance(first, Finished)
    assert not isinstance(second, Finished)
    assert first.id < second.id


def test_a_reconcile_is_stored_whole_or_not_at_all(store: Store) -> None:
    made = make_endpoint(store)
    with store.begin() as tx:
        rollouts.start(tx, KEY, make_rollout())
    lease = claim_one(store)
    step = replace(made.intent, candidate=2, author="system:rollout:one", message="1 %")
    note = Note("system:rollout:one", "step", "1 %")

    with store.begin() as tx:
        stale = reconciles.record(
            tx, lease, intent=step, expected_generation=7, rollout_id="one",
            progress=[("one", Progress(step=StepProgress(index=0)))],
            notes=[note], status={"phase": "progressing"},
        )  # fmt: skip
    assert stale == Stale(1)
    context = _load(store, lease)
    assert (context.rollouts[0].progress, context.endpoint.status) == (Progress(), {})

    with store.begin() as tx:
        done = reconciles.record(
            tx, lease, intent=step, expected_generation=1, rollout_id="one",
            progress=[("one", Progress(step=StepProgress(index=0)))],
            notes=[note], status={"phase": "progressing"}, release=False,
        )  # fmt: skip
    assert isinstance(done, Recorded)
    assert done.intent is not None
    assert done.intent == replace(step, generation=2, mark=done.intent.mark)
    context = _load(store, lease)
    assert context.intent == done.intent
    assert context.rollouts[0].progress == Progress(step=StepProgress(index=0))
    assert (context.endpoint.status, context.endpoint.status_version) == (
        {"phase": "progressing"},
        1,
    )
    assert context.status.phase is EndpointPhase.PROGRESSING
    with store.read() as tx:
        lines = ledger.read(tx, lease.endpoint_id).items
    assert [line.action for line in lines] == ["step", "intent", "rollout.start", "intent"]


def test_a_crash_during_the_record_loses_the_reconcile_and_nothing_else(store: Store) -> None:
    made = make_endpoint(store)
    lease = claim_one(store)

    def crash() -> None:
        with store.begin() as tx:
            reconciles.record(
                tx, lease, intent=made.intent, expected_generation=1, memory={"half": True}
            )
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError):
        crash()

    context = _load(store, lease)
    assert (context.endpoint.generation, context.memory) == (1, {})


def test_rollouts_are_listed_newest_first(store: Store) -> None:
    make_endpoint(store)
    with store.begin() as tx:
        for name in ("one", "two", "three"):
            rollouts.start(tx, KEY, make_rollout(name), supersede=True)

    with store.read() as tx:
        newest = rollouts.list_rollouts(tx, KEY, limit=2)
        oldest = rollouts.list_rollouts(tx, KEY, limit=2, page_token=newest.next_token)

    assert [stored.rollout.id for stored in (*newest.items, *oldest.items)] == [
        "three",
        "two",
        "one",
    ]


def test_names_that_do_not_exist_are_named(store: Store) -> None:
    with pytest.raises(NotFound, match="rollout nope"), store.begin() as tx:
        rollouts.add_action(tx, "nope", ActionKind.PAUSE, author="ann")
    with pytest.raises(NotFound, match="team-a/demo"), store.begin() as tx:
        rollouts.start(tx, KEY, make_rollout())


def test_a_pipeline_run_finds_what_it_started_and_what_it_acted_on(store: Store) -> None:
    make_endpoint(store)
    with store.begin() as tx:
        rollouts.start(
            tx, KEY, replace(make_rollout(), run_id="run-1", reason="after pipeline run run-2")
        )
        rollouts.add_action(tx, "one", ActionKind.PAUSE, author="ann", reason="pipeline run run-3")
        rollouts.add_action(tx, "one", ActionKind.PROMOTE, author="pipeline", run_id="run-9")
    with store.read() as tx:
        result = {
            run: [each.rollout.id for each in rollouts.list_rollouts(tx, KEY, run_id=run).items]
            for run in ("run-1", "run-2", "run-3", "run-9", "")
        }
    assert result == {"run-1": ["one"], "run-2": [], "run-3": [], "run-9": ["one"], "": []}


def test_a_submission_finds_what_its_runs_started_and_acted_on(store: Store) -> None:
    make_endpoint(store)
    with store.begin() as tx:
        rollouts.start(tx, KEY, replace(make_rollout(), run_id="run-1.first"))
        rollouts.add_action(tx, "one", ActionKind.PROMOTE, author="pipeline", run_id="run-9.second")
        rollouts.add_action(tx, "one", ActionKind.PAUSE, author="pipeline", run_id="run-third")
    with store.read() as tx:
        result = {
            submission: [
                each.rollout.id
                for each in rollouts.list_rollouts(tx, KEY, submission_id=submission).items
            ]
            for submission in ("first", "second", "third", "st", "run-1.first", "%")
        }
    assert {name: ids for name, ids in result.items() if ids} == {
        "first": ["one"],
        "second": ["one"],
    }
