"""The model contract: what breaks clients of stable, what does not, and that a broken one ends a
rollout in time."""

from dataclasses import replace
from typing import Any

import pytest

from tests.core.values import intent, seen, split
from tidegate.core import contract_check, strategy
from tidegate.core.checks import CandidateChecks
from tidegate.core.contract import Compatibility, Contract, compare, unchecked
from tidegate.core.observation import Observation
from tidegate.core.progression import decide
from tidegate.core.rollout import STARTING, Action, ActionKind, Decision, Outcome, Progress, Rollout
from tidegate.core.triton.signature import Signature, Tensor, signature

X = Tensor("X", "FP32", (-1, 4))
Y = Tensor("Y", "FP32", (-1, 4))
OLD = Signature("add_sub", ("1",), (X,), (Y,), most=8)


def changed(**changes: object) -> Signature:
    return replace(OLD, **changes)  # type: ignore[arg-type]


def shaped(old: tuple[int, ...], new: tuple[int, ...], side: str) -> tuple[Signature, Signature]:
    return tuple(changed(**{side: (replace(X, shape=shape),)}) for shape in (old, new))  # type: ignore[return-value]


def test_what_triton_tells_becomes_a_signature() -> None:
    metadata = {
        "name": "add_sub",
        "versions": ["1", "2"],
        "platform": "python",
        "inputs": [{"name": "X", "datatype": "FP32", "shape": ["-1", 4]}],
        "outputs": [{"name": "Y", "datatype": "FP32", "shape": [-1, 4]}],
    }
    config = {
        "max_batch_size": 8,
        "input": [{"name": "X", "optional": True}],
        "model_transaction_policy": {},
    }
    message = signature(metadata, config)
    assert message == Signature("add_sub", ("1", "2"), (replace(X, optional=True),), (Y,), 8)
    assert signature(metadata, None) == replace(message, inputs=(X,), most=None)


@pytest.mark.parametrize(
    ("new", "message"),
    [
        (changed(inputs=()), "input X is gone"),
        (changed(inputs=(replace(X, name="X0"),)), "input X is gone"),
        (changed(inputs=(X, replace(X, name="Z"))), "input Z is new and must be sent"),
        (changed(inputs=(replace(X, datatype="FP16"),)), "input X is FP16, was FP32"),
        (changed(outputs=(replace(Y, datatype="INT8"),)), "output Y is INT8, was FP32"),
        (changed(outputs=()), "output Y is gone"),
        (changed(most=4), "max_batch_size is 4, was 8"),
        (changed(decoupled=True), "any number of times"),
        (changed(model="other"), "the model is gone (there is other)"),
    ],
)
def test_what_breaks_clients_of_stable(new: Signature, message: str) -> None:
    contract = compare([OLD], [new])
    assert contract.compatibility is Compatibility.BREAKING
    assert contract.message.startswith("add_sub: ")
    assert message in contract.message


@pytest.mark.parametrize(
    ("new", "message"),
    [
        ([changed(inputs=(X, replace(X, name="Z", optional=True)))], "input Z is new and optional"),
        ([changed(outputs=(Y, replace(Y, name="Z")))], "output Z is new"),
        ([changed(most=16)], "max_batch_size is 16, was 8"),
        ([changed(versions=("2",))], "versions 2, were 1"),
        ([OLD, changed(model="more")], "more: the model is new"),
    ],
)
def test_an_addition_is_compatible(new: list[Signature], message: str) -> None:
    contract = compare([OLD], new)
    assert (contract.compatibility, message in contract.message) == (Compatibility.COMPATIBLE, True)
    assert compare(new, new).compatibility is Compatibility.COMPATIBLE


