"""The commands and their flags. A pipeline gives every flag each time, so `""` means absent
everywhere.

`--out-*` are paths that a pipeline names for its output parameters and artifacts; folders are made
as needed.
"""

import argparse
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, NoReturn

from tidegate.core import strategy
from tidegate.core.guard import HEARTBEAT_TIMEOUT_S, OnHeartbeatTimeout
from tidegate.core.strategy import Deadlines, Kind
from tidegate.core.time_box import OnTimeBox
from tidegate.core.windows import NOISE_WINDOW
from tidegate.steps import values
from tidegate.steps.errors import UsageError

ON_TIME_BOX = tuple(kind.value for kind in OnTimeBox)
ON_HEARTBEAT_TIMEOUT = tuple(kind.value for kind in OnHeartbeatTimeout)
STRATEGIES = tuple(kind.value for kind in (Kind.CANARY, Kind.AB, Kind.BLUE_GREEN, Kind.SHADOW))
PLANS = (*STRATEGIES, "undo", "promote", "deploy")
_ERRORS = strategy.DEFAULT_METRICS[0]
_DEADLINES = Deadlines()


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(message)


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """The command's arguments; `command` names it, and `run_id` what its run has made: the run, and
    the submission that began it, where it has one. Raises UsageError."""
    args = parser().parse_args(list(argv))
    if args.run_id and args.submission_id:
        args.run_id = f"{args.run_id}.{args.submission_id}"
    return args


@cache
def parser() -> argparse.ArgumentParser:
    """Every command with its flags."""
    whole = _Parser(prog="python -m tidegate.steps", description=__doc__, allow_abbrev=False)
    commands = whole.add_subparsers(dest="command", required=True, parser_class=_Parser)
    for name, (message, parts) in COMMANDS.items():
        item = commands.add_parser(name, help=message, description=message, allow_abbrev=False)
        for part in (_common, *parts):
            part(item)
    return whole


def _common(item: argparse.ArgumentParser) -> None:
    _text(item, "--service-url", "must be TIDEGATE_URL, where a run insists on its service")
    _text(
        item,
        "--token-file",
        "a bearer token; else TIDEGATE_TOKEN, TIDEGATE_TOKEN_FILE, a projected token",
    )
    _text(item, "--run-id", "of the pipeline run: what it makes, it makes once")
    _text(item, "--submission-id", "of what Tidegate submitted: the run is found by it")
    _text(item, "--time-limit-seconds", "of this task, 0: none", values.number, "0")
    for name in ("phase", "routed-percent", "verdict", "rollout-url"):
        _text(item, f"--out-{name}", f"path for the output {name}")


def _endpoint(item: argparse.ArgumentParser) -> None:
    item.add_argument("--endpoint", required=True, help="NAME or NAMESPACE/NAME")
    _text(item, "--namespace", "else that of the endpoint, else the token's only tenant")
    _text(item, "--reason", "kept in the history")


def _rollout(item: argparse.ArgumentParser) -> None:
    item.add_argument("--rollout-id", required=True, help="as `start` wrote it")


def _version(item: argparse.ArgumentParser) -> None:
    _text(item, "--model-version", "the version to try or to deploy")
    _text(item, "--model-id", "else the endpoint's")
    _text(item, "--runtime", "name of the serving runtime; else the endpoint's, or the default")
    _text(item, "--runtime-version", "tag of the runtime's image")
    _text(item, "--gpu", "GPUs per replica, 0: none", values.whole, "0")
    _text(item, "--protocol", "v2 or grpc-v2")


