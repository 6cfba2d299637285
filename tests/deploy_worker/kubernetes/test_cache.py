"""The two layers of the cache: the watch's word, and our own writes until the watch has passed
them."""

from typing import Any

from tests.clock import Clock
from tests.deploy_worker.kubernetes.conftest import isvc
from tidegate.deploy_worker.kubernetes.cache import OWN_S, Cache
from tidegate.deploy_worker.kubernetes.kinds import ISVC, POD


def at(version: int, replicas: int = 1, uid: str = "u1") -> dict[str, Any]:
    item = isvc(predictor={"minReplicas": replicas})
    item["metadata"] |= {"uid": uid, "resourceVersion": str(version)}
    return item


def replicas(cache: Cache) -> int | None:
    manifest = cache.get("fraud-r1")
    if not manifest:
        return None
    return manifest["spec"]["predictor"]["minReplicas"]


def test_an_own_write_covers_older_events_and_yields_to_newer_ones() -> None:
    cache = Cache(ISVC, Clock())
    cache.event("ADDED", at(5, 1))
    cache.wrote(at(8, 2))
    cache.event("MODIFIED", at(7, 1))
    assert replicas(cache) == 2
    cache.event("MODIFIED", at(9, 3))
    assert replicas(cache) == 3


def test_an_answer_that_comes_after_its_event_changes_nothing() -> None:
    cache = Cache(ISVC, Clock())
    cache.event("ADDED", at(9, 3))
    cache.wrote(at(8, 2))
    assert replicas(cache) == 3


def test_an_answer_that_comes_after_the_object_has_gone_does_not_bring_it_back() -> None:
    """A delete that finalizers delay for a moment: they are done, and the watch has told so, before
    our call ends."""
    cache = Cache(ISVC, Clock())
    cache.event("ADDED", at(5))
    cache.event("MODIFIED", at(6))
    cache.event("DELETED", at(7))
    cache.wrote(at(6))
    assert replicas(cache) is None
    assert cache.of("fraud") == ()


def test_an_own_removal_hides_late_events_of_the_same_object_only() -> None:
    cache = Cache(ISVC, Clock())
    cache.event("ADDED", at(5))
    cache.removed("fraud-r1", "u1")
    cache.event("MODIFIED", at(6))
    assert replicas(cache) is None
    assert cache.of("fraud") == ()
    cache.event("DELETED", at(7))
    cache.event("ADDED", at(8, 4, "u2"))
    assert replicas(cache) == 4


def test_a_deletion_of_the_former_object_leaves_its_successor() -> None:
    cache = Cache(ISVC, Clock())
    cache.event("ADDED", at(5))
    cache.wrote(at(8, 2, "u2"))
    cache.event("DELETED", at(7, 1, "u1"))
    assert replicas(cache) == 2


def test_a_list_that_is_older_than_an_own_write_does_not_hide_it() -> None:
    cache = Cache(ISVC, Clock())
    cache.wrote(at(8, 2))
    cache.replace([], "7")
    assert replicas(cache) == 2
    cache.replace([], "9")
    assert replicas(cache) is None


def test_a_server_whose_versions_went_back_is_believed_after_a_while() -> None:
    """An etcd restored from a backup: our write is lost, and no version ever passes it."""
    clock = Clock()
    cache = Cache(ISVC, clock)
    cache.wrote(at(800, 2))
    cache.replace([at(5, 1)], "6")
    assert replicas(cache) == 2
    clock.now = OWN_S
    assert replicas(cache) == 1
    assert [item["metadata"]["resourceVersion"] for item in cache.of("fraud")] == ["5"]


def test_of_managed_fields_only_who_and_when_is_kept() -> None:
    cache = Cache(ISVC, Clock())
    item = at(5)
    entry = {"manager": "tidegate", "operation": "Update", "time": "2026-01-01T00:00:00Z"}
    item["metadata"]["managedFields"] = [entry | {"fieldsV1": {"f:spec": {}}}]
    cache.event("ADDED", item)
    manifest = cache.get("fraud-r1")
    assert manifest is not None
    assert manifest["metadata"]["managedFields"] == [entry]


def test_of_an_object_of_ours_it_is_kept_which_fields_others_own() -> None:
    """Of pods it is not: nobody asks, and it is most of their size."""
    entries = [
        {"manager": "tidegate", "operation": "Apply", "fieldsV1": {"f:spec": {"f:a": {}}}},
        {"manager": "kubectl", "fieldsV1": {"f:spec": {"f:a": {}, "f:b": {}}}},
        {"manager": "kserve", "subresource": "status", "fieldsV1": {"f:status": {}}},
    ]
    item = at(5)
    item["metadata"]["managedFields"] = entries
    cache = Cache(ISVC, Clock())
    cache.event("ADDED", item)
    kept = cache.get("fraud-r1")
    assert kept is not None
    fields = [entry.get("fieldsV1") for entry in kept["metadata"]["managedFields"]]
    assert fields == [None, {"f:spec": {"f:b": {}}}, None]
    pods = Cache(POD, Clock())
    pods.event("ADDED", item)
    (pod,) = pods.of("fraud")
    assert all("fieldsV1" not in entry for entry in pod["metadata"]["managedFields"])
