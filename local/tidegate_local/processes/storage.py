"""What KServe's storage initializer does before the server starts: the bytes below a URI become the
model repository in a folder. S3 is listed as KServe lists it, by plain string prefix, with the leak
that a missing trailing slash brings, so that a wrong URI fails here as it does there.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

from tidegate.core.ports import Unresolved
from tidegate.staging.importer import write_folder
from tidegate.staging.sources import Access, SourceError, open_source


@dataclass(frozen=True, slots=True)
class Fetched:
    """The repository is in place."""

    folder: Path
    files: int


def fetch(uri: str, folder: Path, access: Access) -> Fetched | Unresolved:
    """Fill `folder` (replaced if it exists) with the files below the URI. Built beside and renamed,
    so that a server never sees half a model."""
    beside = folder.with_name(f"{folder.name}.fetching")
    shutil.rmtree(beside, ignore_errors=True)
    try:
        source = open_source(uri, access, leaky=True)
        beside.mkdir(parents=True)
        files = write_folder(source, beside)
        if not files:
            return Unresolved(f"{uri}: there is nothing to download (empty objects are skipped)")
        shutil.rmtree(folder, ignore_errors=True)
        beside.rename(folder)
    except SourceError as error:
        return Unresolved(str(error))
    except OSError as error:
        return Unresolved(f"{uri} cannot be copied to {folder}: {error}")
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return Fetched(folder, files)
