"""A refusal of the service as a user of the CLI reads it: fields by their options, remediations by
their commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tidegate.client import ApiProblem, Fault
    from tidegate.core.errors import Remediation

OPTIONS = {
    "/model_version_id": "--version",
    "/analysis/metrics/latency/latency_threshold_ms": "--latency-threshold-ms",
    "/analysis/metrics/errors/fail_margin": "--fail-margin",
    "/analysis/metrics/rejections/fail_margin": "--fail-margin",
    "/analysis/metrics/errors/pass_margin": "--pass-margin",
    "/analysis/metrics/errors/min_requests": "--min-requests",
    "/deadlines/decision_timeout_seconds": "--decision-timeout-seconds",
    "/runtime_config/protocolVersion": "--protocol",
    "/runtime_config/runtimeVersion": "--runtime-version",
    "/runtime_config/gpu": "--gpu",
    "/autoscaling/minReplicas": "--min",
    "/autoscaling/maxReplicas": "--max",
    "/autoscaling/keda": "--keda",
    "/canary_percent": "PERCENT",
    "/mirror_percent": "--mirror",
    "/bake_seconds": "--bake",
    "/side_effects": "--no-side-effects",
    "/strategy": "--strategy",
    "/version_id": "VERSION",
    "/revision": "--revision",
    "/model_id": "--model",
    "/percent": "--percent",
    "/runtime": "--runtime",
    "/reason": "--reason",
    "/steps": "--steps",
    "/match": "--match",
    "/analysis/alpha": "--alpha",
    "/analysis/noise_window_seconds": "--noise-window-seconds",
    "/mode": "--mode",
    "/name": "NAME",
    "/uri": "--uri",
    "/step": "--step",
    "/to": "--to",
}
# the status of a request whose fields are wrong; other refusals are about more than a field
_INVALID = 422


def text(problem: ApiProblem) -> str:
    """Everything wrong and what to do, in one line."""
    lines = [_line(fault, named=problem.status == _INVALID) for fault in problem.errors]
    return "; ".join(lines) or problem.detail


def option(pointer: str) -> str:
    """The option that sets a field; the pointer itself where there is none."""
    parent, _, last = pointer.rpartition("/")
    field = pointer
    if last.isdigit():
        field = parent
    return OPTIONS.get(field, pointer)


def remediation(way: Remediation) -> str:
    """What to do, with the command or the options that do it."""
    if way.command:
        return f"{way.text} ({way.command})"
    return way.text


def _line(fault: Fault, *, named: bool) -> str:
    field = ""
    if named:
        field = f"{option(fault.pointer)}: "
    return f"{field}{fault.detail}: {remediation(fault.remediation)}"