def _plan(item: argparse.ArgumentParser) -> None:
    _text(item, "--revision", "try a revision that exists instead of a version", values.whole)
    _text(
        item,
        "--percents",
        "rising, below 100 (canary); []: made from the measured traffic",
        values.percents,
        str(list(strategy.CANARY_PERCENTS)),
    )
    _text(item, "--percent", "of the candidate (ab)", values.whole, str(strategy.AB_PERCENT))
    _text(
        item,
        "--header",
        "`x-group: beta`: these requests, instead of a percent (ab)",
        values.header,
    )
    _text(item, "--ends-by", "evidence or approval (ab)", default="approval")
    _text(
        item,
        "--mirror-percent",
        "copies of requests (shadow)",
        values.whole,
        str(strategy.SHADOW_MIRROR),
    )
    _text(item, "--side-effects", "must be `none` for a shadow")
    _text(item, "--bake-seconds", "of each step", values.number, f"{strategy.STEP_BAKE:g}")
    _text(item, "--smoke", "no traffic before the smoke test has passed", values.flag, "false")
    _text(item, "--approval", "no promotion before a person has approved", values.flag, "false")
    _metrics(item)
    _text(
        item,
        "--max-exposed-requests",
        "of the candidate before a verdict (canary), 0: by default",
        values.whole,
        "0",
    )
    _text(
        item,
        "--time-box-seconds",
        "that a step may wait for enough requests, 0: no time box",
        values.number,
        "0",
    )
    _text(
        item,
        "--on-time-box",
        "/".join(ON_TIME_BOX) + ": at the end of a time box",
        default=ON_TIME_BOX[0],
    )
    deadlines = {
        "ready": _DEADLINES.ready,
        "data": _DEADLINES.data,
        "decision-timeout": _DEADLINES.decision,
        "undo": _DEADLINES.undo,
    }
    for name, default in deadlines.items():
        _text(item, f"--{name}-seconds", f"deadline: {name}", values.number, f"{default:g}")
    _text(
        item,
        "--on-heartbeat-timeout",
        "/".join(ON_HEARTBEAT_TIMEOUT) + ": when its heartbeats stop",
        default="continue",
    )
    _text(
        item,
        "--heartbeat-timeout-seconds",
        "seconds without a heartbeat that count as gone",
        values.number,
        f"{HEARTBEAT_TIMEOUT_S:g}",
    )
    _text(
        item,
        "--accept-breaking",
        "although it breaks the model contract of stable",
        values.flag,
        "false",
    )
    _text(item, "--supersede", "abort a rollout that runs already", values.flag, "false")


def _metrics(item: argparse.ArgumentParser) -> None:
    _text(
        item,
        "--fail-margin",
        "points of errors, and of rejections, that are no failure, 0..1",
        values.number,
        f"{_ERRORS.fail_margin:g}",
    )
    _text(
        item,
        "--pass-margin",
        "points of errors that still pass, 0..1",
        values.number,
        f"{_ERRORS.pass_margin:g}",
    )
    _text(
        item,
        "--experiment-margin",
        "points of successes that still pass (ab by evidence)",
        values.number,
        f"{_ERRORS.pass_margin:g}",
    )
    _text(
        item,
        "--min-requests",
        "of the candidate in each step",
        values.whole,
        str(_ERRORS.min_requests),
    )
    _text(
        item,
        "--latency-threshold-ms",
        "slow: above it; absent: every bucket is compared",
        values.number,
    )
    _text(
        item,
        "--on-fail",
        "what a fail does by metric: `restarts=notify, latency=pause`; else abort",
        values.on_fail,
        "",
    )
    _text(
        item,
        "--alpha",
        "chance to abort a candidate that is no worse",
        values.number,
        f"{strategy.ALPHA:g}",
    )
    _text(
        item,
        "--noise-window-seconds",
        "seconds of a window of time, none of which decides alone",
        values.number,
        f"{NOISE_WINDOW:g}",
    )


def _sizes(item: argparse.ArgumentParser) -> None:
    _text(item, "--mode", "standard or knative; else the service's default")
    _text(item, "--min-replicas", "at least", values.whole, "1")
    _text(item, "--max-replicas", "at most", values.whole, "1")
    _text(item, "--keda", "scale by the model's queue", values.flag, "false")


def _back(item: argparse.ArgumentParser) -> None:
    _text(item, "--to", "revision to go back to; absent: the one before", values.whole)


