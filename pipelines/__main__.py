"""`python -m pipelines FOLDER [IMAGE]`: compile every template into FOLDER, and write its
catalog."""

import sys
from pathlib import Path

from pipelines.compiling import catalog_text, entry, write_template
from pipelines.templates import TEMPLATES

# where the image is, is the installation's matter: `make templates IMAGE=…`
IMAGE = "tidegate/tidegate:0.1.0"


def main(folder: Path, image: str = IMAGE) -> None:
    """Write everything."""
    (folder / "templates").mkdir(parents=True, exist_ok=True)
    entries = [
        entry(template, write_template(template, image, folder / "templates"))
        for template in TEMPLATES
    ]
    (folder / "catalog.yaml").write_text(catalog_text(image, entries))


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:3])
