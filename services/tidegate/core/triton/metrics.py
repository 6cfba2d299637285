"""Triton's own counters, by name: for KEDA's trigger, for the models that are loaded, for metrics
that a plan asks for by name, and for an explanation to people. No other verdict reads them: they
miss answers of Triton's front end, and count a python backend's `TritonError` as a success.
"""

import re

SUCCESS = "nv_inference_request_success"
FAILURE = "nv_inference_request_failure"
QUEUE_US = "nv_inference_queue_duration_us"
GPU_USE = "nv_gpu_utilization"  # 0 to 1, of each GPU; where Triton sees none it is missing
_LOADED = re.compile(rf'^{SUCCESS}\{{[^}}]*?model="([^"]*)"', re.MULTILINE)

_TOTALS = re.compile(
    rf"^({SUCCESS}|{FAILURE}|{QUEUE_US})(?:\{{[^}}]*\}})? ([0-9.e+]+)$", re.MULTILINE
)


def loaded_models(page: str) -> tuple[str, ...]:
    """Return the models of Triton's metrics page, which is open where its list of models is
    restricted: every loaded one has its counters, at 0 before its first request."""
    return tuple(sorted(set(_LOADED.findall(page))))


def totals(page: str) -> dict[str, int]:
    """Return Triton's counters of requests and of their queue time from its metrics page, each
    summed over models, versions and reasons."""
    result: dict[str, int] = {}
    for name, value in _TOTALS.findall(page):
        result[name] = result.get(name, 0) + round(float(value))
    return result


def queue_query(pods: str) -> str:
    """Return the PromQL of the time that a request waits in the queue, times the replicas, in
    microseconds. pods: the label selector of the revision's pods, without braces."""
    success = f"{SUCCESS}{{{pods}}}"
    return (
        f"sum(rate({QUEUE_US}{{{pods}}}[1m])) / "
        f"clamp_min(sum(rate({success}[1m])), 0.1) "
        f"* count(count by (pod) ({success}))"
    )