@pytest.mark.parametrize(
    ("old", "new", "taken", "compatibility"),
    [
        ((-1, 4), (-1, 8), Compatibility.BREAKING, Compatibility.BREAKING),
        ((-1, 4), (-1, -1), Compatibility.COMPATIBLE, Compatibility.BREAKING),
        ((-1, -1), (-1, 4), Compatibility.BREAKING, Compatibility.COMPATIBLE),
        ((-1, 4), (4,), Compatibility.BREAKING, Compatibility.BREAKING),  # batching is gone
        ((-1, 4), (-1, 4, 1), Compatibility.BREAKING, Compatibility.BREAKING),
    ],
)
def test_inputs_may_widen_and_outputs_may_narrow(
    old: tuple[int, ...], new: tuple[int, ...], taken: Compatibility, compatibility: Compatibility
) -> None:
    assert compare(*[[item] for item in shaped(old, new, "inputs")]).compatibility is taken
    assert compare(*[[item] for item in shaped(old, new, "outputs")]).compatibility is compatibility


def test_a_configuration_that_may_not_be_read_says_so() -> None:
    new = replace(OLD, inputs=(X, replace(X, name="Z")), most=None)
    assert "its configuration may not be read" in compare([OLD], [new]).message
    optional = replace(OLD, inputs=(replace(X, optional=True),))
    assert "input X must be sent now, was optional" in compare([optional], [OLD]).message


BREAKING = compare([OLD], [changed(inputs=())])
READY = seen(split(0), r1=1, r2=1)


def decided(
    contract: Contract | None,
    actions: tuple[Action, ...] = (),
    uncompared: str = "",
    **more: object,
) -> Decision:
    """The first decision over a candidate that is ready."""
    rollout = Rollout("ro-1", strategy.canary(), 1, 2, "ann", **more)  # type: ignore[arg-type]
    checks = CandidateChecks(contract=contract, uncompared=uncompared)
    return decide(rollout, Progress(at=1000.0), actions, intent(0), READY, 1005.0, checks=checks)


def test_a_breaking_candidate_goes_back_before_its_first_percent_and_says_the_way_out() -> None:
    for request in ((), (Action(1, ActionKind.PROMOTE, "bob"),)):
        decision = decided(BREAKING, request)
        assert decision.progress.end.toward is Outcome.ABORTED
        assert decision.intent is not None
        assert decision.intent.candidate is None
        assert decision.message.startswith(
            "back to r1: r2 breaks the contract of r1: add_sub: input X is gone"
        )
        assert "accept_breaking" in decision.message
        assert [note.action for note in decision.notes][-2:] == ["contract", "abort"]


def test_who_accepts_it_is_recorded_and_it_goes_on() -> None:
    decision = decided(BREAKING, accept_breaking=True)
    assert decision.intent is not None
    assert decision.intent.candidate_traffic.percent == 1
    assert decision.progress.contract is not None
    assert decision.progress.contract.accepted_by == "ann"
    (note,) = (note for note in decision.notes if note.action == "accept-breaking")
    assert (note.author, "input X is gone" in note.message) == ("ann", True)
    later = decide(
        Rollout("ro-1", strategy.canary(), 1, 2, "ann"),
        decision.progress,
        (),
        intent(1),
        READY,
        1010.0,
    )
    assert not [note for note in later.notes if "contract" in note.action], "it is said once"


@pytest.mark.parametrize(
    "contract", [None, compare([OLD], [OLD]), compare([OLD], [changed(most=9)]), unchecked("x")]
)
def test_anything_else_goes_on(contract: Contract | None) -> None:
    decision = decided(contract)
    assert decision.intent is not None
    assert decision.intent.candidate_traffic.percent == 1
    assert decision.progress.contract == contract


