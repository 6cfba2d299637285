"""The object store: what an API server promises."""

from pathlib import Path

import pytest

from tests.simulation.lab import NAMESPACE, Clock, Lab
from tests.simulation.manifests import knative, standard
from tidegate.core.intent import EndpointKey
from tidegate.core.ports import Apply, Conflict, Done, Refused, Remove
from tidegate_local.played.api import CONFIG_MAP, SERVICE
from tidegate_local.played.cluster import FakeCluster
from tidegate_local.played.merge import merge
from tidegate_local.played.objects import Object, Objects


def config(name: str = "fraud", **data: str) -> dict[str, object]:
    """A ConfigMap of an endpoint."""
    metadata = {"name": name, "namespace": "team", "labels": {"tidegate.dev/endpoint": "fraud"}}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def service(**spec: object) -> dict[str, object]:
    """A Service."""
    metadata = {"name": "fraud", "namespace": "team"}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}


@pytest.fixture
def objects() -> Objects:
    return Objects(Clock())


def stored(objects: Objects, name: str = "fraud") -> Object:
    result = objects.get(CONFIG_MAP, "team", name)
    assert result is not None
    return result


def test_apply_drops_what_it_no_longer_names_and_leaves_what_others_set(objects: Objects) -> None:
    objects.apply(config(a="1", b="2"))
    objects.edit(
        CONFIG_MAP,
        "team",
        "fraud",
        {"data": {"c": "3"}, "metadata": {"annotations": {"by": "a person"}}},
    )
    objects.apply(config(a="1"))
    assert stored(objects)["data"] == {"a": "1", "c": "3"}
    assert stored(objects)["metadata"]["annotations"] == {"by": "a person"}


def test_merge_replaces_lists_whole() -> None:
    assert merge({"a": [1, 2], "b": {"c": 1, "d": 2}}, {"b": {"c": 1}}, {"a": [3]}) == {
        "a": [3],
        "b": {"d": 2},
    }


def test_null_is_absent(objects: Objects) -> None:
    objects.apply({**service(type="ClusterIP", clusterIP=None)})
    result = objects.get(SERVICE, "team", "fraud")
    assert result is not None
    assert result["spec"] == {"type": "ClusterIP"}


def test_the_same_apply_twice_changes_nothing(objects: Objects) -> None:
    objects.apply(config(a="1"))
    before = stored(objects)
    version = objects.version
    assert objects.apply(config(a="1")) == Done()
    assert stored(objects) is before
    assert objects.version == version


def test_generation_counts_changes_of_spec_only(objects: Objects) -> None:
    objects.apply(service(type="ClusterIP"))
    objects.edit(SERVICE, "team", "fraud", {"metadata": {"labels": {"x": "y"}}})
    result = objects.get(SERVICE, "team", "fraud")
    assert result is not None
    objects.set_status(result, {"loadBalancer": {}})
    objects.apply(service(type="ExternalName"))
    result = objects.get(SERVICE, "team", "fraud")
    assert result is not None
    assert result["metadata"]["generation"] == 2
    assert result["status"] == {"loadBalancer": {}}


def test_uid_preconditions_through_the_port(objects: Objects) -> None:
    cluster = FakeCluster(objects)
    manifest = config(a="1")
    assert cluster.write(Apply(manifest, None, "new")) == Done()
    assert isinstance(cluster.write(Apply(manifest, None, "new again")), Conflict)
    uid = stored(objects)["metadata"]["uid"]
    assert cluster.write(Apply(config(a="2"), uid, "change")) == Done()
    assert isinstance(
        cluster.write(Remove("v1", "ConfigMap", "team", "fraud", "another", "no")), Conflict
    )
    assert cluster.write(Remove("v1", "ConfigMap", "team", "fraud", uid, "done")) == Done()
    assert cluster.write(Remove("v1", "ConfigMap", "team", "fraud", uid, "again")) == Done()
    assert isinstance(cluster.write(Apply(config(a="3"), uid, "late")), Conflict)


def test_dry_run_checks_and_stores_nothing(objects: Objects) -> None:
    cluster = FakeCluster(objects)
    assert cluster.write(Apply(config(), None, "try"), dry_run=True) == Done()
    assert objects.version == 0
    assert isinstance(cluster.write(Apply(config("Fraud"), None, "try"), dry_run=True), Refused)


def test_names_kinds_and_labels_are_checked_with_words(objects: Objects) -> None:
    refused = objects.apply(config("Fraud"))
    assert isinstance(refused, Refused)
    assert 'Invalid value: "Fraud"' in refused.detail
    unknown = objects.apply({**config(), "kind": "Confmap"})
    assert isinstance(unknown, Refused)
    assert "no matches for kind" in unknown.detail
    number = config()
    number["metadata"] = {"name": "a", "namespace": "team", "annotations": {"n": 3}}
    assert isinstance(objects.apply(number), Refused)


def test_a_watch_begins_with_every_endpoint_there_is() -> None:
    """What changed while nobody watched is looked at, too."""
    lab = Lab()
    lab.apply(standard("fraud", 1))
    lab.apply(knative("risk", 1))
    lab.settle()
    woken: list[EndpointKey] = []
    lab.cluster.watch(woken.append)
    assert sorted(woken, key=str) == [
        EndpointKey(NAMESPACE, "fraud"),
        EndpointKey(NAMESPACE, "risk"),
    ]


def test_watch_names_the_endpoint_until_it_is_stopped(objects: Objects) -> None:
    cluster = FakeCluster(objects)
    woken = []
    stop = cluster.watch(woken.append)
    objects.apply(config(a="1"))
    objects.delete(CONFIG_MAP, "team", "fraud")
    stop()
    objects.apply(config(a="1"))
    assert woken == [EndpointKey("team", "fraud")] * 2


def test_observe_shows_ours_and_what_holds_our_names(objects: Objects) -> None:
    objects.apply(config("fraud-tidegate"))
    objects.apply(service(type="ClusterIP"))
    other = service(type="ClusterIP")
    other["metadata"] = {"name": "fraudster", "namespace": "team"}
    objects.apply(other)
    elsewhere = config()
    elsewhere["metadata"] = {
        "name": "fraud",
        "namespace": "another",
        "labels": {"tidegate.dev/endpoint": "fraud"},
    }
    objects.apply(elsewhere)
    seen = FakeCluster(objects).observe(EndpointKey("team", "fraud"))
    assert [(o["kind"], o["metadata"]["name"]) for o in seen.objects] == [
        ("ConfigMap", "fraud-tidegate"),
        ("Service", "fraud"),
    ]


def test_a_restart_finds_everything_as_it_was(objects: Objects, tmp_path: Path) -> None:
    objects.apply(config(a="1", b="2"))
    objects.save(tmp_path / "objects.json")
    again = Objects(Clock())
    again.load(tmp_path / "objects.json")
    assert stored(again) == stored(objects)
    again.apply(config(a="1"))  # remembers what was applied: b goes
    assert stored(again)["data"] == {"a": "1"}
