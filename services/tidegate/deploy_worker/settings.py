"""Settings of the deploy-worker on a cluster, beside those of every command."""

from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from tidegate.settings import Settings
from tidegate.store.housekeeping import SAMPLES_DAYS


class WorkerSettings(Settings):
    """Environment variables `TIDEGATE_<NAME>`; all times in seconds.

    gateway_name, gateway_namespace, gateway_section: the Gateway (and listener) that endpoints hang
    on; the name '' says that there is none, and a standard endpoint is then a Service that leads to
    one revision. gateway_host_template: host names, with {name} and {namespace}. gateway_service:
    in-cluster DNS name of the gateway's Service, for callers inside; '' makes no alias.
    gateway_tls: clients outside say https. kubeconfig: unset: the pod's ServiceAccount.
    kube_timeout: of one call to the API server. request_timeout: of clients' requests, written into
    routes. revision_drain: how long a revision without a reference lives on. steady: how long a
    candidate that lost its pods must be ready before it gets its share back. interval: between
    reconciles of a running rollout. load_interval: between two measurements of an endpoint's
    requests outside of rollouts; 0: none. prometheus_url: the metric source; prometheus_token_file,
    prometheus_ca_file: how to be let in; prometheus_interval: between its scrapes.
    stuck_seconds: a request that waits longer for its answer counts as lost.
    keda_prometheus_url: where KEDA asks, if elsewhere; keda_trigger_authentication: the
    TriggerAuthentication in each tenant's namespace that lets it in, with a bearer token;
    keda_queue_us: how long a request may wait in Triton's queue before replicas are added, in
    microseconds. gateway_metrics: whose names the gateway's counters have. kserve_namespace: where
    KServe runs. warm_up: whether each new pod must have answered an inference before its revision
    gets a share, for which the worker needs to reach ports 8080 and 8002 of the pods.
    mesh_forbids_worker: a mesh rightly answers the worker with 403 at the pods, so that warm-up and
    model contract are left out there; without it a 403 that the revision does not restrict itself
    keeps its pods from any share. nodes_grow:
    nodes come when pods wait for them, so that what they offer now refuses no rollout.
    metrics_port: of /livez, /readyz, /metrics; 0: none. worker_threads: endpoints worked on at
    once. worker_name: '' for one made of host and process. samples_days: how long after its end the
    samples of a rollout are kept, in days; what was routed is kept as long.
    """

    gateway_name: str = "tidegate"
    gateway_namespace: str = "tidegate-system"
    gateway_section: str = ""
    gateway_host_template: str = "{name}.{namespace}.models.local"
    gateway_service: str = ""
    gateway_tls: bool = False
    kubeconfig: Path | None = None
    kube_timeout: float = Field(default=5.0, gt=0)
    request_timeout: float = Field(default=60.0, gt=0)
    revision_drain: float = Field(default=60.0, ge=0)
    steady: float = Field(default=10.0, ge=0)
    interval: float = Field(default=5.0, gt=0)
    load_interval: float = Field(default=300.0, ge=0)
    prometheus_url: str = ""
    prometheus_token_file: Path | None = None
    prometheus_ca_file: Path | None = None
    prometheus_interval: float = Field(default=15.0, gt=0)
    stuck_seconds: float = Field(default=30.0, gt=0)
    keda_prometheus_url: str = ""
    keda_trigger_authentication: str = ""
    keda_queue_us: int = Field(default=5000, gt=0)
    gateway_metrics: Literal["envoy-gateway", "istio"] = "envoy-gateway"
    kserve_namespace: str = "kserve"
    warm_up: bool = True
    mesh_forbids_worker: bool = False
    metrics_port: int = Field(default=8081, ge=0, le=65535)
    nodes_grow: bool = False
    worker_threads: int = Field(default=4, ge=1, le=64)
    worker_name: str = ""
    samples_days: float = Field(default=SAMPLES_DAYS, gt=0)

    @field_validator("gateway_host_template")
    @classmethod
    def _fills(cls, value: str) -> str:
        """A template that cannot be filled would fail in every reconcile."""
        try:
            filled = [value.format(name=name, namespace="n") for name in ("a", "b")]
        except (KeyError, IndexError, ValueError) as error:
            raise ValueError(
                f"{value!r} knows only {{name}} and {{namespace}}: {error!r}"
            ) from error
        if filled[0] == filled[1]:
            raise ValueError(f"{value!r} gives every endpoint the same host: put {{name}} in it")
        return value
