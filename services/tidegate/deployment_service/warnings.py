"""What is accepted but not as one may think, said in the answer and not found out in production."""

from collections.abc import Iterator

from tidegate.core.intent import Runtime, Scaling
from tidegate.core.ports import Capabilities

NO_WORKER = (
    "no worker has reported lately: this is accepted and stored, and nothing moves until one runs; what the cluster "
    "can do is unknown and was not checked"
)


def of_runtime(runtime: Runtime, caps: Capabilities) -> Iterator[str]:
    """Warnings about how a revision runs."""
    if runtime.batcher is not None:
        yield (
            "batcher is kept but not rendered: KServe's batcher does nothing for the V2 protocol; use dynamic_batching "
            "in config.pbtxt (max_batch_size and max_queue_delay_microseconds) for the same effect"
        )
    if runtime.gpu and not caps.gpu:
        yield "gpu is ignored here: this cluster has no GPU, the model runs on CPU"


def of_scaling(scaling: Scaling, caps: Capabilities) -> Iterator[str]:
    """Warnings about replica bounds."""
    if not caps.autoscaler and scaling.max_replicas > scaling.min_replicas:
        yield f"nothing scales here: there is no autoscaler, replicas stay at minReplicas {scaling.min_replicas}"
