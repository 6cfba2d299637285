"""Who owns which fields, where we made the object: a create is not an apply to the API server.

Server-side apply has no "only if it does not exist". So an object is made by POST, for which the
server notes our field manager with operation Update, while our later applies stand as a second
owner, operation Apply. A field that both own would survive its removal from our manifest.
Therefore, before the first apply to an object that we made, its entry is renamed from Update to
Apply, which is what client-go's csaupgrade does. The patch tests that entry alone and carries no
resourceVersion: status updates of others cannot starve it.
"""

from collections.abc import Mapping
from typing import Any

from tidegate.core import drift, field_owners

MANAGER = drift.MANAGER

_FIELDS = "managedFields"
Object = Mapping[str, Any]


def without_fields(item: Object) -> Object:
    """The object with managedFields that tell who wrote and when, without which fields: those are
    most of an object's size, and of what others make nobody reads them."""
    meta = item["metadata"]
    if _FIELDS not in meta:
        return item
    slim = [
        {key: value for key, value in entry.items() if key != "fieldsV1"} for entry in meta[_FIELDS]
    ]
    return {**item, "metadata": {**meta, _FIELDS: slim}}


def with_fields_of_others(item: Object) -> Object:
    """The object with managedFields that tell, too, which fields others own alone: what drift is
    explained by."""
    meta = item["metadata"]
    if _FIELDS not in meta:
        return item
    entries = field_owners.slim(meta[_FIELDS] or (), MANAGER)
    return {**item, "metadata": {**meta, _FIELDS: list(entries)}}


def made_by_post(item: Object | None) -> bool:
    """Whether the next apply must first take over the fields of our own create."""
    return item is not None and any(
        _created(entry) for entry in item["metadata"].get(_FIELDS) or ()
    )


def takeover(item: Object) -> list[dict[str, str]]:
    """The JSON patch that makes our create an apply, for an object with its full managedFields; []
    where there is nothing to do. The server refuses it (422) when the entries moved meanwhile: read
    again."""
    patch: list[dict[str, str]] = []
    for index, entry in enumerate(item["metadata"].get(_FIELDS) or ()):
        if _created(entry):
            at = f"/metadata/{_FIELDS}/{index}"
            patch += [
                {"op": "test", "path": f"{at}/manager", "value": MANAGER},
                {"op": "test", "path": f"{at}/operation", "value": "Update"},
                {"op": "replace", "path": f"{at}/operation", "value": "Apply"},
            ]
    return patch


def _created(entry: Object) -> bool:
    return (
        entry.get("manager") == MANAGER
        and entry.get("operation") == "Update"
        and not entry.get("subresource")
    )
