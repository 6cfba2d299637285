"""The commands of `tidegate.steps` as container components: one image, no package installed at the
start of a task.

A template's flags are given each time as `--flag=value` ("" means absent), because what would leave
one out (`Concat`, `IfPresent`) is not implemented by every backend. A task passes its own time-out
to the command a minute before Kubernetes ends the pod, so that the log says why.
"""

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from kfp import dsl, kubernetes

from pipelines.parameters import PARAMETERS
from tidegate.core.bounds import WEEK

HOUR = 3600
RETRIES = 5  # a node is drained more than once in two weeks
PAUSE = 10  # seconds between two attempts; a service that is away is waited for within one
COMMAND = ("python3", "-m", "tidegate.steps")  # an image's entry point is never used
ENDPOINT = ("endpoint", "namespace", "reason")
ALWAYS = ("service_url", "submission_id")  # of every command
SMOKE = ("smoke", "golden", "tolerance")
VERSION = ("model_version", "model_id", "runtime", "runtime_version", "gpu", "protocol")
SIZES = ("mode", "min_replicas", "max_replicas", "keda")
PLAN = (
    *(
        "percents",
        "percent",
        "header",
        "ends_by",
        "mirror_percent",
        "side_effects",
        "bake_seconds",
        "smoke",
        "approval",
    ),
    *(
        "fail_margin",
        "pass_margin",
        "experiment_margin",
        "min_requests",
        "latency_threshold_ms",
        "on_fail",
        "alpha",
        "noise_window_seconds",
        "max_exposed_requests",
        "time_box_seconds",
        "on_time_box",
    ),
    *(
        "ready_seconds",
        "data_seconds",
        "decision_timeout_seconds",
        "undo_seconds",
        "on_heartbeat_timeout",
        "heartbeat_timeout_seconds",
    ),
    *("accept_breaking", "supersede"),
)
FLAGS = {"to_revision": "to"}  # where a parameter's name says more than the flag
# Outputs that are whole numbers, so that a pipeline of one's own can compare them
NUMBERS = ("routed_percent",)
RESULTS = ("phase", "routed_percent", "verdict", "rollout_url")


@dataclass(frozen=True, slots=True)
class Command:
    """flags: parameters it takes; more: flags that no person sets, with their types. seconds: the
    task's time-out. runs: the command's own name, where a row takes it in more than one form."""

    flags: Sequence[str]
    seconds: int
    outputs: Sequence[str] = ()
    more: Mapping[str, type] | None = None
    summary: bool = False
    retries: int = RETRIES
    runs: str = ""

    @property
    def retry_seconds(self) -> int:
        """Seconds after the first start within which a retry may begin and run. Argo ends every
        retry there, so each attempt has its whole time-out before it."""
        return (self.retries + 1) * (self.seconds + PAUSE)


COMMANDS: dict[str, Command] = {
    # Not repeated: a refusal stays one, and nothing has moved.
    "preflight": Command(
        (*ENDPOINT, *VERSION, *PLAN, *SIZES, "to_revision", "golden", "tolerance"),
        HOUR,
        more={"strategy": str},
        retries=0,
    ),
    "start": Command(
        (*ENDPOINT, *VERSION, *PLAN), HOUR, ("rollout_id", "rollout_url"), more={"strategy": str}
    ),
    "smoke": Command(("golden", "tolerance"), 2 * WEEK, more={"rollout_id": str}),
    # Not repeated: a wrong answer stays one, and whoever answers right only now and then is not to
    # be promoted.
    "smoke-candidate": Command(
        (*ENDPOINT[:2], *SMOKE),
        2 * WEEK,
        ("rollout_id",),
        more={"strategy": str},
        retries=0,
        runs="smoke",
    ),
    "smoke-endpoint": Command(
        (*ENDPOINT[:2], *SMOKE), 2 * WEEK, more={"strategy": str}, retries=0, runs="smoke"
    ),
    "reach": Command(
        (), 2 * WEEK, ("phase", "routed_percent"), more={"rollout_id": str, "step": int}
    ),
    "approval": Command((), 2 * WEEK, more={"rollout_id": str}),
    "finish": Command((), 2 * WEEK, RESULTS, more={"rollout_id": str, "at": str}, summary=True),
    "undo": Command((*ENDPOINT, "to_revision"), 2 * WEEK, RESULTS, summary=True),
    "promote": Command(ENDPOINT, 2 * WEEK, RESULTS, more={"rollout_id": str}, summary=True),
    "deploy": Command(
        (*ENDPOINT, *VERSION, *SIZES, "ready_seconds"), 2 * WEEK, RESULTS, summary=True
    ),
}


