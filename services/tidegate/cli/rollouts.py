"""`tidegate rollout …`: start a trial, see how it goes, see what was decided and why."""

from typing import Annotated

import typer

from tidegate.cli import accepted, find, plan, preflight, replaying, show_history, show_rollout, watch
from tidegate.cli.errors import CliError, usage
from tidegate.cli.files import read_body
from tidegate.cli.find import Named
from tidegate.cli.options import (
    AcceptBreaking,
    DryRun,
    Limit,
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
from tidegate.cli.session import Session

app = typer.Typer(help="Trials of a candidate.", no_args_is_help=True)
app.command("replay")(replaying.replay)


@app.command("start")
@command
def start(
    session: Session,
    endpoint: Annotated[str, typer.Argument(help="NAME or NAMESPACE/NAME")],
    strategy: Annotated[str | None, typer.Option(help="canary, ab, blue-green, shadow or manual.")] = None,
    model: Model = None,
    version: Version = None,
    number: RevisionOption = None,
    file: Annotated[str | None, typer.Option("--file", "-f", help="The request as YAML or JSON; - is stdin.")] = None,
    steps: Annotated[str | None, typer.Option(help="Of a canary: rising percents, such as 1,5,10,25,50.")] = None,
    bake: Annotated[str | None, typer.Option(help="How long each step lasts at least: 60s, 5m.")] = None,
    percent: Annotated[int | None, typer.Option(help="Of an A/B: the candidate's share.")] = None,
    match: Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE", help="Of an A/B: a header.")] = None,
    mirror: Annotated[int | None, typer.Option(help="Of a shadow: percent of requests copied.")] = None,
    no_side_effects: Annotated[
        bool, typer.Option("--no-side-effects", help="Of a shadow: running the model twice changes nothing outside.")
    ] = False,
    latency_bound_ms: Annotated[float | None, typer.Option(help="Slower answers are bad.")] = None,
    alpha: Annotated[float | None, typer.Option(help="Chance that a good candidate is aborted; default 0.01.")] = None,
    accept_breaking: AcceptBreaking = False,
    reason: Reason = "",
    supersede: Supersede = False,
    dry_run: DryRun = False,
    wait: Wait = False,
    time_limit: Timeout = None,
) -> None:
    """Start the trial of a candidate.

    --dry-run shows the plan, with the time that each step about takes.
    """
    body = read_body(session, file) if file is not None else {}
    body |= plan.candidate(model, version, revision(number), body)
    body |= plan.given(
        strategy=strategy,
        steps=plan.percents(steps),
        bake_seconds=plan.bake(bake),
        percent=percent,
        match=plan.headers(match or []),
        mirror_percent=mirror,
        side_effects="none" if no_side_effects else None,
        questions=plan.questions(latency_bound_ms),
        alpha=alpha,
        accept_breaking=accept_breaking or None,
        reason=reason,
    )
    seconds, key = timeout(time_limit), session.key(endpoint)
    session.doing = "starting the rollout"
    made = session.api.change(
        lambda client, options: client.start_rollout(*key, body, supersede=supersede, options=options),
        dry_run=dry_run,
    )
    finish(session, "start", made, wait=wait and not dry_run, seconds=seconds)


def finish(
    session: Session, action: str, made: find.Json, *, wait: bool, seconds: float | None, want: str = ""
) -> None:
    """Say what was accepted, then show it or wait for its end. want: the phase that was asked for, where it is no
    failure."""
    session.warn(made["warnings"])
    for line in preflight.told(made):
        session.note(line)
    session.note(accepted.rollout(action, made, watched=wait))
    if wait:
        made = watch.rollout(session, made, seconds, quiet=True)
    elif made["dry_run"]:
        session.dry_run()
    if not (wait and watch.drawn(session)):
        session.show(made, show_rollout.name, lambda: show_rollout.status(made, session.world.now()))
    if wait and made["phase"] != want:
        watch.verdict(session, made)


@app.command("status")
@command
def status(
    session: Session,
    named: Named,
    follow: Annotated[bool, typer.Option("--watch", "-w", help="Until the rollout has ended.")] = False,
    time_limit: Timeout = None,
) -> None:
    """Steps, weights, verdicts, what is awaited.

    The weight is what is wanted, what the route is set to and what the answers show. Exit 3 when it was aborted.
    """
    seconds = timeout(time_limit)
    found = find.newest(session, named)
    if follow:
        found = watch.rollout(session, found, seconds)
    else:
        cluster = watch.cluster(session, found)
        session.show(found, show_rollout.name, lambda: show_rollout.status(found, session.world.now(), cluster))
    watch.verdict(session, found)


@app.command("list")
@command
def index(
    session: Session,
    endpoint: Annotated[str | None, typer.Argument(help="Only those of this endpoint, ended ones too.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Of every endpoint, ended ones too.")] = False,
    limit: Limit = 20,
) -> None:
    """Running rollouts; with --all ended ones, too.

    Of one endpoint all of them. The newest come first.
    """
    if endpoint is not None and everything:
        raise usage("--all is every endpoint: leave it or the endpoint out")
    if endpoint is not None:
        found = session.api.rollouts(session.key(endpoint), limit)
    elif everything:
        found = find.every(session)[:limit]
    else:
        endpoints = session.api.endpoints(session.namespace, 1000)
        found = [one["rollout"] for one in endpoints if one.get("rollout")][:limit]
    one = endpoint is not None
    if not found:
        session.note(
            "no rollout yet" if one or everything else "no rollout is running: --all shows those that have ended"
        )
    session.show(found, show_rollout.name, lambda: show_rollout.listing(found, session.world.now(), of_one=one))


@app.command("history")
@command
def history(
    session: Session, endpoint: Annotated[str, typer.Argument(help="NAME or NAMESPACE/NAME")], limit: Limit = 50
) -> None:
    """Who decided what, why, on which counts."""
    key = session.key(endpoint)
    past = session.api.history(key, limit)
    rollouts = session.api.rollouts(key, min(limit, 20))
    if session.form.value in ("json", "yaml"):
        whole = {**past, "rollouts": rollouts}
        session.show(whole, show_history.name, lambda: "")
        return
    session.show(past["ledger"], show_history.name, lambda: show_history.history(past["ledger"], rollouts))


@app.command("retry")
@command
def retry(
    session: Session,
    named: Named,
    accept_breaking: AcceptBreaking = False,
    reason: Reason = "",
    dry_run: DryRun = False,
    wait: Wait = False,
    time_limit: Timeout = None,
) -> None:
    """Try again, with fresh evidence, what did not get through."""
    seconds, old = timeout(time_limit), find.newest(session, named)
    if old["phase"] not in show_rollout.ENDED:
        raise CliError(f"rollout {old['id']} is still {old['phase']}: only one that has ended can be tried again")
    made = session.api.change(
        lambda client, options: client.retry(
            old["id"], reason=reason, accept_breaking=accept_breaking, options=options
        ),
        dry_run=dry_run,
    )
    finish(session, "retry", made, wait=wait and not dry_run, seconds=seconds)
