"""Print the JSON Schema of the catalog: `python -m tidegate.template_service.schema >
catalog/catalog.schema.json`."""

import json
import sys

from tidegate.template_service.catalog import schema


def text() -> str:
    """The document as it is committed."""
    return json.dumps(schema(), indent=2, sort_keys=True) + "\n"


if __name__ == "__main__":
    sys.stdout.write(text())
