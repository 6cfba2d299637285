"""Print the OpenAPI document: `python -m tidegate.template_service.openapi >
docs/openapi-templates.json`."""

import json
import sys

from tidegate.template_service.app import create_app
from tidegate.template_service.settings import TemplateSettings
from tidegate.web.document import document


def text() -> str:
    """The document as it is committed."""
    return json.dumps(document(create_app(TemplateSettings())), indent=2, sort_keys=True) + "\n"


if __name__ == "__main__":
    sys.stdout.write(text())
