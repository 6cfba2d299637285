"""`python -m tidegate.template_service`: the service under uvicorn."""

import sys

import uvicorn
from pydantic import ValidationError

from tidegate.telemetry import configure_logs
from tidegate.template_service.app import create_app
from tidegate.template_service.catalog import CatalogError
from tidegate.template_service.settings import TemplateSettings

CLOSE_TIMEOUT_S = 10


def main() -> None:
    """Start the service as the environment says."""
    try:
        settings = TemplateSettings()
        configure_logs(settings.log_level)
        app = create_app(settings)
    except (ValidationError, CatalogError, ValueError) as error:
        sys.exit(f"error: {' '.join(str(error).split())}")
    uvicorn.run(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # who is trusted to say who calls is told by the connection, never by X-Forwarded-For
        timeout_graceful_shutdown=CLOSE_TIMEOUT_S,
    )


if __name__ == "__main__":
    main()