def _step(item: argparse.ArgumentParser) -> None:
    item.add_argument(
        "--step",
        required=True,
        type=_typed(values.whole),
        help="number of the traffic step, from 1",
    )


def _golden(item: argparse.ArgumentParser) -> None:
    _text(item, "--golden", 'JSON: {"model", "inputs": [...], "outputs": [...]} as V2 writes them')
    _text(item, "--tolerance", "of numbers, relative and absolute", values.number, "1e-5")


def _ends(item: argparse.ArgumentParser) -> None:
    _text(
        item,
        "--at",
        "`end`, or `waiting`: until a person's word is all that is missing",
        default="end",
    )


def _ready(item: argparse.ArgumentParser) -> None:
    _text(item, "--ready-seconds", "deadline: ready", values.number, "1800")


def _made(item: argparse.ArgumentParser) -> None:
    _text(item, "--out-rollout-id", "path for the rollout's id")


def _outputs(item: argparse.ArgumentParser) -> None:
    _text(item, "--out-summary", "path for a page (HTML) with chart and verdicts")


def _for(item: argparse.ArgumentParser) -> None:
    _text(item, "--strategy", "/".join(PLANS), default="canary")


def _kind(item: argparse.ArgumentParser) -> None:
    _text(item, "--strategy", "/".join(STRATEGIES), default="canary")


def _smoked(item: argparse.ArgumentParser) -> None:
    _text(
        item,
        "--strategy",
        "promote: ask the candidate; deploy: the endpoint; absent: at a rollout's own stop",
    )
    _text(item, "--endpoint", "NAME or NAMESPACE/NAME, for promote and deploy")
    _text(item, "--namespace", "else that of the endpoint, else the token's only tenant")
    _text(item, "--smoke", "whether anybody is asked, for promote and deploy", values.flag, "false")


def _optional_rollout(item: argparse.ArgumentParser) -> None:
    _text(item, "--rollout-id", "else the one that runs at the endpoint")


def _text(
    item: argparse.ArgumentParser,
    name: str,
    message: str,
    read: Callable[[str], Any] | None = None,
    default: str = "",
) -> None:
    """A flag whose "" means its default."""

    def value(text: str) -> Any:
        chosen = text if text.strip() else default
        return (read or str.strip)(chosen)

    text = ""
    if default:
        text = f" (default: {default})"
    item.add_argument(
        name, type=_typed(value), default=default, help=(message + text).replace("%", "%%")
    )


def _typed(read: Callable[[str], Any]) -> Callable[[str], Any]:
    def typed(text: str) -> Any:
        try:
            return read(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return typed


COMMANDS: dict[str, tuple[str, tuple[Callable[[argparse.ArgumentParser], None], ...]]] = {
    "preflight": (
        "Ask whether the change would be accepted; nothing moves.",
        (_endpoint, _for, _version, _plan, _sizes, _back, _golden),
    ),
    "start": (
        "Start the rollout, or attach to the one that this run started.",
        (_endpoint, _kind, _version, _plan, _made),
    ),
    "reach": ("Wait until a step of the rollout is past.", (_rollout, _step)),
    "smoke": (
        "Send real inference to a candidate or an endpoint and compare with a golden answer.",
        (_optional_rollout, _smoked, _golden, _made),
    ),
    "approval": ("Wait for a person's approval.", (_rollout,)),
    "finish": ("Wait for the end and write the summary.", (_rollout, _ends, _outputs)),
    "undo": (
        "Go back to an older revision, and wait until it serves.",
        (_endpoint, _back, _made, _outputs),
    ),
    "promote": (
        "Promote the rollout that waits for it, and wait until it serves.",
        (_endpoint, _optional_rollout, _made, _outputs),
    ),
    "deploy": (
        "Make an endpoint, or attach to the one that this run made, and wait until it serves.",
        (_endpoint, _version, _sizes, _ready, _outputs),
    ),
}
