"""`python -m tidegate.deploy_worker`: the worker on a Kubernetes cluster."""

import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import structlog
from prometheus_client import REGISTRY

from tidegate.core.drivers.rendering import Gateway, Platform
from tidegate.core.intent import Mode, Runtime
from tidegate.core.ports import Capabilities
from tidegate.deploy_worker import health
from tidegate.deploy_worker.contracts import Contracts, PodContracts
from tidegate.deploy_worker.kubernetes.api import KubeApi
from tidegate.deploy_worker.kubernetes.capabilities import Expected
from tidegate.deploy_worker.kubernetes.cluster import KubernetesCluster, Options
from tidegate.deploy_worker.kubernetes.connect import ConnectError, connect
from tidegate.deploy_worker.kubernetes.patience import Patience
from tidegate.deploy_worker.kubernetes.pod_logs import PodLogs
from tidegate.deploy_worker.kubernetes.reflector import Timing
from tidegate.deploy_worker.kubernetes.site import KubernetesSite
from tidegate.deploy_worker.loop import LEASE_S, Worker
from tidegate.deploy_worker.meter import (
    evidence_of,
    lost_requests,
    meter_of,
    own_of,
    uncounted_copies,
    untold_of,
)
from tidegate.deploy_worker.parts import Logs, Pace, Parts, Sources
from tidegate.deploy_worker.settings import WorkerSettings
from tidegate.deploy_worker.store_gauges import store_gauges
from tidegate.deploy_worker.warm_up import WarmUp, trusting
from tidegate.settings import read_settings
from tidegate.staging.outbound import Places
from tidegate.staging.registry import StagedRegistry
from tidegate.store import Store
from tidegate.telemetry import configure_logs

log = structlog.get_logger("deploy_worker")


def expected_of(settings: WorkerSettings) -> Expected:
    """What the settings say of the cluster."""
    return Expected(
        kserve_namespace=settings.kserve_namespace,
        gateway_namespace=settings.gateway_namespace,
        gateway_name=settings.gateway_name,
        metrics=bool(settings.prometheus_url),
        keda=bool(settings.keda_prometheus_url or settings.prometheus_url),
    )


def patience_of(settings: WorkerSettings) -> Patience:
    """How long one write may take."""
    return Patience(attempt=settings.kube_timeout, total=3 * settings.kube_timeout)


def cluster_of(settings: WorkerSettings) -> KubernetesCluster:
    """The adapter as the settings say. Raises ConnectError."""
    expected = expected_of(settings)
    timeout = settings.kube_timeout
    options = Options(Timing(call=2 * timeout), patience_of(settings), expected)
    return KubernetesCluster(KubeApi(connect(settings.kubeconfig), timeout), options)


def capabilities_of(
    cluster: KubernetesCluster,
    copies: str = "",
    untold: Callable[[Mode, Runtime], tuple[str, ...]] = lambda _mode, _runtime: (),
) -> Callable[[], Capabilities]:
    """What the cluster can do; before its first answer, nothing that could do harm. copies: why the
    metric source counts no answers to mirrored requests. untold: which requests without an answer
    it does not count, by mode and runtime."""

    def capabilities() -> Capabilities:
        result = cluster.capabilities()
        if isinstance(result, Capabilities):
            facts = (*result.facts, *lost_requests(result, untold))
            return replace(result, copies=copies, facts=facts)
        message = f"the cluster's capabilities are unknown: {result.detail}"
        return Capabilities(
            gateway=False, header_match=False, mirror=False, keda=False, notes=(message,)
        )

    return capabilities


def gateway_of(settings: WorkerSettings) -> Gateway | None:
    """Where endpoints hang; None without the Gateway API. Settings alone decide: an answer of the
    cluster may fail or change, and what clients call must not change with it."""
    if not settings.gateway_name:
        return None
    return Gateway(
        settings.gateway_name,
        settings.gateway_namespace,
        settings.gateway_section,
        settings.gateway_host_template,
        settings.gateway_service,
        settings.gateway_tls,
    )


