"""Print the OpenAPI document: `python -m tidegate.deployment_service.openapi > docs/openapi.json`.
A test holds the two together."""

import json
import sys

from tidegate.core.ports import Unresolved
from tidegate.core.shown_address import shown_address
from tidegate.deployment_service.app import create_app
from tidegate.settings import Settings
from tidegate.store import Store
from tidegate.web.document import document


class NoRegistry:
    """Printing a document looks at no model."""

    def resolve(self, uri: str) -> Unresolved:
        """Refuse."""
        return Unresolved(f"{shown_address(uri)} is not looked at here")


def text() -> str:
    """The document as it is committed."""
    app = create_app(Store("postgresql://localhost/none"), NoRegistry(), Settings())
    return json.dumps(document(app), indent=2, sort_keys=True) + "\n"


if __name__ == "__main__":
    sys.stdout.write(text())
