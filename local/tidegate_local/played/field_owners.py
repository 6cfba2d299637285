"""`metadata.managedFields` of what others than Tidegate edit, as an API server would keep them.

Only others' entries are kept, without what Tidegate owns as well: nobody reads its own. Lists have
one owner, as those of the kinds that matter here (HTTPRoute's rules) do.
"""

from collections.abc import Mapping
from typing import Any

Json = Mapping[str, Any]
Entries = list[dict[str, Any]]
FIELDS = "managedFields"  # of metadata
_UNOWNED = frozenset({"apiVersion", "kind", "name", "namespace", "uid"})


def after_edit(entries: Entries, before: Json, change: Json, manager: str, time: str) -> Entries:
    """The entries after somebody's merge patch: what it changes is the manager's alone."""
    taken = _changed(before, change)
    if not taken:
        return entries
    left = [entry for entry in _released(entries, taken) if entry["manager"] != manager]
    before_it = next((entry for entry in entries if entry["manager"] == manager), None)
    fields = _present(taken)
    if before_it is not None:
        fields = _merged(_without(before_it["fieldsV1"], taken), fields)
    if not fields:
        return left
    return [
        *left,
        {
            "manager": manager,
            "operation": "Update",
            "time": time,
            "fieldsType": "FieldsV1",
            "fieldsV1": fields,
        },
    ]


def after_apply(entries: Entries, manifest: Json) -> Entries:
    """The entries after a forced apply: what it names is no longer others' alone."""
    return _released(entries, _tree(manifest))


def _released(entries: Entries, taken: Json) -> Entries:
    left = [{**entry, "fieldsV1": _without(entry["fieldsV1"], taken)} for entry in entries]
    return [entry for entry in left if entry["fieldsV1"]]


def _changed(before: Json, change: Json) -> dict[str, Any]:
    """The tree of the fields that a merge patch changes; None is a field that it removes."""
    tree: dict[str, Any] = {}
    for name, content in change.items():
        old = before.get(name)
        if name in _UNOWNED or content == old:
            continue
        if content is None:
            tree[f"f:{name}"] = None
        elif isinstance(content, Mapping):
            inside = {}
            if isinstance(old, Mapping):
                inside = dict(old)
            inner = _changed(inside, content)
            if inner:
                tree[f"f:{name}"] = inner
        else:
            tree[f"f:{name}"] = {}
    return tree


def _present(tree: Json) -> dict[str, Any]:
    """The tree without the fields that were removed: they have no owner."""
    left = {}
    for key, child in tree.items():
        if child is None:
            continue
        inner = _present(child)
        if inner or not child:
            left[key] = inner
    return left


def _tree(manifest: Json) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for name, content in manifest.items():
        if name in _UNOWNED:
            continue
        tree[f"f:{name}"] = {}
        if isinstance(content, Mapping):
            tree[f"f:{name}"] = _tree(content)
    return tree


def _without(tree: Json, taken: Json) -> dict[str, Any]:
    left = {}
    for key, child in tree.items():
        if key not in taken:
            left[key] = child
            continue
        inner = _without(child, taken[key] or {})
        if inner:
            left[key] = inner
    return left


def _merged(first: Json, second: Json) -> dict[str, Any]:
    both = {**first, **second}
    for key in first.keys() & second.keys():
        both[key] = _merged(first[key], second[key])
    return both
