"""Following something until it ends: look, show what changed, sleep, look again. Every wait can be
bounded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from rich.console import RenderableType
from rich.live import Live

from tidegate.cli import accepted, show_endpoint, show_rollout
from tidegate.cli.errors import CliError, Exit, Unreachable
from tidegate.cli.session import Format, Session
from tidegate.cli.words import lasts

if TYPE_CHECKING:
    from tidegate.schemas import responses as out

T = TypeVar("T")
INTERVAL = 1.0  # seconds between readings
STANDS = 15.0  # seconds of `degraded` that count
OUTAGE = 60.0  # seconds without an answer that a watch bears


def follow(
    session: Session,
    observe: Callable[[], T],
    ended: Callable[[T], bool],
    show: Callable[[T], None],
    timeout: float | None,
    goes_on: str,
) -> T:
    """Look until `ended`; the last reading. An API that restarts meanwhile is waited for. timeout:
    seconds, None: no end. goes_on: what is true of the watched thing when the watch ends before it.
    Raises CliError: 124 at the time-out, 130 at Ctrl-C."""
    try:
        return _follow(session, observe, ended, show, timeout, goes_on)
    except KeyboardInterrupt:
        raise CliError(f"stopped watching; {goes_on}", Exit.INTERRUPTED) from None


def _follow(
    session: Session,
    observe: Callable[[], T],
    ended: Callable[[T], bool],
    show: Callable[[T], None],
    timeout: float | None,
    goes_on: str,
) -> T:
    world = session.world
    began = answered = world.clock()
    while True:
        try:
            seen = observe()
            answered = world.clock()
            show(seen)
            if ended(seen):
                return seen
        except Unreachable as error:
            if world.clock() - answered > OUTAGE:
                raise
            session.note(f"⚠ {error.message}; trying again")
        if timeout is not None and world.clock() - began + INTERVAL > timeout:
            raise CliError(f"timed out after {lasts(timeout)}; {goes_on}", Exit.TIMEOUT)
        world.sleep(INTERVAL)


@contextmanager
def on_change(
    print_it: Callable[[T], None], mark: Callable[[T], object]
) -> Iterator[Callable[[T], None]]:
    """Show only what differs from the reading before."""
    last: list[object] = []

    def show(seen: T) -> None:
        if last != [mark(seen)]:
            last[:] = [mark(seen)]
            print_it(seen)

    yield show


@contextmanager
def redrawn(
    session: Session, whole: Callable[[T], RenderableType]
) -> Iterator[Callable[[T], None]]:
    """Redraw in place on a terminal."""
    with Live(
        console=session.console, auto_refresh=False, transient=False, vertical_overflow="visible"
    ) as live:
        yield lambda seen: live.update(whole(seen), refresh=True)


def rollout(
    session: Session, result: out.RolloutOut, timeout: float | None, *, quiet: bool = False
) -> out.RolloutOut:
    """Follow a rollout until it has ended, showing how it goes; the ended one. quiet: formats other
    than a table stay for the caller's one answer, the lines go to standard error; of a table the
    end does, on a terminal the whole (`drawn`)."""
    world = session.world
    rollout_id = result.id
    named = accepted.place(result)
    goes_on = (
        f"the rollout goes on: `tidegate rollout status {named} -w` watches it again, "
        f"`tidegate rollout abort {named}` rolls it back"
    )

    def whole(seen: out.RolloutOut) -> RenderableType:
        return show_rollout.status(seen, world.now(), cluster(session, seen))

    def line(seen: out.RolloutOut) -> None:
        if quiet and session.form is Format.TABLE and has_ended(seen):
            return
        session.show_change(seen, show_rollout.name, lambda: show_rollout.change(seen, world.now()))

    def aside(seen: out.RolloutOut) -> None:
        session.note(show_rollout.change(seen, world.now()))

    if drawn(session):
        display = redrawn(session, whole)
    else:
        if quiet and session.form is not Format.TABLE:
            print_it = aside
        else:
            print_it = line
        display = on_change(print_it, show_rollout.mark)
    with display as show:
        return follow(
            session, lambda: session.api.rollout(rollout_id), has_ended, show, timeout, goes_on
        )


def overview(session: Session, limit: int, timeout: float | None) -> None:
    """Follow every endpoint, without an end: redrawn on a terminal, elsewhere a line for each that
    changed."""
    world = session.world
    marks: dict[str, object] = {}

    def whole(seen: list[out.EndpointOut]) -> RenderableType:
        return show_endpoint.overview(seen, world.now())

    def lines(seen: list[out.EndpointOut]) -> None:
        for item in seen:
            name = show_endpoint.name(item)
            mark = show_endpoint.mark(item)
            if marks.get(name) != mark:
                marks[name] = mark
                session.show_change(
                    item, show_endpoint.name, partial(show_endpoint.change, item, world.now())
                )

    def observe() -> list[out.EndpointOut]:
        return session.api.endpoints(session.namespace, limit)

    with redrawn(session, whole) if drawn(session) else nullcontext(lines) as show:
        follow(session, observe, lambda _: False, show, timeout, "endpoints and rollouts go on")


def drawn(session: Session) -> bool:
    """Whether a watch redraws the whole in place, so that its end stands there already."""
    return session.form is Format.TABLE and session.world.stdout.isatty()


def cluster(session: Session, seen: out.RolloutOut) -> str:
    """What the worker says about the endpoint of a running rollout, beyond the rollout's own
    words."""
    if has_ended(seen):
        return ""
    endpoint = session.api.endpoint((seen.namespace, seen.endpoint))
    return show_rollout.around(
        endpoint, show_endpoint.beyond_the_rest(endpoint, session.world.now())
    )


def has_ended(seen: out.RolloutOut) -> bool:
    """Whether a rollout is over, in the cluster too."""
    return seen.phase in show_rollout.ENDED


def verdict(session: Session, seen: out.RolloutOut) -> None:
    """Exit 3 unless an ended rollout got what it was for. A table has said why; other formats are
    for programs, so the reason goes to standard error too."""
    if seen.phase in show_rollout.FAILED:
        if session.form is Format.TABLE:
            raise CliError("", Exit.DEGRADED)
        message = seen.outcome_message or "no reason was recorded"
        raise CliError(f"rollout {seen.id} was {seen.phase}: {message}", Exit.DEGRADED)


def endpoint(
    session: Session, key: tuple[str, str], generation: int, timeout: float | None
) -> out.EndpointOut:
    """Follow an endpoint until it serves what this generation (or a later one) wants. A worker's
    `degraded` must stand for a while: images and models may take a second try."""
    degraded: list[float] = []

    def ended(seen: out.EndpointOut) -> bool:
        if seen.phase != "degraded":
            degraded.clear()
            return seen.phase == "ready" and _reached(seen) >= generation
        degraded.append(session.world.clock())
        return degraded[-1] - degraded[0] >= STANDS

    def message(seen: out.EndpointOut) -> str:
        return show_endpoint.message(seen, session.world.now())

    def aside(seen: out.EndpointOut) -> None:
        sign, word = show_endpoint.health(seen)
        session.note(f"{sign} {word}  {message(seen)}".rstrip())

    goes_on = (
        f"the endpoint goes on getting ready: `tidegate endpoint get {'/'.join(key)}` shows it"
    )
    with on_change(aside, lambda seen: (show_endpoint.health(seen), message(seen))) as show:
        return follow(session, lambda: session.api.endpoint(key), ended, show, timeout, goes_on)


def _reached(seen: out.EndpointOut) -> int:
    """The generation that the cluster's objects carry; 0: none."""
    return (seen.status.generation if seen.status else None) or 0
