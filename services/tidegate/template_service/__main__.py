"""`python -m tidegate.template_service`: the service under uvicorn."""

import sys

from pydantic import ValidationError

from tidegate.telemetry import configure_logs
from tidegate.template_service.app import create_app
from tidegate.template_service.catalog import CatalogError
from tidegate.template_service.settings import TemplateSettings
from tidegate.web.serving import serve


def main() -> None:
    """Start the service as the environment says."""
    try:
        settings = TemplateSettings()
        configure_logs(settings.log_level)
        app = create_app(settings)
    except (ValidationError, CatalogError, ValueError) as error:
        sys.exit(f"error: {' '.join(str(error).split())}")
    serve(app, settings.host, settings.port, settings.drain, app.state.stopping.set)


if __name__ == "__main__":
    main()
