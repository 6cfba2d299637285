"""`tidegate rollout …`: start a rollout, see how it goes, see what was decided and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tidegate.cli import (
    accepted,
    completion,
    find,
    preflight,
    replaying,
    reports,
    rollout_options,
    show_history,
    show_rollout,
    watch,
)
from tidegate.cli.errors import CliError, usage
from tidegate.cli.files import read_body
from tidegate.cli.find import Named
from tidegate.cli.options import (
    AcceptBreaking,
    DryRun,
    Endpoint,
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
from tidegate.cli.pace_options import AtTimeBox, MaxExposedRequests, Preset, TimeBoxSeconds
from tidegate.cli.session import Session, plain
from tidegate.cli.words import lasts
from tidegate.core.strategy import CANARY_PERCENTS, DEFAULT_METRICS, ab, blue_green, canary, shadow

if TYPE_CHECKING:
    from tidegate.schemas import responses as out

BAKES = ", ".join(
    f"{lasts(plan.steps[0].bake)} ({plan.kind})"
    for plan in (canary(), ab(), blue_green(), shadow())
)
ERRORS = DEFAULT_METRICS[0]
app = typer.Typer(help="Rollouts of a candidate.", no_args_is_help=True)
app.command("replay")(replaying.replay)
app.command("report")(reports.report)


@app.command("start")
@command
def start(
    session: Session,
    endpoint: Endpoint,
    strategy: Annotated[
        str | None,
        typer.Option(
            help="canary, ab, blue-green, shadow or manual; default: canary.",
            autocompletion=completion.strategies,
        ),
    ] = None,
    model: Model = None,
    version: Version = None,
    number: RevisionOption = None,
    file: Annotated[
        str | None, typer.Option("--file", "-f", help="The request as YAML or JSON; - is stdin.")
    ] = None,
    steps: Annotated[
        str | None,
        typer.Option(
            help="Of a canary: rising percents; default: made from the measured traffic, and "
            f"{','.join(map(str, CANARY_PERCENTS))} where none was measured."
        ),
    ] = None,
    bake: Annotated[
        str | None,
        typer.Option(help=f"How long each step lasts at least: 60s, 5m; default: {BAKES}."),
    ] = None,
    percent: Annotated[
        int | None,
        typer.Option(
            help="Of an A/B: the candidate's share; default: "
            f"{ab().steps[0].candidate_traffic.percent}."
        ),
    ] = None,
    match: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="Of an A/B: a header, instead of a share."),
    ] = None,
    mirror: Annotated[
        int | None,
        typer.Option(
            help="Of a shadow: percent of requests copied; default: "
            f"{shadow().steps[0].candidate_traffic.mirror}."
        ),
    ] = None,
    no_side_effects: Annotated[
        bool,
        typer.Option(
            "--no-side-effects",
            help="Of a shadow: running the model twice changes nothing outside.",
        ),
    ] = False,
    latency_threshold_ms: Annotated[
        float | None,
        typer.Option(
            help="Slower answers are bad; default: every bucket of the histogram is compared."
        ),
    ] = None,
    alpha: Annotated[
        float | None,
        typer.Option(help=f"Chance that a good candidate is aborted; default: {canary().alpha:g}."),
    ] = None,
    noise_window_seconds: Annotated[
        float | None,
        typer.Option(
            help="Seconds of a window, none of which decides alone; default: "
            f"{canary().noise_window:g}."
        ),
    ] = None,
    fail_margin: Annotated[
        float | None,
        typer.Option(
            help="Share of errors or rejections above stable's that is a fail, 0..1; default: "
            f"{ERRORS.fail_margin:g}."
        ),
    ] = None,
    pass_margin: Annotated[
        float | None,
        typer.Option(
            help="Share of errors above stable's that still passes, 0..1; default: "
            f"{ERRORS.pass_margin:g}."
        ),
    ] = None,
    min_requests: Annotated[
        int | None,
        typer.Option(
            help="Least requests of the candidate in each step before a verdict; default: "
            f"{ERRORS.min_requests}."
        ),
    ] = None,
    on_fail: Annotated[
        list[str] | None,
        typer.Option(
            metavar="METRIC=ACTION",
            help="What a fail of this metric does: abort, pause or notify.",
        ),
    ] = None,
    decision_timeout_seconds: Annotated[
        float | None,
        typer.Option(
            help=f"Ends a pause, and a wait for a person; default: {canary().deadlines.decision:g}."
        ),
    ] = None,
    preset: Preset = None,
    max_exposed_requests: MaxExposedRequests = None,
    time_box_seconds: TimeBoxSeconds = None,
    on_time_box: AtTimeBox = None,
    accept_breaking: AcceptBreaking = False,
    reason: Reason = "",
    supersede: Supersede = False,
    dry_run: DryRun = False,
    wait: Wait = False,
    time_limit: Timeout = None,
) -> None:
    """Start the rollout of a candidate.

    --dry-run shows the plan, with the time that each step about takes.
    """
    body = read_body(session, file) if file is not None else {}
    body |= rollout_options.candidate(model, version, revision(number), body)
    body |= rollout_options.given(
        strategy=strategy,
        steps=rollout_options.percents(steps),
        bake_seconds=rollout_options.bake(bake),
        percent=percent,
        match=rollout_options.headers(match or []),
        mirror_percent=mirror,
        side_effects="none" if no_side_effects else None,
        analysis=rollout_options.analysis(
            alpha,
            noise_window_seconds,
            latency_threshold_ms,
            rollout_options.given(
                fail_margin=fail_margin, pass_margin=pass_margin, min_requests=min_requests
            ),
            rollout_options.on_fail(on_fail or []),
        ),
        deadlines=rollout_options.given(decision_timeout_seconds=decision_timeout_seconds),
        preset=preset,
        max_exposed_requests=max_exposed_requests,
        time_box_seconds=time_box_seconds,
        on_time_box=on_time_box,
        accept_breaking=accept_breaking or None,
        reason=reason,
    )
    seconds, key = timeout(time_limit), session.key(endpoint)
    session.doing = "starting the rollout"
    made = session.api.change(
        lambda client, options: client.start_rollout(
            *key, body, supersede=supersede, options=options
        ),
        dry_run=dry_run,
    )
    finish(session, made, wait=wait and not dry_run, seconds=seconds)


def finish(
    session: Session,
    made: out.RolloutChange,
    *,
    wait: bool,
    seconds: float | None,
    want: str = "",
) -> None:
    """Say what was accepted, then show it or wait for its end. want: the phase that was asked for,
    where it is no failure."""
    session.warn(made.warnings)
    for line in preflight.told(made.preflight):
        session.note(line)
    session.note(accepted.rollout(made, watched=wait))
    rollout: out.RolloutOut = made
    if wait:
        rollout = watch.rollout(session, made, seconds, quiet=True)
    elif made.dry_run:
        session.dry_run()
    if not (wait and watch.drawn(session)):
        session.show(
            rollout, show_rollout.name, lambda: show_rollout.status(rollout, session.world.now())
        )
    if wait and rollout.phase != want:
        watch.verdict(session, rollout)


@app.command("status")
@command
def status(
    session: Session,
    named: Named,
    follow: Annotated[
        bool, typer.Option("--watch", "-w", help="Until the rollout has ended.")
    ] = False,
    time_limit: Timeout = None,
) -> None:
    """Steps, weights, verdicts, what is awaited.

    The weight is what is desired, routed and measured. Exit 3 when it was aborted.
    """
    seconds = timeout(time_limit)
    rollout = find.newest(session, named)
    if follow:
        rollout = watch.rollout(session, rollout, seconds)
    else:
        cluster = watch.cluster(session, rollout)
        session.show(
            rollout,
            show_rollout.name,
            lambda: show_rollout.status(rollout, session.world.now(), cluster),
        )
    watch.verdict(session, rollout)


@app.command("list")
@command
def index(
    session: Session,
    endpoint: Annotated[
        str | None,
        typer.Argument(
            help="Only those of this endpoint, ended ones too.", autocompletion=completion.endpoints
        ),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Of every endpoint, ended ones too.")
    ] = False,
    limit: Limit = 20,
) -> None:
    """Running rollouts; with --all ended ones, too.

    Of one endpoint all of them. The newest come first.
    """
    if endpoint is not None and everything:
        raise usage("--all is every endpoint: leave it or the endpoint out")
    if endpoint is not None:
        rollouts = session.api.rollouts(session.key(endpoint), limit)
    else:
        rollouts = session.api.all_rollouts(session.namespace, limit, running=not everything)
    of_one = endpoint is not None
    if not rollouts:
        session.note(
            "no rollout yet"
            if of_one or everything
            else "no rollout is running: --all shows those that have ended"
        )
    session.show(
        rollouts,
        show_rollout.name,
        lambda: show_rollout.listing(rollouts, session.world.now(), of_one=of_one),
    )


@app.command("history")
@command
def history(session: Session, endpoint: Endpoint, limit: Limit = 50) -> None:
    """Who decided what, why, on which counts."""
    key = session.key(endpoint)
    past = session.api.history(key, limit)
    rollouts = session.api.rollouts(key, min(limit, 20))
    if session.form.value in ("json", "yaml"):
        whole = {**plain(past), "rollouts": rollouts}
        session.show(whole, show_history.name, lambda: "")
        return
    session.show(
        past.ledger, show_history.name, lambda: show_history.history(past.ledger, rollouts)
    )


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
    seconds = timeout(time_limit)
    old = find.newest(session, named)
    if old.phase not in show_rollout.ENDED:
        raise CliError(
            f"rollout {old.id} is still {old.phase}: only one that has ended can be tried again"
        )
    made = session.api.change(
        lambda client, options: client.retry(
            old.id, reason=reason, accept_breaking=accept_breaking, options=options
        ),
        dry_run=dry_run,
    )
    finish(session, made, wait=wait and not dry_run, seconds=seconds)
