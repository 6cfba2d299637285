"""`python -m tidegate.deployment_service`: the REST service under uvicorn."""

import os
import signal
import sys
import threading
from pathlib import Path
from types import FrameType

import structlog
import uvicorn
from fastapi import FastAPI

from tidegate.deployment_service.app import create_app
from tidegate.deployment_service.calls import Services
from tidegate.settings import Settings
from tidegate.staging.registry import StagedRegistry
from tidegate.store import Store, StoreUnavailable, tokens
from tidegate.store.migrate import migrate
from tidegate.telemetry import configure_logs

log = structlog.get_logger("deployment_service")
CLOSE_TIMEOUT_S = 10


class Server(uvicorn.Server):
    """Says "not ready" and ends event streams for `drain` seconds before it closes its door."""

    def __init__(self, config: uvicorn.Config, services: Services) -> None:
        super().__init__(config)
        self._services = services

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The first SIGTERM drains; SIGINT, or a second one, closes at once. Either way the exit code is 0."""
        hurry = sig == signal.SIGINT or self._services.hub.stopping
        self._services.hub.begin_stop()
        if hurry:
            self._close()
        else:
            threading.Timer(self._services.settings.drain, self._close).start()

    def _close(self) -> None:
        self.should_exit = True


def first_token(store: Store, token_file: Path | None) -> None:
    """Make the bootstrap token at the first start and show it once: on standard output, or in a file of mode 0600."""
    with store.begin() as tx:
        secret = tokens.bootstrap(tx)
        if secret is None:
            return
        if token_file is None:
            sys.stdout.write(f"bootstrap token, shown once: {secret}\n")
            sys.stdout.flush()
            return
        handle = os.open(token_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.fchmod(handle, 0o600)  # an older file keeps its mode otherwise
        with os.fdopen(handle, "w") as file:
            file.write(secret + "\n")
    log.info("bootstrap token written", file=str(token_file))


def serve(app: FastAPI, settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT."""
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=CLOSE_TIMEOUT_S,
    )
    Server(config, app.state.services).run()


def main() -> None:
    """Start the service as the environment says."""
    settings = Settings()
    configure_logs(settings.log_level)
    if not settings.database_url:
        sys.exit("TIDEGATE_DATABASE_URL is not set: give the URL of a Postgres database")
    store = Store(settings.database_url, application_name="tidegate-deployment-service")
    try:
        if settings.migrate:
            migrate(settings.database_url)
        first_token(store, settings.token_file)
    except StoreUnavailable as error:
        sys.exit(f"{error} (TIDEGATE_MIGRATE=true migrates at the start)")
    serve(create_app(store, StagedRegistry(settings.schemes), settings), settings)
    store.close()


if __name__ == "__main__":
    main()