def test_while_it_cannot_be_compared_the_candidate_is_not_ready_and_that_ends_too() -> None:
    decision = decided(None, uncompared="the contract of r1 cannot be read: refused")
    assert decision.intent is None
    assert decision.progress.step.index == STARTING
    assert (
        decision.message
        == "r2 has 1 of 1 replicas ready: the contract of r1 cannot be read: refused"
    )
    waited = replace(decision.progress, wait=replace(decision.progress.wait, seconds=600.0))
    rollout = Rollout("ro-1", strategy.canary(), 1, 2, "ann")
    checks = CandidateChecks(uncompared="the contract of r1 cannot be read: refused")
    ended = decide(rollout, waited, (), intent(0), READY, 1010.0, checks=checks)
    assert ended.progress.end.toward is Outcome.ABORTED
    assert (
        ended.progress.end.message
        == "r2 was not ready within 600 s: the contract of r1 cannot be read: refused"
    )


def test_a_promotion_by_hand_while_it_loads_waits_for_the_comparison() -> None:
    """The person answers for the numbers, not for a renamed input; and an abort still wins."""
    rollout = Rollout("ro-1", strategy.manual(), 1, 2, "ann")
    loading, asking = seen(split(0), r1=1, r2=0), CandidateChecks(compares=True)
    action = (Action(1, ActionKind.PROMOTE, "bob"),)

    def then(before: Progress, observation: Observation, *actions: Action, **more: Any) -> Decision:
        checks = replace(asking, **more)
        return decide(rollout, before, actions, intent(0), observation, 1010.0, checks=checks)

    staged = decide(
        rollout,
        Progress(at=1000.0),
        action,
        intent(0, candidate=None),
        loading,
        1005.0,
        checks=asking,
    )
    assert staged.intent is not None
    assert (
        staged.intent.stable,
        staged.intent.candidate,
        staged.intent.candidate_traffic.percent,
    ) == (1, 2, 0)
    waits = then(staged.progress, loading)
    assert waits.intent is None
    assert (
        waits.message == "r2 is not promoted yet: its contract is compared when it has a ready pod"
    )
    assert contract_check.asked(rollout, waits.progress), "the worker goes on asking"
    unread = then(waits.progress, READY, uncompared="refused")
    assert (unread.intent, unread.message) == (None, "r2 is not promoted yet: refused")
    same = then(waits.progress, READY, contract=compare([OLD], [OLD]))
    assert same.intent is not None
    assert same.intent.stable == 2
    broken = then(waits.progress, READY, contract=BREAKING)
    assert broken.intent is not None
    assert (broken.progress.end.toward, broken.intent.stable) == (Outcome.ABORTED, 1)
    stopped = then(waits.progress, loading, Action(2, ActionKind.ABORT, "eve"))
    assert stopped.progress.end.toward is Outcome.ABORTED
    ended = then(replace(waits.progress, wait=replace(waits.progress.wait, seconds=600.0)), loading)
    assert ended.progress.end.toward is Outcome.ABORTED
    assert ended.progress.end.message.startswith(
        "r2 was not ready to be promoted within 600 s: its contract"
    )


@pytest.mark.parametrize(
    ("accepts", "plan", "compares"),
    [
        (True, strategy.manual(), True),
        (False, strategy.undo(), True),
        (False, strategy.manual(), False),
    ],
)
def test_a_promotion_waits_for_no_comparison_that_would_not_stop_it(
    plan: strategy.Strategy, *, accepts: bool, compares: bool
) -> None:
    rollout = Rollout("ro-1", plan, 1, 2, "ann", accept_breaking=accepts)
    observation = seen(split(0), r1=1, r2=0)
    checks = CandidateChecks(compares=compares)
    action = (Action(1, ActionKind.PROMOTE, "bob"),)
    decision = decide(
        rollout, Progress(at=1000.0), action, intent(0), observation, 1005.0, checks=checks
    )
    assert decision.intent is not None
    assert decision.intent.stable == 2


def test_an_undo_is_not_held_to_it() -> None:
    rollout = Rollout("ro-1", strategy.undo(), 1, 2, "ann")
    decision = decide(
        rollout,
        Progress(at=1000.0),
        (),
        intent(0),
        READY,
        1005.0,
        checks=CandidateChecks(contract=BREAKING),
    )
    assert decision.progress.end.toward is Outcome.PROMOTED
