"""Writes: onto what was seen, by force over fields and never over objects, within bounds."""

import threading

import pytest

from tests.deploy_worker.kubernetes.conftest import (
    ISVC_PATH,
    KEY,
    SERVICE_PATH,
    Bench,
    bench_on,
    isvc,
)
from tests.deploy_worker.kubernetes.fake_api import DROP, FakeKubernetes
from tidegate.core.ports import Apply, Conflict, Done, Refused, Remove, Snapshot, Unavailable

PATH = f"{ISVC_PATH}/fraud-r1"


def seen(bench: Bench, name: str = "fraud-r1") -> dict[str, object] | None:
    inference_service = bench.observe().get("InferenceService", name)
    if not inference_service:
        return None
    return dict(inference_service)


def uid(bench: Bench) -> str:
    return str(bench.world.objects[PATH]["metadata"]["uid"])


def removal(value: str) -> Remove:
    return Remove("serving.kserve.io/v1beta1", "InferenceService", "team-a", "fraud-r1", value, "")


@pytest.fixture
def there(bench: Bench) -> Bench:
    """An object of ours that the watch has told."""
    bench.world.put(PATH, isvc())
    bench.until(lambda: seen(bench))
    return bench


def test_what_was_written_is_seen_at_once(bench: Bench) -> None:
    assert bench.cluster.write(Apply(isvc(), None, "first")) == Done()
    assert seen(bench)
    more = Apply(isvc(predictor={"minReplicas": 3}), uid(bench), "more")
    assert bench.cluster.write(more) == Done()
    manifest = seen(bench)
    assert manifest is not None
    assert manifest["spec"] == {"predictor": {"minReplicas": 3}}
    assert bench.cluster.write(removal(uid(bench))) == Done()
    assert seen(bench) is None


def test_a_create_of_ours_becomes_an_apply_before_the_next_one(bench: Bench) -> None:
    bench.cluster.write(Apply(isvc(), None, "first"))
    bench.cluster.write(Apply(isvc(), uid(bench), "again"))
    bench.cluster.write(Apply(isvc(), uid(bench), "and again"))
    fields = bench.world.objects[PATH]["metadata"]["managedFields"]
    assert [entry["operation"] for entry in fields] == ["Apply"]
    patches = [path for method, path in bench.world.requests if method == "PATCH"]
    assert len(patches) == 3, "one takeover, two applies"


def test_a_create_that_meets_an_object_is_a_conflict_and_shows_it(bench: Bench) -> None:
    """A Service without our label is in no watch: only the create can find it."""
    bench.world.put(f"{ISVC_PATH}/fraud-r1", isvc())
    bench.until(lambda: seen(bench))
    bench.world.put(f"{SERVICE_PATH}/fraud", {"kind": "Service", "spec": {"type": "ClusterIP"}})
    ours = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {**isvc()["metadata"], "name": "fraud"},
        "spec": {},
    }
    assert isinstance(bench.cluster.write(Apply(ours, None, "address")), Conflict)
    service = bench.observe().get("Service", "fraud")
    assert service is not None
    refused = bench.cluster.write(Apply(ours, None, "again"))
    assert isinstance(refused, Conflict)
    assert "labels" not in bench.world.objects[f"{SERVICE_PATH}/fraud"]["metadata"]


def test_an_object_without_our_label_is_never_applied_to(bench: Bench) -> None:
    theirs = bench.world.put(PATH, isvc(labels={}))
    bench.until(lambda: seen(bench))
    result = bench.cluster.write(Apply(isvc(), theirs["metadata"]["uid"], ""))
    assert isinstance(result, Refused)
    assert "not Tidegate's" in result.detail
    assert bench.world.count("PATCH", "") == 0


def test_one_is_taken_over_only_by_a_write_that_adopts_it_with_its_uid(bench: Bench) -> None:
    theirs = bench.world.put(PATH, isvc(labels={}))
    bench.until(lambda: seen(bench))
    assert isinstance(bench.cluster.write(Apply(isvc(), "another", "", adopts=True)), Refused)
    assert bench.cluster.write(Apply(isvc(), theirs["metadata"]["uid"], "", adopts=True)) == Done()
    assert bench.world.objects[PATH]["metadata"]["labels"] == isvc()["metadata"]["labels"]


def test_another_object_of_the_same_name_is_a_conflict(there: Bench) -> None:
    old = uid(there)
    there.world.drop(PATH)
    there.world.put(PATH, isvc())
    assert isinstance(there.cluster.write(Apply(isvc(), old, "")), Conflict)
    assert isinstance(there.cluster.write(removal(old)), Conflict)
    assert PATH in there.world.objects