def platform_of(
    settings: WorkerSettings, capabilities: Callable[[], Capabilities]
) -> Callable[[str], Platform]:
    """The drivers' view of this installation."""
    gateway = gateway_of(settings)

    def platform(store: str) -> Platform:
        return Platform(
            store,
            gateway,
            new_names=capabilities().new_names,
            request_timeout=settings.request_timeout,
            drain=settings.revision_drain,
            steady=settings.steady,
            prometheus=settings.keda_prometheus_url or settings.prometheus_url,
            trigger_authentication=settings.keda_trigger_authentication,
            queue_target_us=settings.keda_queue_us,
        )

    return platform


def make(
    settings: WorkerSettings,
    cluster: KubernetesCluster,
    store: Store,
    lease: float = LEASE_S,
    warm_up: WarmUp | None = None,
    contracts: Contracts | None = None,
    logs: Logs | None = None,
) -> Worker:
    """A worker over a cluster. lease: seconds, longer than the patience of one write. warm_up,
    logs: None for none."""
    untold = untold_of(settings)
    capabilities = capabilities_of(cluster, uncounted_copies(settings), untold)
    platform = platform_of(settings, capabilities)
    meter, explain = meter_of(settings, cluster.observe)
    registry = StagedRegistry(settings.schemes, places=Places(settings.storage_hosts))
    warm = warm_up or trusting
    site = KubernetesSite(
        cluster.api,
        cluster.tenants,
        evidence_of(settings, meter),
        grows=settings.nodes_grow,
        untold=untold,
        timeout=2 * settings.kube_timeout,
    )
    sources = Sources(
        settings.allowed,
        registry,
        contracts=contracts,
        warm_up=warm,
        logs=logs,
        own=own_of(settings),
    )
    parts = Parts(
        store,
        cluster,
        meter,
        platform,
        capabilities,
        Pace(settings.interval, patience_of(settings).total, settings.load_interval),
        sources,
        site,
        explain,
    )
    owner = settings.worker_name or f"{socket.gethostname()}-{os.getpid()}"
    worker = Worker(
        owner, parts, settings.listen_url, settings.worker_threads, lease, settings.samples_days
    )
    cluster.tenants.turned = worker.tenant_turned
    return worker


def serve(settings: WorkerSettings, cluster: KubernetesCluster, worker: Worker) -> None:
    """Work until SIGTERM or SIGINT; reconciles under way are finished, a second signal does not
    hurry them."""

    def stop(*_: object) -> None:
        # Not in the handler itself: it may have interrupted the thread that holds the event's lock.
        threading.Thread(target=worker.stop, name="stop").start()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    checks = partial(
        health.checks, lambda: worker.seen_at, cluster.trouble, lambda: worker.stopping
    )
    probes = None
    if settings.metrics_port:
        probes = health.Probes(settings.host, settings.metrics_port, checks)
    if probes:
        probes.start()
    try:
        worker.run()
    finally:
        cluster.close()
        if probes:
            probes.stop()


def main() -> None:
    """Start as the environment says."""
    settings = read_settings(WorkerSettings)
    configure_logs(settings.log_level)
    if not settings.database_url:
        sys.exit("TIDEGATE_DATABASE_URL is not set: give the URL of a Postgres database")
    try:
        cluster = cluster_of(settings)
    except ConnectError as error:
        sys.exit(str(error))
    store = Store(settings.database_url, application_name="tidegate-deploy-worker")
    REGISTRY.register(store_gauges(store))
    warm_up = None
    contracts = None
    if settings.warm_up:
        warm_up = WarmUp(forbidden=settings.mesh_forbids_worker)
        contracts = PodContracts(forbidden=settings.mesh_forbids_worker)
    logs = PodLogs(cluster.api)
    worker = make(settings, cluster, store, warm_up=warm_up, contracts=contracts, logs=logs)
    serve(settings, cluster, worker)
    logs.close()
    if warm_up is not None:
        warm_up.close()
    store.close()
    log.info("stopped")


if __name__ == "__main__":
    main()
