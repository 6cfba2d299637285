"""Is there a Triton model repository below a URI, and which bytes?

Used by the API and by imports alike, so that both refuse the same layouts before anything moves.
KServe's `storageUri` names the *repository root*: `add_sub/config.pbtxt` and `add_sub/1/model.py`
lie below it. With `config.pbtxt` directly below it Triton takes `1` for a model and does not start.
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from tidegate.core.ports import Resolved, Unresolved
from tidegate.staging.sources import Access, Entry, Source, SourceError, open_source

_STAGED = re.compile(r"/(sha256-[0-9a-f]{64})/$")


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """One model of the repository. versions: rising. config: it brings a config.pbtxt (some
    backends need none)."""

    name: str
    versions: tuple[int, ...]
    config: bool


@dataclass(frozen=True, slots=True)
class Layout:
    """What lies below a URI. uri ends in a slash (KServe lists S3 by plain prefix: without it,
    neighbours leak in). size: bytes."""

    uri: str
    digest: str
    models: tuple[ModelFolder, ...]
    files: int
    size: int


def inspect(uri: str, access: Access) -> Layout | Unresolved:
    """Check the layout below a URI and digest its bytes; reads all of them."""
    try:
        return examine(open_source(uri, access))
    except SourceError as error:
        return Unresolved(str(error))


def examine(source: Source) -> Layout | Unresolved:
    """As inspect, for an opened source. May raise SourceError."""
    entries = source.entries()
    problem = wrong(source.uri, entries)
    if problem:
        return Unresolved(problem)
    return Layout(
        source.uri,
        digest(source, entries),
        models(entries),
        len(entries),
        sum(entry.size for entry in entries),
    )


def models(entries: Iterable[Entry]) -> tuple[ModelFolder, ...]:
    """The model folders among these files, by name."""
    files: dict[str, list[str]] = {}
    for entry in entries:
        name, slash, rest = entry.path.partition("/")
        if slash:
            files.setdefault(name, []).append(rest)
    return tuple(_model(name, rest) for name, rest in sorted(files.items()))


def digest(source: Source, entries: Iterable[Entry]) -> str:
    """`sha256-<hex>` over paths and bytes: the SHA-256 of one line per file, `<sha256 of its bytes>  <path>`, sorted
    by the path's UTF-8 bytes. It can be checked by hand in the root folder (without `__pycache__`):
    `find . -type f -size +0 -printf '%P\\n' | LC_ALL=C sort | xargs -d '\\n' sha256sum | sha256sum`."""
    total = hashlib.sha256()
    for entry in sorted(entries, key=lambda entry: entry.path.encode()):
        item = hashlib.sha256()
        for chunk in source.read(entry.path):
            item.update(chunk)
        total.update(f"{item.hexdigest()}  {entry.path}\n".encode())
    return f"sha256-{total.hexdigest()}"


@dataclass(frozen=True, slots=True)
class Staging:
    """core.ports.Registry over folders and S3."""

    access: Access

    def resolve(self, uri: str) -> Resolved | Unresolved:
        """A URI below `.../sha256-<digest>/` whose bytes are the ones it names is immutable; any
        other is marked mutable: its bytes may change under us."""
        layout = inspect(uri, self.access)
        if isinstance(layout, Unresolved):
            return layout
        staged = _STAGED.search(layout.uri)
        if staged is not None and staged[1] != layout.digest:
            return Unresolved(
                f"{layout.uri} holds {layout.digest}, not what its name says; import the model "
                "again"
            )
        return Resolved(layout.uri, layout.digest, mutable=staged is None)


def wrong(uri: str, entries: tuple[Entry, ...]) -> str | None:
    """Why these files are no model repository; None where they are one."""
    if not entries:
        return f"{uri}: there is nothing (empty files do not count)"
    paths = [entry.path for entry in entries]
    strange = next((path for path in paths if re.search(r"[\x00-\x1f\\]", path)), None)
    if strange:
        return (
            f"{uri}: the file name {strange!r} holds a control character or a backslash; rename it"
        )
    model_folders = models(entries)
    if "config.pbtxt" in paths or any(model.name.isdecimal() for model in model_folders):
        parent = uri.rstrip("/").rpartition("/")[0] + "/"
        return (
            f"{uri} names the model, not the repository root: Triton would take its version folder "
            "for a model. "
            f"Use {parent} (where nothing else lies), or put the model's folder into one of its own"
        )
    if not model_folders:
        return f"{uri}: there is no model folder, only {', '.join(paths[:3])}; expected <model>/<version>/<file>"
    bad = next((model.name for model in model_folders if not model.versions), None)
    if bad:
        return (
            f"{uri}: the folder {bad!r} has no version folder; expected {bad}/1/ with a file in it "
            "that is not empty (empty folders and files do not arrive)"
        )
    return None


def _model(name: str, files: list[str]) -> ModelFolder:
    versions = {rest.partition("/")[0] for rest in files if "/" in rest}
    numbers = sorted(
        int(version) for version in versions if version.isdecimal() and not version.startswith("0")
    )
    return ModelFolder(name, tuple(numbers), "config.pbtxt" in files)
