"""Options that commands share, and `command`, which gives every command the common ones."""

import functools
import inspect
from collections.abc import Callable
from typing import Annotated, Any, Concatenate, ParamSpec

import typer

from tidegate.cli import completion
from tidegate.cli.errors import CliError, Exit, usage
from tidegate.cli.session import Format, Session
from tidegate.cli.words import seconds
from tidegate.cli.world import World

P = ParamSpec("P")

Reason = Annotated[str, typer.Option("--reason", help="Why; kept in the history.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would happen, change nothing.")]
Wait = Annotated[
    bool, typer.Option("--wait", help="Wait for the end; exit 3 when it is degraded or aborted.")
]
Timeout = Annotated[
    str | None,
    typer.Option(
        "--timeout", help="Stop waiting after this long (60s, 5m, 1h); exit 124. Default: never."
    ),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Force = Annotated[
    bool,
    typer.Option(
        "--force", help="Override the plan: the percent is yours until `tidegate rollout resume`."
    ),
]
Supersede = Annotated[
    bool, typer.Option("--supersede", help="Abort the running rollout, then start this one.")
]
AcceptBreaking = Annotated[
    bool,
    typer.Option(
        "--accept-breaking", help="Answer for a candidate that breaks stable's contract; recorded."
    ),
]
Limit = Annotated[int, typer.Option(min=1, max=1000, help="Show at most this many.")]
Model = Annotated[
    str | None,
    typer.Option(
        "--model",
        help="Model id; default: the model that serves.",
        autocompletion=completion.models,
    ),
]
Version = Annotated[
    str | None,
    typer.Option(
        "--version", help="Model version id: a new revision.", autocompletion=completion.versions
    ),
]
RevisionOption = Annotated[
    str | None,
    typer.Option(
        "--revision", help="An existing revision: 3 or r3.", autocompletion=completion.revisions
    ),
]

Endpoint = Annotated[
    str, typer.Argument(help="NAME or NAMESPACE/NAME", autocompletion=completion.endpoints)
]
ModelArgument = Annotated[str, typer.Argument(help="Model id.", autocompletion=completion.models)]
VersionArgument = Annotated[
    str, typer.Argument(help="Model version id; never changes its meaning.")
]

_COMMON: dict[str, tuple[Any, Any]] = {
    "output": (
        Annotated[Format, typer.Option("--output", "-o", help="How to print.")],
        Format.TABLE,
    ),
    "namespace": (
        Annotated[
            str | None,
            typer.Option(
                "--namespace",
                "-n",
                help="The tenant. [env: TIDEGATE_NAMESPACE] Default: your only one.",
                autocompletion=completion.tenants,
            ),
        ],
        None,
    ),
    "url": (
        Annotated[
            str | None,
            typer.Option(help="The API. [env: TIDEGATE_URL] Default: the local plane's."),
        ],
        None,
    ),
    "token": (
        Annotated[
            str | None,
            typer.Option(help="Better in TIDEGATE_TOKEN(_FILE). Default: of `tidegate login`."),
        ],
        None,
    ),
}


def command(function: Callable[Concatenate[Session, P], None]) -> Callable[..., None]:
    """A command whose first argument is the session; the common options are read here and not in
    each command."""
    own = list(inspect.signature(function, eval_str=True).parameters.values())[1:]
    parameters = [
        inspect.Parameter("ctx", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)
    ]
    parameters += [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in own]
    parameters += [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=kind, default=default)
        for name, (kind, default) in _COMMON.items()
    ]

    @functools.wraps(function)
    def run(ctx: typer.Context, *_: P.args, **kwargs: P.kwargs) -> None:
        common = {name: kwargs.pop(name) for name in _COMMON}
        world = ctx.obj
        assert isinstance(world, World)
        form, *others = common.values()
        session = Session(world, form, *others)  # type: ignore[arg-type]
        try:
            function(session, **kwargs)  # type: ignore[call-arg]
        except KeyboardInterrupt:
            raise CliError("", Exit.INTERRUPTED) from None
        except BrokenPipeError:  # the reader, such as `head`, has seen enough
            raise CliError("", Exit.OK) from None
        finally:
            session.close()

    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {p.name: p.annotation for p in parameters}
    return run


def revision(text: str | None, option: str = "--revision") -> int | None:
    """`3` or `r3` as a number. option: the one that it came by."""
    if text is None:
        return None
    digits = text.removeprefix("r")
    if not digits.isascii() or not digits.isdigit() or int(digits[:12]) < 1:
        raise usage(
            f"{option} {text!r} is not a revision: write 3 or r3; `tidegate endpoint get` shows "
            "them"
        )
    return int(digits)


def timeout(text: str | None) -> float | None:
    """Seconds of `--timeout`; None: no end."""
    if text is None:
        return None
    return seconds(text)
