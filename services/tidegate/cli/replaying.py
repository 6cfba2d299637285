"""`tidegate rollout replay`: a golden set against the candidate, before or while it gets
traffic."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import RenderableType

from tidegate.cli import find, words
from tidegate.cli.errors import CliError, Exit
from tidegate.cli.options import Reason, command
from tidegate.cli.session import Session
from tidegate.core.shown_address import shown_address
from tidegate.steps.errors import StepFailed
from tidegate.steps.golden_set import Case, Result, read
from tidegate.steps.golden_set import replay as asked_of
from tidegate.steps.inference import NotThere, infer

if TYPE_CHECKING:
    from tidegate.schemas import responses as out

PATIENCE_S = 20.0  # the worker may tell a new address a moment after its pod is ready
AGAIN_S = 1.0


@command
def replay(
    session: Session,
    named: find.Named,
    golden: Annotated[str, typer.Option(help="The golden set: a YAML or JSON file; - is stdin.")],
    at: Annotated[
        str | None, typer.Option("--at", help="Ask this address instead, such as a forwarded port.")
    ] = None,
    answer: Annotated[
        bool,
        typer.Option(
            "--answer",
            help="Approve the stop that waits when all is right, else reject the rollout.",
        ),
    ] = False,
    reason: Reason = "",
) -> None:
    """Replay a golden set against the candidate, past the split.

    Exit 3 when an answer is wrong.
    """
    cases = _read(session, golden)
    rollout = find.newest(session, named)
    results = _ask(session, rollout, at, cases)
    wrong = [result for result in results if result.wrong]
    if answer:
        _answer(session, rollout, results, reason)
    session.show(
        [_data(result) for result in results],
        lambda item: f"golden/{item['name']}",
        lambda: _table(results),
    )
    if wrong:
        message = f"{len(wrong)} of {len(results)} golden answers of r{rollout.candidate} are wrong"
        raise CliError(f"{message}: {wrong[0].case.name}: {wrong[0].wrong}", Exit.DEGRADED)


def _read(session: Session, file: str) -> tuple[Case, ...]:
    try:
        if file == "-":
            text = session.world.stdin.read()
        else:
            text = Path(file).read_text()
        return read(text)
    except OSError as error:
        raise CliError(
            f"cannot read {file}: {error.strerror}; give --golden a file that can be read"
        ) from None
    except UnicodeDecodeError:
        raise CliError(f"{file} is not a text: give --golden a YAML or JSON file") from None
    except StepFailed as error:
        raise CliError(f"{file}: {error}") from None


def _ask(
    session: Session, rollout: out.RolloutOut, at: str | None, cases: tuple[Case, ...]
) -> list[Result]:
    """All results. An address that does not answer yet is looked up and asked again for a
    moment."""
    until = session.world.clock() + PATIENCE_S
    while True:
        url = at or _address(rollout)
        session.doing = f"asking {shown_address(url)}"
        try:
            with session.patience():
                return list(asked_of(url, cases, infer))
        except NotThere as error:
            if session.world.clock() >= until:
                message = f"{shown_address(url)} does not answer: {error}"
                raise CliError(f"{message}; forward a port to it and name that with --at") from None
        except StepFailed as error:
            raise CliError(str(error)) from None
        session.world.sleep(AGAIN_S)
        rollout = session.api.rollout(rollout.id)


def _address(rollout: out.RolloutOut) -> str:
    if not rollout.candidate_url:
        raise CliError(
            f"r{rollout.candidate} has no address of its own ({rollout.phase}): repeat this while "
            "its rollout "
            "runs and it is ready, or name one with --at"
        )
    return rollout.candidate_url


def _answer(session: Session, rollout: out.RolloutOut, results: list[Result], reason: str) -> None:
    wrong = [result for result in results if result.wrong]
    verb = "reject" if wrong else "approve"
    if wrong:
        message = f"golden set: {wrong[0].case.name}: {wrong[0].wrong}"
    else:
        message = f"golden set: {len(results)} answers right"
    if reason:
        message = f"{reason}; {message}"
    session.api.change(
        lambda client, options: client.act(rollout.id, verb, reason=message[:2000], options=options)
    )
    session.note(f"{words.OK} {'rejected' if wrong else 'approved'}: {message}")


def _data(result: Result) -> dict[str, object]:
    return {
        "name": result.case.name,
        "model": result.case.golden.model,
        "right": not result.wrong,
        "wrong": result.wrong,
    }


def _table(results: list[Result]) -> RenderableType:
    table = words.table("REQUEST", "MODEL", "ANSWER")
    for result in results:
        sign = words.OK
        if result.wrong:
            sign = words.BAD
        table.add_row(
            result.case.name, result.case.golden.model, words.icon(sign, result.wrong or "right")
        )
    return table
