"""`tidegate set canary` and `tidegate undo`: traffic set by a person, and back."""

from typing import Annotated

import typer

from tidegate.cli import accepted, completion, rollout_options, show_endpoint
from tidegate.cli.errors import usage
from tidegate.cli.options import (
    AcceptBreaking,
    DryRun,
    Endpoint,
    Force,
    Model,
    Reason,
    RevisionOption,
    Supersede,
    Timeout,
    Version,
    Wait,
    command,
    revision,
    timeout,
)
from tidegate.cli.rollouts import finish
from tidegate.cli.session import Session

PROMOTE = 100  # percent of `set canary` that is no share

app = typer.Typer(help="Set the candidate's percent.", no_args_is_help=True)


@app.command("canary")
@command
def canary(
    session: Session,
    endpoint: Endpoint,
    percent: Annotated[str, typer.Argument(help="0 to 99; 100 promotes.")],
    model: Model = None,
    version: Version = None,
    number: RevisionOption = None,
    force: Force = False,
    supersede: Supersede = False,
    accept_breaking: AcceptBreaking = False,
    reason: Reason = "",
    dry_run: DryRun = False,
) -> None:
    """Send PERCENT of the traffic to the candidate.

    With --version or --revision this starts a guarded manual rollout of it. Lowering always works.
    """
    requested = _percent(percent)
    if version is not None or number is not None or model is not None:
        body = rollout_options.candidate(model, version, revision(number), {})
    else:
        body = {}
    body |= {
        "canary_percent": requested,
        **rollout_options.given(accept_breaking=accept_breaking or None, reason=reason),
    }
    key = session.key(endpoint)
    # The tag of what was seen here: a promotion is of this candidate, not of whatever came
    # meanwhile.
    seen = session.api.endpoint(key).generation if requested == PROMOTE else None
    changed = session.api.change(
        lambda client, options: client.patch_endpoint(
            *key, body, force=force, supersede=supersede, options=options
        ),
        dry_run=dry_run,
        generation=seen,
    )
    session.warn(changed.warnings)
    session.note(accepted.endpoint(changed))
    if dry_run:
        session.dry_run()
    session.show(
        changed,
        show_endpoint.name,
        lambda: show_endpoint.details(changed, session.world.now(), dry_run=dry_run),
    )


def _percent(text: str) -> int:
    digits = text.strip().removesuffix("%").strip()
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 3 and int(digits) <= PROMOTE):
        raise usage(
            f"percent {text!r} is not a whole number between 0 and 100: write 25; 100 promotes"
        )
    return int(digits)


@command
def undo(
    session: Session,
    endpoint: Endpoint,
    to: Annotated[
        str | None,
        typer.Option(
            help="An older revision: 3 or r3; default: the last one that served well.",
            autocompletion=completion.revisions,
        ),
    ] = None,
    reason: Reason = "",
    dry_run: DryRun = False,
    wait: Wait = False,
    time_limit: Timeout = None,
) -> None:
    """End the running rollout, or go back a revision.

    It goes to the last one that served well; for ten minutes after a rollback it wants --to.
    """
    seconds = timeout(time_limit)
    number, key = revision(to, "--to"), session.key(endpoint)
    made = session.api.change(
        lambda client, options: client.undo(*key, to=number, reason=reason, options=options),
        dry_run=dry_run,
    )
    goes_back = made.strategy == "undo" and number in (None, made.candidate)
    want = "aborted"
    if goes_back:
        want = ""
    finish(session, made, wait=wait and not dry_run, seconds=seconds, want=want)
