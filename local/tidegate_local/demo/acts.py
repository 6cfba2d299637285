"""The acts of the demo: what is tried on the endpoint, and what must come of it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Act:
    """One rollout. version: the folder below examples/triton that holds it. outcome: how it must
    end. watched: it goes back by itself after its promotion, in every mode. accept_breaking:
    although its contract is not stable's, which would end it before the first
    request."""

    title: str
    version: str
    outcome: str
    steps: tuple[int, ...] = (1, 5, 10, 25, 50)
    accept_breaking: bool = False
    watched: bool = False


FIRST = Act("a good version goes through every step", "good-v2", "promoted")
BAD = (
    Act("a fifth of its answers fail", "flaky", "aborted"),
    Act("it is too slow", "slow", "aborted"),
    Act("an input was renamed, so clients get 400", "renamed", "aborted", accept_breaking=True),
    Act("it crashes while it loads", "crash", "aborted"),
)
SECOND = Act("another good version, in two steps, to be undone", "good-v3", "promoted", (10, 50))

LATER = Act(
    "a version that turns bad after its promotion", "brittle", "promoted", (10, 50), watched=True
)

NOISE_WINDOW_S = 2  # a pass takes more than four windows, and nobody watches for minutes
# Noise of a busy laptop is not slowness: only a share of slow answers that is 5 points above
# stable's is.
METRICS = {
    "errors": {},
    "latency": {"latency_threshold_ms": 100, "fail_margin": 0.05, "pass_margin": 0.10},
}


def payload(mode: str) -> dict[str, object]:
    """The first deployment, as a platform's own tooling sends it."""
    body: dict[str, object] = {
        "name": "demo-triton",
        "model_id": "add_sub",
        "model_version_id": "1",
        "runtime": "kserve-triton",
        "autoscaling": {"minReplicas": 1, "maxReplicas": 4, "keda": mode == "standard"},
        "runtime_config": {
            "modelFormat": "triton",
            "protocolVersion": "v2",
            "runtimeVersion": "24.08-py3",
            "gpu": True,
            "batcher": {"maxBatchSize": 32, "maxLatency": 500},
        },
    }
    if mode == "standard":
        return body
    return body | {"mode": mode}
