"""The exact command of the CLI that does something, as messages name it."""

from tidegate.core.intent import EndpointKey
from tidegate.core.phases import step_to_answer, waits_for_person
from tidegate.core.rollout import Progress, Rollout


def forward(key: EndpointKey, rollout: Rollout, progress: Progress) -> str:
    """The command that makes the candidate stable now: the answer to a step that waits, else an
    override, also of an answer that was given; '' where the end is decided and no command helps."""
    if progress.end.toward is not None:
        return ""
    command = f"tidegate rollout promote {key}"
    if progress.step.approved_by is not None:
        return f"{command} --force"
    number = step_to_answer(rollout, progress)
    if number is not None:
        return f"{command} --step {number}"
    if waits_for_person(rollout, progress):
        return command
    return f"{command} --force"


def approve(key: EndpointKey, step: int) -> str:
    """The command that approves a step, by its number from 1."""
    return f"tidegate rollout approve {key} --step {step}"


def abort(key: EndpointKey) -> str:
    """The command that ends a rollout toward stable."""
    return f"tidegate rollout abort {key}"


def abort_by_id(rollout: str) -> str:
    """The command that ends one rollout of several, also one that waits behind another."""
    return f"tidegate rollout abort {rollout}"


def resume(key: EndpointKey) -> str:
    """The command that ends a pause or an override."""
    return f"tidegate rollout resume {key}"


def undo(key: EndpointKey, to: int | None = None) -> str:
    """The command that goes back. to: the revision, None: the last one that served well."""
    if to is None:
        return f"tidegate undo {key}"
    return f"tidegate undo {key} --to {to}"


def start_over(key: EndpointKey, revision: int) -> str:
    """The command that begins a rollout of a revision, also while another one ends."""
    return f"tidegate rollout start {key} --revision {revision} --supersede"