def test_an_apply_to_what_is_gone_does_not_make_it_again(there: Bench) -> None:
    old = uid(there)
    there.world.drop(PATH)
    assert isinstance(there.cluster.write(Apply(isvc(), old, "")), Conflict)
    assert PATH not in there.world.objects


def test_removing_what_is_gone_is_done(there: Bench) -> None:
    old = uid(there)
    there.world.drop(PATH)
    assert there.cluster.write(removal(old)) == Done()


def test_what_finalizers_hold_is_removed_once(bench: Bench) -> None:
    held = isvc()
    held["metadata"]["finalizers"] = ["inferenceservice.finalizers"]
    bench.world.put(PATH, held)
    bench.until(lambda: seen(bench))
    assert bench.cluster.write(removal(uid(bench))) == Done()
    assert bench.cluster.write(removal(uid(bench))) == Done()
    assert bench.world.count("DELETE", "") == 1
    assert seen(bench) is not None


def test_a_webhooks_no_is_a_refusal_in_its_words(there: Bench) -> None:
    no = 'admission webhook "inferenceservice.kserve-webhook-server.validator" denied the request: no such runtime'
    for code in (403, 404):
        there.world.fail("PATCH", "fraud-r1", (code, {}, {"kind": "Status", "message": no}))
        assert there.cluster.write(Apply(isvc(), uid(there), "")) == Refused(no)
    assert there.pauses == [], "a no is not asked for twice"


def test_a_missing_permission_is_no_refusal_of_a_write(there: Bench) -> None:
    """An API server that has just started denies everything until it has read its roles: an abort
    would wait for as long as it does after a refusal."""
    no = 'inferenceservices "fraud-r1" is forbidden: User "tidegate" cannot patch resource "inferenceservices"'
    there.world.fail("PATCH", "fraud-r1", (403, {}, {"kind": "Status", "message": no}))
    assert there.cluster.write(Apply(isvc(), uid(there), "")) == Unavailable(f"not permitted: {no}")
    assert there.cluster.write(Apply(isvc(), uid(there), "")) == Done()


def test_a_kind_that_the_server_does_not_know_for_a_moment_is_no_answer_about_an_object(
    there: Bench,
) -> None:
    """As by an API server that has just started: an abort would wait as after a refusal, and what
    was to be removed would be taken for gone."""
    unknown = (404, {}, {})  # what it says is plain text
    status = {
        "kind": "Status",
        "reason": "NotFound",
        "details": {},
        "message": "could not find the requested resource",
    }
    for method in ("PATCH", "POST", "DELETE"):
        there.world.fail(method, "inferenceservices", unknown)
    there.world.fail("DELETE", "inferenceservices", (404, {}, status))
    writes = (
        Apply(isvc(predictor={"minReplicas": 0}), uid(there), "abort"),
        Apply(isvc("fraud-r2"), None, "create"),
        removal(uid(there)),
        removal(uid(there)),
    )
    for write in writes:
        assert isinstance(there.cluster.write(write), Unavailable)
    assert seen(there) is not None, "not taken for gone"
    assert [there.cluster.write(write) for write in writes[:3]] == [Done()] * 3


def test_a_deployment_mode_is_written_only_by_a_name_that_this_kserve_knows(
    fake: tuple[FakeKubernetes, str],
) -> None:
    """A reconcile may be faster than the first answer about the cluster; what it planned then has
    the new names."""
    world, url = fake
    containers = [{"image": "kserve/kserve-controller:v0.15.2"}]
    manager = {"spec": {"template": {"spec": {"containers": containers}}}}
    world.put("/apis/apps/v1/namespaces/kserve/deployments/kserve-controller-manager", manager)
    world.fail("GET", "v1beta1$", (503, {}, {"message": "not yet"}))
    bench = bench_on(world, url)
    bench.cluster.tenants.start()
    try:
        bench.until(lambda: isinstance(bench.cluster.observe(KEY), Snapshot))
        for requested in range(3):  # not yet; without an answer; with one
            written = bench.cluster.write(Apply(moded("Standard"), None, "first"))
            assert isinstance(written, Unavailable)
            assert PATH not in world.objects, requested
            bench.cluster.inquiry.refresh()
        assert bench.cluster.write(Apply(moded("RawDeployment"), None, "first")) == Done()
    finally:
        bench.cluster.close()


def moded(mode: str) -> dict[str, object]:
    manifest = isvc()
    return {
        **manifest,
        "metadata": {
            **manifest["metadata"],
            "annotations": {"serving.kserve.io/deploymentMode": mode},
        },
    }


