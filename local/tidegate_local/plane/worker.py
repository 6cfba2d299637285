"""The deploy-worker on the local plane: `python -m tidegate_local.plane.worker`, configured by its
environment."""

import os
import signal
from pathlib import Path

from prometheus_client import start_http_server

from tidegate.core.drivers.rendering import Gateway, Platform
from tidegate.core.ports import Capabilities
from tidegate.deploy_worker.contracts import PodContracts
from tidegate.deploy_worker.loop import Worker
from tidegate.deploy_worker.parts import Pace, Parts, Sources
from tidegate.settings import Settings
from tidegate.staging.registry import StagedRegistry
from tidegate.store import Store
from tidegate.telemetry import configure_logs
from tidegate_local.plane.link import Remote
from tidegate_local.plane.own_metrics import LocalOwn
from tidegate_local.plane.plane import GATEWAY_NAME, GATEWAY_NAMESPACE
from tidegate_local.played.addresses import host_of

LOAD_S = 60.0  # between two measurements of an endpoint's requests outside of rollouts


def platform(store_id: str) -> Platform:
    """The drivers' view of the local plane: short times, because nothing here is far away."""
    return Platform(
        store_id,
        Gateway(GATEWAY_NAME, GATEWAY_NAMESPACE),
        request_timeout=30.0,
        drain=float(os.environ.get("TIDEGATE_LOCAL_DRAIN", "5")),
        steady=float(os.environ.get("TIDEGATE_LOCAL_STEADY", "3")),
    )


def make(settings: Settings, remote: Remote, owner: str) -> Worker:
    """A worker over a plane."""

    def capabilities() -> Capabilities:
        result = remote.capabilities()
        if isinstance(result, Capabilities):
            return result
        return Capabilities()

    interval = float(os.environ.get("TIDEGATE_LOCAL_INTERVAL", "1"))
    store = Store(settings.database_url, application_name="tidegate-worker")
    registry = StagedRegistry(("file", "s3"))
    parts = Parts(
        store,
        remote,
        remote,
        platform,
        capabilities,
        Pace(interval, load=LOAD_S),
        Sources(
            settings.allowed, registry, contracts=PodContracts(reach=host_of), own=LocalOwn(remote)
        ),
        explain=remote.explain,
    )
    return Worker(owner, parts, settings.listen_url)


def main() -> None:
    """Run until SIGTERM or SIGINT; reconciles under way are finished."""
    settings = Settings()
    configure_logs(settings.log_level)
    remote = Remote(int(os.environ["TIDEGATE_LOCAL_LINK"]), Path(os.environ["TIDEGATE_LOCAL_KEY"]))
    worker = make(settings, remote, os.environ.get("TIDEGATE_WORKER_NAME", f"local-{os.getpid()}"))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: worker.stop())
    port = os.environ.get("TIDEGATE_WORKER_METRICS_PORT")
    if port:
        start_http_server(int(port), addr="127.0.0.1")
    worker.run()


if __name__ == "__main__":
    main()
