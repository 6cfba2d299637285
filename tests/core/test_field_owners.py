"""Who wrote which field, by `metadata.managedFields`."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tidegate.core.field_owners import Owner, leaves, of_others, owner, value

LIVE = {
    "metadata": {"labels": {"a": "1"}, "annotations": {"owner": "team", "x/y": "2"}},
    "spec": {
        "rules": [{"weight": 10}, {"weight": 90}],
        "ports": [{"port": 80, "name": "http"}, {"port": 90, "name": "grpc"}],
    },
}


def entry(manager: str, fields: Any, second: int = 0, **more: Any) -> dict[str, Any]:
    time = f"2026-01-01T00:00:{second:02d}Z"
    return {"manager": manager, "operation": "Update", "time": time, "fieldsV1": fields, **more}


ROUTE: dict[str, Any] = {"f:spec": {"f:rules": {}}}
ANNOTATION: dict[str, Any] = {"f:metadata": {"f:annotations": {".": {}, "f:owner": {}}}}


def test_a_list_with_one_owner_is_owned_with_all_in_it() -> None:
    entries = of_others([entry("kubectl-edit", ROUTE)], "tidegate")
    seen = owner(entries, LIVE, ("spec", "rules", 1, "weight"))
    assert seen == Owner("kubectl-edit", 1_767_225_600.0)
    assert owner(entries, LIVE, ("spec", "ports")) is None


def test_an_element_is_known_by_its_keys() -> None:
    key = 'k:{"port":90}'
    entries = of_others([entry("kubectl", {"f:spec": {"f:ports": {key: {"f:name": {}}}}})], "us")
    assert owner(entries, LIVE, ("spec", "ports", 1, "name")) is not None
    assert owner(entries, LIVE, ("spec", "ports", 0, "name")) is None
    assert next(iter(leaves(entries, LIVE)))[0] == ("spec", "ports", 1, "name")


def test_who_made_a_map_owns_not_what_others_put_into_it() -> None:
    entries = of_others([entry("a", {"f:metadata": {"f:annotations": {".": {}}}})], "us")
    assert owner(entries, LIVE, ("metadata", "annotations", "owner")) is None
    assert list(leaves(entries, LIVE)) == []


def test_the_newest_owner_counts() -> None:
    entries = [entry("first", ANNOTATION, 1), entry("second", ANNOTATION, 5)]
    seen = owner(of_others(entries, "us"), LIVE, ("metadata", "annotations", "owner"))
    assert seen is not None
    assert seen.manager == "second"


def test_what_we_own_as_well_is_nobody_elses() -> None:
    fields: dict[str, Any] = {"f:spec": {"f:rules": {}, "f:ports": {}}}
    entries = [entry("kubectl", fields), entry("tidegate", ROUTE)]
    left = of_others(entries, "tidegate")
    assert owner(left, LIVE, ("spec", "rules")) is None
    assert owner(left, LIVE, ("spec", "ports")) is not None
    assert of_others([entry("kubectl", ROUTE), entry("tidegate", ROUTE)], "tidegate") == ()


def test_the_status_is_its_controllers() -> None:
    entries = [entry("kserve", ROUTE, subresource="status"), {"manager": "old"}]
    assert of_others(entries, "tidegate") == ()


def test_leaves_are_those_that_the_object_still_has() -> None:
    gone: dict[str, Any] = {"f:metadata": {"f:annotations": {"f:owner": {}, "f:gone": {}}}}
    entries = of_others([entry("kubectl", gone)], "tidegate")
    assert [path for path, _ in leaves(entries, LIVE)] == [("metadata", "annotations", "owner")]


def test_trees_that_mean_nothing_are_survived() -> None:
    odd: dict[str, Any] = {
        "k:{": {},
        "v:": {},
        "i:9": {},
        "f:spec": {"f:ports": {"k:[]": {}, "x": {}}},
    }
    entries = of_others([entry("odd", odd, 1), entry("deep", _deep(300), 2)], "tidegate")
    assert owner(entries, LIVE, ("spec", "ports", 0)) is None
    assert list(leaves(entries, LIVE)) == []
    both = of_others([entry("a", _deep(300)), entry("us", _deep(300))], "us")
    assert both == ()


def _deep(depth: int) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for _ in range(depth):
        tree = {"f:x": tree}
    return tree


JSON = st.recursive(
    st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(min_size=1, max_size=3), inner, min_size=1, max_size=3)
    ),
    max_leaves=10,
)


def _tree(content: Any) -> dict[str, Any]:
    """As the API server would record a writer of all of it, with atomic lists."""
    if not isinstance(content, dict):
        return {}
    return {f"f:{name}": _tree(inner) for name, inner in content.items()}


@given(st.dictionaries(st.text(min_size=1, max_size=3), JSON, min_size=1, max_size=3))
def test_whoever_wrote_all_owns_every_leaf(content: dict[str, Any]) -> None:
    entries = of_others([entry("kubectl", _tree(content))], "tidegate")
    paths = [path for path, _ in leaves(entries, content)]
    assert paths
    for path in paths:
        assert owner(entries, content, path) is not None
        assert value(content, path) is not None
    assert of_others([*entries, entry("tidegate", _tree(content))], "tidegate") == ()
    assert json.dumps(entries)