def test_a_kind_that_is_not_installed_is_a_refusal(fake: tuple[FakeKubernetes, str]) -> None:
    """Other writes need not wait for it."""
    world, url = fake
    world.collections.discard("/apis/serving.kserve.io/v1beta1/inferenceservices")
    world.fail("POST", "inferenceservices", (404, {}, {}), times=99)
    bench = bench_on(world, url, lost=0.05)
    bench.cluster.start()
    try:
        bench.until(lambda: isinstance(bench.cluster.observe(KEY), Snapshot))
        bench.until(lambda: isinstance(bench.cluster.write(Apply(isvc(), None, "first")), Refused))
    finally:
        bench.cluster.close()


@pytest.mark.parametrize("code", [429, 500, 502, 503, 504])
def test_trouble_passes(there: Bench, code: int) -> None:
    there.world.fail("PATCH", "fraud-r1", (code, {}, {"message": "later"}), times=2)
    assert there.cluster.write(Apply(isvc(), uid(there), "")) == Done()
    assert len(there.pauses) == 2


def test_retry_after_is_honoured(there: Bench) -> None:
    there.world.fail(
        "PATCH", "fraud-r1", (429, {"Retry-After": "2"}, {"message": "too many requests"})
    )
    assert there.cluster.write(Apply(isvc(), uid(there), "")) == Done()
    assert there.pauses == [2.0]


def test_a_retry_after_beyond_the_bound_is_not_waited_for(there: Bench) -> None:
    there.world.fail(
        "PATCH", "fraud-r1", (429, {"Retry-After": "600"}, {"message": "too many requests"})
    )
    result = there.cluster.write(Apply(isvc(), uid(there), ""))
    assert isinstance(result, Unavailable)
    assert "too many requests" in result.detail
    assert there.pauses == []


def test_trouble_that_stays_is_unavailable_with_its_words(there: Bench) -> None:
    there.world.fail(
        "PATCH", "fraud-r1", (500, {}, {"message": "failed calling webhook"}), times=99
    )
    result = there.cluster.write(Apply(isvc(), uid(there), ""))
    assert isinstance(result, Unavailable)
    assert "failed calling webhook" in result.detail
    assert there.world.count("PATCH", "") == 4


def test_a_create_whose_answer_was_lost_is_found_again(bench: Bench) -> None:
    """The first attempt took effect, its answer never came; the second meets our own object."""
    bench.world.fail("POST", "inferenceservices", DROP)
    bench.world.put(PATH, isvc())
    result = bench.cluster.write(Apply(isvc(), None, "first"))
    assert isinstance(result, Conflict)
    assert seen(bench) is not None


def test_dropped_connections_are_tried_again(there: Bench) -> None:
    there.world.fail("PATCH", "fraud-r1", DROP, times=2)
    assert there.cluster.write(Apply(isvc(), uid(there), "")) == Done()


def test_a_dry_run_asks_and_changes_nothing(there: Bench) -> None:
    before = there.world.objects[PATH]
    more = isvc(predictor={"minReplicas": 9})
    assert there.cluster.write(Apply(more, uid(there), ""), dry_run=True) == Done()
    assert there.cluster.write(Apply(isvc("fraud-r2"), None, ""), dry_run=True) == Done()
    assert there.cluster.write(removal(uid(there)), dry_run=True) == Done()
    assert there.world.objects[PATH] == before
    assert seen(there) == before | {"metadata": before["metadata"]}
    assert seen(there, "fraud-r2") is None
    requests = [path for method, path in there.world.requests if method != "GET"]
    assert all("dryRun=All" in path for path in requests)


def test_status_updates_of_another_writer_do_not_starve_an_abort(there: Bench) -> None:
    """KServe updates the status fifty times a second; the precondition is the uid, so every write
    goes through."""
    stop = threading.Event()
    updates = 0

    def busy() -> None:
        nonlocal updates
        while not stop.wait(0.02):
            updates += 1
            there.world.put(PATH, {**there.world.objects[PATH], "status": {"updates": updates}})

    writer = threading.Thread(target=busy)
    writer.start()
    try:
        there.until(lambda: updates > 3)
        for number in range(20):
            desired = isvc(predictor={"minReplicas": number})
            assert there.cluster.write(Apply(desired, uid(there), "abort")) == Done()
            manifest = seen(there)
            assert manifest is not None
            assert manifest["spec"] == desired["spec"]
    finally:
        stop.set()
        writer.join()


def test_nothing_is_written_to_a_namespace_that_is_no_tenant(bench: Bench) -> None:
    manifest = isvc()
    manifest["metadata"]["namespace"] = "kube-system"
    before = len(bench.world.requests)
    assert isinstance(bench.cluster.write(Apply(manifest, None, "")), Unavailable)
    assert len(bench.world.requests) == before


def test_a_kind_that_no_driver_writes_is_refused(bench: Bench) -> None:
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": KEY.namespace}}
    assert isinstance(bench.cluster.write(Apply(pod, None, "")), Refused)
