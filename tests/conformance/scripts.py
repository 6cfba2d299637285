"""The scripts, each written once: intents, faults and waits. Who runs them is not their
business."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from tests.conformance.play import ONE, Play
from tidegate.core.intent import Mode, Scaling

PERCENT = "canaryTrafficPercent"
BOTH = (Mode.STANDARD, Mode.KNATIVE)


@dataclass(frozen=True, slots=True)
class Script:
    """A scenario. modes: where it can be told."""

    name: str
    act: Callable[[Play], None]
    modes: tuple[Mode, ...] = BOTH
    scaling: Scaling = field(default_factory=lambda: ONE)


def rollout(play: Play, percent: int = 25) -> None:
    play.deploy()
    play.rollout(2)
    play.share(percent)


def promoted(play: Play, number: int) -> None:
    play.rollout(number)
    play.share(50)
    play.promote()
    play.window_ends()


def first_deploy(play: Play) -> None:
    play.deploy()


def canary(play: Play) -> None:
    play.deploy()
    play.rollout(2)
    for percent in (10, 25, 50):
        play.share(percent)


def promote(play: Play) -> None:
    canary(play)
    play.promote()
    play.window_ends()


def abort(play: Play, percent: int, restore: str) -> None:
    """restore: how new pods of stable start, which the Knative mode needs: `quick`, or `late`: not
    before the abort has come to rest without them, as it does when they never start."""
    play.deploy()
    play.rollout(2)
    for step in (10, 50, 99):
        if step <= percent:
            play.share(step)
    if restore == "late":
        play.world.hold(1)
    play.abort()
    if restore == "late":
        play.befall("stable starts at last", lambda: play.world.release(1))


def abort_while_the_candidate_starts(play: Play) -> None:
    play.deploy()
    play.world.hold(2)
    play.rollout(2, 10)
    play.abort()


def undo(play: Play, *, inside: bool) -> None:
    """inside: in the window in which old stable is on standby."""
    rollout(play)
    play.promote()
    if not inside:
        play.window_ends()
    play.undo(1)
    play.window_ends()


def never_ready(play: Play) -> None:
    play.deploy()
    play.world.hold(2)
    play.rollout(2, 25)
    play.befall("r2 starts at last", lambda: play.world.release(2))


def crashes(play: Play) -> None:
    play.deploy()
    play.world.crash(2)
    play.rollout(2, 25)
    play.abort()


def candidate_dies(play: Play) -> None:
    rollout(play)
    play.world.hold(2)
    play.befall("the pods of r2 are deleted, new ones do not start", lambda: play.world.kill(2))
    play.befall("they start", lambda: play.world.release(2))


def stable_dies(play: Play) -> None:
    rollout(play)
    play.world.hold(1)
    play.befall("the pods of r1 are deleted, new ones do not start", lambda: play.world.kill(1))
    play.befall("they start", lambda: play.world.release(1))


def blue_green(play: Play) -> None:
    play.deploy()
    play.rollout(2, size=100)
    play.promote()
    play.window_ends()


def another_model_by_hand(play: Play) -> None:
    rollout(play)
    model = {"model": {"storageUri": "s3://models/model-2/of-somebody/"}}
    edited_by_hand(play, "somebody changes the candidate's model", model)


def more_replicas_during_a_canary(play: Play) -> None:
    """An intent changes both revisions; Knative refuses it, for it would be a new revision."""
    rollout(play)
    play.want("two replicas at least", scaling=Scaling(2, 2))
    play.abort()


def deleted_by_hand(play: Play, kind: str, name: str) -> None:
    rollout(play)
    play.meddle(f"somebody deletes {kind} {name}", lambda: play.world.delete(kind, name))
    play.promote()


def weight_by_hand(play: Play) -> None:
    rollout(play)
    if play.mode is Mode.KNATIVE:
        play.meddle("somebody sets 80 %", lambda: edit_predictor(play, "fraud", {PERCENT: 80}))
    else:
        play.meddle("somebody sets 80 %", lambda: edit_weights(play, 20, 80))
    play.abort()


def bounds_by_hand(play: Play) -> None:
    rollout(play)
    edited_by_hand(play, "somebody sets maxReplicas", {"maxReplicas": 3})


def edited_by_hand(play: Play, step: str, change: Mapping[str, Any]) -> None:
    """New pods are held so long: what the worker does depends on whether it sees a Knative revision
    that starts."""
    head = "fraud-r2"
    if play.mode is Mode.KNATIVE:
        head = "fraud"
    play.world.hold(2)
    play.meddle(step, lambda: edit_predictor(play, head, change))
    play.befall("the pods of r2 start", lambda: play.world.release(2))
    play.promote()


def pointer_flip(play: Play) -> None:
    """A percent below 100 on a head that is created, ready and rolled out: KServe goes back to the
    one before."""
    play.deploy()
    promoted(play, 2)
    play.meddle("somebody sets 40 %", lambda: edit_predictor(play, "fraud", {PERCENT: 40}))
    promoted(play, 3)


def deletion(play: Play) -> None:
    rollout(play)
    play.abort()
    play.remove()


def deletion_during_a_canary(play: Play) -> None:
    rollout(play)
    play.remove()


def name_reuse(play: Play) -> None:
    rollout(play)
    play.abort()
    play.remove()
    play.deploy(3)
    play.rollout(4)
    play.share(50)
    play.abort()


def two_canaries_after_two_promotions(play: Play) -> None:
    play.deploy()
    promoted(play, 2)
    promoted(play, 3)
    play.rollout(4)
    play.share(10)
    play.share(50)
    play.abort()
    play.rollout(5)
    play.share(50)
    play.promote()
    play.window_ends()


def zero_and_back(play: Play) -> None:
    """Stable and the candidate go to zero, which counts as ready, and come back."""
    world = play.world
    world.zero()
    world.ask(1, 1)
    play.deploy()
    play.befall("nobody asks for r1", lambda: world.ask(1, 0), r1="zero")
    play.befall("somebody asks for r1", lambda: world.ask(1, 1), r1="up")
    world.ask(2, 1)
    play.rollout(2)
    play.share(50)
    play.befall("nobody asks for r2", lambda: world.ask(2, 0), r2="zero")
    play.share(75)
    world.hold(2)
    play.befall("somebody asks for r2, whose pod takes its time", lambda: world.ask(2, 1))
    play.befall("the pod is ready", lambda: world.release(2), r2="up")
    play.promote()
    play.befall("nobody asks at all", lambda: world.ask(2, 0), r2="zero")


# what somebody else does


def edit_predictor(play: Play, name: str, change: Mapping[str, Any]) -> None:
    play.world.edit("InferenceService", name, {"spec": {"predictor": change}})


def edit_weights(play: Play, *weights: int) -> None:
    route = play.world.get("HTTPRoute", "fraud")
    assert route is not None
    rules = [
        {
            **r,
            "backendRefs": [
                {**ref, "weight": w} for ref, w in zip(r["backendRefs"], weights, strict=True)
            ],
        }
        for r in route["spec"]["rules"]
    ]
    play.world.edit("HTTPRoute", "fraud", {"spec": {"rules": rules}})


STANDARD = (Mode.STANDARD,)
KNATIVE = (Mode.KNATIVE,)
DELETED = (
    ("HTTPRoute", "fraud", STANDARD),
    ("InferenceService", "fraud-r1", STANDARD),
    ("InferenceService", "fraud-r2", STANDARD),
    ("InferenceService", "fraud", KNATIVE),
    ("ConfigMap", "fraud-tidegate", KNATIVE),
)
SCRIPTS = (
    Script("first deploy", first_deploy),
    Script("canary", canary),
    Script("canary of four replicas", canary, scaling=Scaling(4, 4)),
    Script("promote", promote),
    Script("promote with an autoscaler", promote, scaling=Scaling(2, 4)),
    Script("blue-green of two replicas", blue_green, scaling=Scaling(2, 2)),
    *(
        Script(f"abort at {at}", partial(abort, percent=at, restore="quick"))
        for at in (0, 10, 50, 99)
    ),
    *(
        Script(f"abort at {at}, late restore", partial(abort, percent=at, restore="late"))
        for at in (0, 10, 50, 99)
    ),
    Script("abort while the candidate starts", abort_while_the_candidate_starts),
    Script("undo inside the window", partial(undo, inside=True)),
    Script("undo after the window", partial(undo, inside=False)),
    Script("candidate late", never_ready),
    Script("candidate crashes", crashes),
    Script("candidate dies", candidate_dies),
    Script("stable dies", stable_dies),
    Script("another model by hand", another_model_by_hand),
    Script("more replicas during a canary", more_replicas_during_a_canary, STANDARD),
    *(
        Script(f"{kind} {name} deleted", partial(deleted_by_hand, kind=kind, name=name), m)
        for kind, name, m in DELETED
    ),
    Script("weight by hand", weight_by_hand),
    Script("bounds by hand", bounds_by_hand),
    Script("pointer flip", pointer_flip, KNATIVE),
    Script("zero and back", zero_and_back, KNATIVE, Scaling(0, 2)),
    Script("deletion", deletion),
    Script("deletion during a canary", deletion_during_a_canary),
    Script("name reuse", name_reuse),
    Script("two canaries after two promotions", two_canaries_after_two_promotions),
)
RUNS = tuple((script, mode) for script in SCRIPTS for mode in script.modes)
