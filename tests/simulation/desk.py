"""What the API answers to people, over a simulation: the core decides, as in the service, and what
is accepted reaches the rollout controller."""

from dataclasses import replace
from itertools import pairwise

from tests.simulation.simulation import Simulation
from tidegate.core import precedence, strategy, undoing
from tidegate.core.open_rollout import OpenRollout
from tidegate.core.phases import step_to_answer
from tidegate.core.precedence import Lowering, Promotion, Raising
from tidegate.core.rollout import Action, ActionKind, Outcome, with_base
from tidegate.core.strategy import Deadlines, Kind, Strategy
from tidegate.core.undoing import (
    AlreadyStable,
    Ended,
    EndRollouts,
    GoBack,
    JoinRollout,
    ResumeUndo,
    Situation,
    StableChange,
)

NOTHING_RUNS = "NoRollout"
TOWARD_STABLE = (ActionKind.ABORT, ActionKind.REJECT)


class Desk:
    """People at one endpoint. author: who acts. deadlines: of the undos that they start."""

    def __init__(
        self, simulation: Simulation, author: str = "bob", deadlines: Deadlines | None = None
    ) -> None:
        self._simulation = simulation
        self.author = author
        self._deadlines = deadlines

    def page(self) -> int | None:
        """The step that waits for an answer, as a person sees it now."""
        opened = self.open()
        if not opened:
            return None
        return step_to_answer(opened[0].rollout, opened[0].progress)

    def open(self) -> tuple[OpenRollout, ...]:
        """The rollouts that have not ended, oldest first."""
        simulation = self._simulation
        return tuple(
            OpenRollout(
                with_base(rollout, progress), progress, self._pending(rollout.id, progress.action)
            )
            for rollout, progress in simulation.rollouts
            if progress.outcome is None
        )

    def act(self, verb: str, *, step: int | None = None, force: bool = False) -> str:
        """Ask for pause, resume, abort, reject, approve or promote; how it was answered."""
        opened = self.open()
        kind = ActionKind(verb)
        if not opened:
            return self._without_rollout(kind)
        running = opened[0]
        refusal: precedence.Refusal | None = None
        kinds: tuple[ActionKind, ...] = (kind,)
        match kind:
            case ActionKind.PROMOTE:
                result = precedence.decide_promotion(running, override=force, step=step)
                if not isinstance(result, Promotion):
                    return type(result).__name__
                kinds = result.actions
            case ActionKind.APPROVE:
                refusal = precedence.refuse_approval(running, step)
            case ActionKind.PAUSE:
                refusal = precedence.refuse_pause(running, self._simulation.intent)
            case ActionKind.RESUME:
                refusal = precedence.refuse_resume(running)
        if refusal is not None:
            return type(refusal).__name__
        for each in kinds:
            self.append(running.rollout.id, each)
        return "accepted"

    def undo(self, to: int | None = None) -> str:
        """Ask for an undo; how it was answered."""
        simulation = self._simulation
        stable = simulation.intent.stable
        assert stable is not None
        situation = Situation(stable, self.open(), self._ended(), self.changes())
        result = undoing.decide_undo(to, situation)
        match result:
            case EndRollouts(rollouts, after):
                for rollout in rollouts:
                    self.append(rollout, ActionKind.UNDO)
                return f"accepted: the rollout ends, r{after} is stable"
            case JoinRollout():
                return "accepted: it is on its way"
            case ResumeUndo(rollout):
                self.append(rollout, ActionKind.RESUME)
                return "accepted: it goes on"
            case AlreadyStable():
                return "accepted: it is stable"
            case GoBack(revision, base):
                begins_at = stable
                if base is not None:
                    begins_at = base
                assert revision != begins_at, f"the rule book refuses it: {result}"
                plan = strategy.undo()
                if self._deadlines is not None:
                    plan = replace(plan, deadlines=self._deadlines)
                self.supersede(plan, revision, base)
                return f"accepted: back to r{revision}"
        return type(result).__name__

    def undo_to_stable(self) -> str:
        """Ask for an undo to what is stable now; how it was answered."""
        return self.undo(self._simulation.intent.stable)

    def set_percent(self, percent: int, *, force: bool = False) -> str:
        """Ask for a percent of the candidate; how it was answered."""
        simulation = self._simulation
        opened = self.open()
        running = next(iter(opened), None)
        intent = simulation.intent
        result = precedence.decide_percent(percent, intent, running, override=force)
        match result:
            case Lowering(new, actions) | Raising(new, actions):
                if new is not None:
                    candidate = intent.candidate
                    if running is not None:
                        candidate = running.rollout.candidate
                    traffic = replace(intent.candidate_traffic, percent=new)
                    standby = tuple(number for number in intent.standby if number != candidate)
                    simulation.person(
                        self.author,
                        candidate=candidate,
                        candidate_traffic=traffic,
                        standby=standby,
                    )
            case Promotion(actions):
                pass
            case _:
                return type(result).__name__
        for kind in actions:
            assert running is not None
            self.append(running.rollout.id, kind)
        return "accepted"

    def supersede(self, plan: Strategy, candidate: int, base: int | None = None) -> None:
        """Start a rollout; what runs is superseded. base: as in `Simulation.start`."""
        for running in self.open():
            self.append(running.rollout.id, ActionKind.SUPERSEDE)
        self._simulation.start(plan, candidate, self.author, base=base)

    def append(self, rollout: str, kind: ActionKind) -> None:
        """An action that was accepted."""
        simulation = self._simulation
        now = simulation.lab.clock()
        action = Action(len(simulation.actions) + 1, kind, self.author, at=now)
        simulation.actions.append((rollout, action))
        simulation.note(f"{self.author} asks to {kind}")

    def _without_rollout(self, kind: ActionKind) -> str:
        rollouts = self._simulation.rollouts
        if not rollouts or kind not in TOWARD_STABLE:
            return NOTHING_RUNS
        if rollouts[-1][1].outcome is Outcome.PROMOTED:
            return NOTHING_RUNS
        return "accepted: nothing more is needed"

    def _pending(self, rollout: str, after: int) -> tuple[Action, ...]:
        actions = (action for owner, action in self._simulation.actions if owner == rollout)
        return tuple(action for action in actions if action.id > after)

    def _ended(self) -> Ended | None:
        simulation = self._simulation
        for rollout, progress in reversed(simulation.rollouts):
            if progress.outcome is not None:
                seconds = simulation.lab.clock() - (progress.end.at or 0.0)
                return Ended(rollout, progress, seconds)
        return None

    def changes(self) -> tuple[StableChange, ...]:
        """Every change of stable, newest first; `at` counts intents."""
        intents = self._simulation.intents
        rollouts = {rollout.id: rollout for rollout, _ in self._simulation.rollouts}
        changes = []
        for index, (old, new) in enumerate(pairwise(intents)):
            if old.stable == new.stable:
                continue
            rollout = rollouts.get(new.author.removeprefix("system:rollout:"))
            undoes = rollout is not None and rollout.strategy.kind is Kind.UNDO
            back = rollout is not None and new.stable != rollout.candidate
            change = StableChange(
                old.stable, new.stable, float(index), undoes != back, undoes and back
            )
            changes.append(change)
        return tuple(reversed(changes))