@cache
def component(name: str, flags: tuple[str, ...], image: str) -> Any:
    """The command as a component with those of its flags that a template has."""
    command = COMMANDS[name]
    keyword = inspect.Parameter.KEYWORD_ONLY
    more = {**(command.more or {}), "run_id": str}
    fields = [inspect.Parameter(flag, keyword, annotation=kind) for flag, kind in more.items()]
    kinds = {out: int if out in NUMBERS else str for out in command.outputs}
    fields += [
        inspect.Parameter(out, keyword, annotation=dsl.OutputPath(kind))
        for out, kind in kinds.items()
    ]
    if command.summary:
        fields.append(inspect.Parameter("summary", keyword, annotation=dsl.Output[dsl.HTML]))
    fields += [_field(flag) for flag in flags]

    def run(*value: Any) -> dsl.ContainerSpec:
        values = {field.name: value for field, value in zip(fields, value, strict=True)}
        arguments = [_argument(command, flag, value) for flag, value in values.items()]
        limit = f"--time-limit-seconds={command.seconds - 60}"
        return dsl.ContainerSpec(
            image=image, command=[*COMMAND, command.runs or name], args=[*arguments, limit]
        )

    run.__name__ = command.runs or name
    run.__signature__ = inspect.Signature(fields)  # type: ignore[attr-defined]
    run.__annotations__ = {field.name: field.annotation for field in fields}
    return dsl.container_component(run)


def _field(name: str) -> inspect.Parameter:
    known = PARAMETERS[name]
    if known.default is not None:
        default = known.default
    else:
        default = known.type()
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, annotation=known.type, default=default
    )


def _argument(command: Command, name: str, value: Any) -> str:
    """One argument, so that a value that begins with a dash is still a value."""
    if name == "summary":
        return f"--out-summary={value.path}"
    flag = FLAGS.get(name, name).replace("_", "-")
    if name in command.outputs:
        return f"--out-{flag}={value}"
    return f"--{flag}={value}"


def task(name: str, label: str, image: str, after: Any, **values: Any) -> Any:
    """The command as a task of the pipeline that is being made: never from the cache, with an end,
    small, with the address and the token of the namespace that it runs in."""
    command = COMMANDS[name]
    flags = tuple(flag for flag in (*command.flags, *ALWAYS) if flag in values)
    made = component(name, flags, image)(run_id=dsl.PIPELINE_JOB_ID_PLACEHOLDER, **values)
    made.set_display_name(label).set_caching_options(False)
    made.set_cpu_request("50m").set_cpu_limit("500m").set_memory_request("96Mi").set_memory_limit(
        "256Mi"
    )
    if command.retries:
        # Left out, the longest duration is an hour (kfp) or nothing at all (the backend)
        made.set_retry(
            command.retries,
            backoff_duration=f"{PAUSE}s",
            backoff_factor=1.0,
            backoff_max_duration=f"{command.retry_seconds}s",
        )
    kubernetes.set_timeout(made, command.seconds)
    kubernetes.use_config_map_as_env(made, "tidegate", {"url": "TIDEGATE_URL"}, optional=True)
    kubernetes.use_secret_as_env(made, "tidegate-token", {"token": "TIDEGATE_TOKEN"}, optional=True)
    kubernetes.add_pod_label(made, "tidegate.dev/steps", "true")  # what a NetworkPolicy names
    if after is not None:
        made.after(after)
    return made
