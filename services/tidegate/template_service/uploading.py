"""The catalog as pipelines of KFP, so that people find it on the page "Pipelines".

A version is named after the template's version and the bytes that were uploaded: the same bytes are
uploaded once, an installation with another image gets a version of its own, and an older version
stays where runs refer to it.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from tidegate.template_service.catalog import Catalog, Entry
from tidegate.template_service.kfp import Kfp, KfpError
from tidegate.template_service.releases import check_release
from tidegate.template_service.rendering import InvalidParametersError, check_image, dumped, load


@dataclass(frozen=True, slots=True)
class Uploaded:
    """One template. created: it was not there before."""

    name: str
    version: str
    pipeline_id: str
    version_id: str
    created: bool


def place(kfp: Kfp, namespace: str) -> str | None:
    """The namespace that gets them; None: shared by all, as everything is in a single-user KFP.
    Raises KfpError."""
    if namespace and kfp.multi_user():
        return namespace
    return None


def upload(
    kfp: Kfp, catalog: Catalog, namespace: str | None, image: str | None = None
) -> Iterator[Uploaded]:
    """Upload what is not there yet. namespace: as `place` says it. Raises KfpError,
    InvalidParametersError, KfpTooOldError."""
    problems = check_image(image)
    if problems:
        raise InvalidParametersError(problems)
    check_release(kfp)
    for entry in catalog:
        yield _upload_entry(kfp, catalog, entry, namespace, image)


def _upload_entry(
    kfp: Kfp, catalog: Catalog, entry: Entry, namespace: str | None, image: str | None
) -> Uploaded:
    if image is None:
        text = catalog.text(entry)
    else:
        text = dumped(*load(catalog, entry, image))
    version = f"{entry.version}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"
    pipeline = kfp.pipeline(entry.name, namespace) or _create(kfp, entry, namespace)
    value = _version(kfp, pipeline, version)
    if value:
        return Uploaded(entry.name, version, pipeline, value, created=False)
    try:
        made = kfp.upload_version(pipeline, version, entry.description, text)
    except KfpError as error:
        # Somebody else, at the same time
        if error.status == 409 and (value := _version(kfp, pipeline, version)):
            return Uploaded(entry.name, version, pipeline, value, created=False)
        raise
    return Uploaded(entry.name, version, pipeline, made, created=True)


def _create(kfp: Kfp, entry: Entry, namespace: str | None) -> str:
    body = {
        "name": entry.name,
        "display_name": entry.name,
        "description": entry.description,
        "namespace": namespace,
    }
    try:
        return kfp.create_pipeline(body)
    except KfpError as error:
        if error.status == 409 and (value := kfp.pipeline(entry.name, namespace)):
            return value
        raise


def _version(kfp: Kfp, pipeline: str, name: str) -> str | None:
    """By either name: older releases know the one that is shown only."""
    return next(
        (
            str(version["pipeline_version_id"])
            for version in kfp.versions(pipeline)
            if name in (version.get("name"), version.get("display_name"))
        ),
        None,
    )
