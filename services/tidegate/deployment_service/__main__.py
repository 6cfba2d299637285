"""`python -m tidegate.deployment_service`: the REST service under uvicorn."""

import os
import sys
from pathlib import Path

import structlog

from tidegate.deployment_service.app import create_app
from tidegate.settings import Settings, read_settings
from tidegate.staging.outbound import Places
from tidegate.staging.registry import StagedRegistry
from tidegate.store import Store, StoreUnavailable, tokens
from tidegate.store.migrate import migrate
from tidegate.telemetry import configure_logs
from tidegate.web.serving import serve

log = structlog.get_logger("deployment_service")


def first_token(store: Store, token_file: Path | None) -> None:
    """Make the bootstrap token at the first start and show it once: on standard output, or in a
    file of mode 0600."""
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


def main() -> None:
    """Start the service as the environment says."""
    settings = read_settings(Settings)
    configure_logs(settings.log_level)
    if not settings.database_url:
        sys.exit("TIDEGATE_DATABASE_URL is not set: give the URL of a Postgres database")
    store = Store(settings.database_url, application_name="tidegate-deployment-service")
    try:
        if settings.migrate:
            migrate(settings.database_url)
        if settings.bootstrap:
            first_token(store, settings.token_file)
    except StoreUnavailable as error:
        sys.exit(f"{error} (TIDEGATE_MIGRATE=true migrates at the start)")
    app = create_app(
        store, StagedRegistry(settings.schemes, places=Places(settings.storage_hosts)), settings
    )
    serve(app, settings.host, settings.port, settings.drain, app.state.services.hub.begin_stop)
    store.close()


if __name__ == "__main__":
    main()
