"""What is accepted but not as one may think, said in the answer and not found out in production."""

from collections.abc import Iterator

from tidegate.core.intent import Runtime, Scaling
from tidegate.core.ports import Capabilities
from tidegate.core.triton import restriction

NO_WORKER = (
    "no worker has reported lately: this is accepted and stored, and nothing moves until one runs; "
    "what the cluster "
    "can do is unknown and was not checked"
)


def of_runtime(runtime: Runtime, caps: Capabilities, known: Runtime | None = None) -> Iterator[str]:
    """Warnings about how a revision runs. known: the runtime that the caller has been warned about
    already; what is the same there is not said again."""
    if runtime.batcher is not None and not (known and known.batcher == runtime.batcher):
        yield (
            "batcher is kept but not rendered: KServe's batcher does nothing for the V2 protocol; "
            "use dynamic_batching "
            "in config.pbtxt (max_batch_size and max_queue_delay_microseconds) for the same effect"
        )
    if runtime.security is not None and not (known and known.security == runtime.security):
        yield from restriction.warnings(runtime.security)
    if runtime.gpu and not caps.gpu and not (known and known.gpu):
        yield "gpu is ignored here: this cluster has no GPU, the model runs on CPU"


def of_alias(request: str, runtime: Runtime) -> Iterator[str]:
    """A note where the runtime was asked for under another name."""
    if request != runtime.name:
        yield f"runtime {request!r} is short for KServe's {runtime.name!r}, which is used"


def of_scaling(scaling: Scaling, caps: Capabilities, old: Scaling | None = None) -> Iterator[str]:
    """Warnings about replica bounds. old: those until now."""
    if old is not None and scaling.keda != old.keda:
        yield (
            f"keda {str(scaling.keda).lower()} holds for revisions from the next one on: KServe "
            "cannot change the "
            "autoscaler of one that runs"
        )
    if not caps.autoscaler and scaling.max_replicas > scaling.min_replicas:
        yield f"nothing scales here: there is no autoscaler, replicas stay at minReplicas {scaling.min_replicas}"
