"""The control plane as a whole: restarts, strangers, and a port that loses answers."""

import random
from pathlib import Path

from tests.simulation.flaky import FlakyCluster
from tests.simulation.lab import NAMESPACE, Lab
from tests.simulation.manifests import knative, route, standard
from tidegate.core.intent import EndpointKey
from tidegate.core.ports import Apply, Cluster, Done, Snapshot, Unavailable
from tidegate_local.played.api import POD, SERVICE


def test_after_a_restart_pods_start_again_and_no_object_changes(tmp_path: Path) -> None:
    lab = Lab()
    lab.apply(standard("fraud", 1, minReplicas=2))
    lab.apply(route("fraud", (1, 100)))
    lab.apply(knative("risk", 1))
    lab.settle()
    lab.objects.save(tmp_path / "objects.json")
    again = Lab(gateway=False)
    again.objects.load(tmp_path / "objects.json")
    again.kubelet.started.clear()
    again.settle()
    assert again.names(POD) == lab.names(POD)
    assert len(again.kubelet.started) == 3
    assert again.objects.version == lab.objects.version
    assert (again.shares("fraud"), again.shares("risk")) == ({"r1": 100}, {"r1": 100})


def test_everything_of_an_endpoint_is_seen_and_nothing_of_its_neighbours() -> None:
    lab = Lab()
    for manifest in (
        standard("fraud", 1),
        standard("fraud", 12),
        standard("fraud-rare", 1),
        route("fraud", (1, 100)),
    ):
        lab.apply(manifest)
    lab.settle()
    seen = lab.cluster.observe(EndpointKey(NAMESPACE, "fraud"))
    names = {(o["kind"], o["metadata"]["name"]) for o in seen.objects if o["kind"] != "Pod"}
    assert names == {
        ("HTTPRoute", "fraud"),
        *(("InferenceService", f"fraud-r{n}") for n in (1, 12)),
        *(("Deployment", f"fraud-r{n}-predictor") for n in (1, 12)),
        *(("Service", f"fraud-r{n}-predictor") for n in (1, 12)),
    }
    assert len(seen.all("Pod")) == 2


def test_knative_revisions_and_their_pods_are_seen() -> None:
    lab = Lab()
    lab.apply(knative("fraud", 1))
    lab.settle()
    seen = lab.cluster.observe(EndpointKey(NAMESPACE, "fraud"))
    (revision,) = seen.all("Revision")
    assert revision["metadata"]["labels"]["tidegate.dev/revision"] == "r1"
    (pod,) = seen.all("Pod")
    assert pod["metadata"]["labels"]["serving.knative.dev/revision"] == revision["metadata"]["name"]


def test_kserve_takes_the_service_of_a_knative_endpoints_name() -> None:
    """Whoever made it: the labels and the spec are gone after KServe's next pass."""
    lab = Lab()
    mine = {"name": "fraud", "namespace": NAMESPACE, "labels": {"tidegate.dev/endpoint": "fraud"}}
    lab.apply(
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": mine,
            "spec": {"externalName": "mine.example.com"},
        }
    )
    lab.apply(knative("fraud", 1))
    lab.settle()
    result = lab.get(SERVICE, "fraud")
    assert "labels" not in result["metadata"]
    assert result["spec"]["externalName"].startswith("knative-local-gateway.")


def test_a_lost_answer_may_still_have_been_a_write() -> None:
    lab = Lab()
    flaky: Cluster = FlakyCluster(lab.cluster, random.Random(3), 0.5)
    manifest = standard("fraud", 1)
    results = []
    for _ in range(40):
        results.append(flaky.write(Apply(manifest, None, "first")))
        if not isinstance(results[-1], Unavailable):
            break
    # It was there already: an earlier answer had been lost
    assert not isinstance(results[-1], Done)
    seen = [flaky.observe(EndpointKey(NAMESPACE, "fraud")) for _ in range(20)]
    assert {type(observation) for observation in seen} == {Snapshot, Unavailable}
