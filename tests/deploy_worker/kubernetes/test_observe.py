"""Looks: from the watches, never older than told, and whole."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from urllib3 import HTTPConnectionPool
from urllib3.exceptions import ReadTimeoutError

from tests.deploy_worker.kubernetes.conftest import (
    EVENT_PATH,
    ISVC_PATH,
    KEY,
    POD_PATH,
    SERVICE_PATH,
    Bench,
    bench_on,
    isvc,
)
from tests.deploy_worker.kubernetes.fake_api import FakeKubernetes, status
from tidegate.core.intent import EndpointKey
from tidegate.core.ports import Snapshot, Unavailable
from tidegate.deploy_worker.kubernetes.api import Answer, Stream
from tidegate.deploy_worker.kubernetes.reflector import Reflector, Timing


def names(snapshot: Snapshot) -> set[str]:
    return {f"{o['kind']}/{o['metadata']['name']}" for o in snapshot.objects}


def pod(name: str, endpoint: str | None = "fraud", isvc: str = "") -> dict[str, object]:
    """As KServe makes it: with its own label, and those of its InferenceService."""
    labels = {}
    if endpoint:
        labels = {"tidegate.dev/endpoint": endpoint}
    if endpoint or isvc:
        labels["serving.kserve.io/inferenceservice"] = isvc or f"{endpoint}-r1"
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": labels}}


def test_an_observation_shows_what_carries_our_label_and_what_holds_our_names(bench: Bench) -> None:
    bench.world.put(f"{ISVC_PATH}/fraud-r1", isvc())
    bench.world.put(f"{ISVC_PATH}/fraud-r2", isvc("fraud-r2", labels={}))  # somebody else's
    bench.world.put(f"{ISVC_PATH}/fraudulent", isvc("fraudulent", labels={}))
    bench.world.put(f"{POD_PATH}/p1", pod("p1"))
    bench.world.put(f"{POD_PATH}/p2", pod("p2", None))
    # Of one that may have been adopted
    bench.world.put(f"{POD_PATH}/p3", pod("p3", None, isvc="fraud"))
    bench.world.put(f"{POD_PATH}/p4", pod("p4", None, isvc="fraudulent"))
    desired = {"InferenceService/fraud-r1", "InferenceService/fraud-r2", "Pod/p1", "Pod/p3"}
    bench.until(lambda: names(bench.observe()) == desired)


def test_listed_objects_have_their_kind(fake: tuple[FakeKubernetes, str]) -> None:
    world, url = fake
    world.page = 2  # three pages
    for number in range(5):
        world.put(f"{POD_PATH}/p{number}", pod(f"p{number}"))
    bench = bench_on(world, url)
    bench.cluster.start()
    try:
        bench.until(lambda: isinstance(bench.cluster.observe(KEY), Snapshot))
        assert names(bench.observe()) == {f"Pod/p{number}" for number in range(5)}
        assert all(item["apiVersion"] == "v1" for item in bench.observe().objects)
    finally:
        bench.cluster.close()


def test_an_idle_endpoint_costs_no_request(bench: Bench) -> None:
    bench.world.put(f"{ISVC_PATH}/fraud-r1", isvc())
    bench.until(lambda: names(bench.observe()) == {"InferenceService/fraud-r1"})
    before = len(bench.world.requests)
    for _ in range(100):
        bench.observe()
    assert len(bench.world.requests) == before


def test_every_event_wakes_its_endpoint_and_versions_alone_wake_nobody(bench: Bench) -> None:
    bench.world.put(f"{POD_PATH}/p1", pod("p1"))
    bench.world.wait(lambda: KEY in bench.woken)
    bench.woken.clear()
    bench.world.put(f"{POD_PATH}/p1", pod("p1"))  # nothing but the version
    bench.world.put(f"{POD_PATH}/p2", pod("p2", "other"))
    bench.world.wait(lambda: EndpointKey("team-a", "other") in bench.woken)
    assert KEY not in bench.woken


def test_a_dropped_watch_is_resumed_without_a_list(bench: Bench) -> None:
    lists = bench.world.count("GET", r"/pods\?.*limit=")
    bench.world.bookmark()
    bench.world.cut_watches()
    bench.world.put(f"{POD_PATH}/p1", pod("p1"))
    bench.until(lambda: names(bench.observe()) == {"Pod/p1"})
    assert bench.world.count("GET", r"/pods\?.*limit=") == lists


def test_a_watch_that_is_too_old_is_listed_again_and_learns_what_it_missed(bench: Bench) -> None:
    bench.world.put(f"{POD_PATH}/p1", pod("p1"))
    bench.world.put(f"{POD_PATH}/p2", pod("p2"))
    bench.until(lambda: len(bench.observe().objects) == 2)
    with bench.world.changed:  # a deletion that no watch tells
        del bench.world.objects[f"{POD_PATH}/p1"]
    bench.woken.clear()
    bench.world.compact()
    bench.until(lambda: names(bench.observe()) == {"Pod/p2"})
    assert KEY in bench.woken


def test_a_bookmark_keeps_an_idle_watch_from_growing_too_old(bench: Bench) -> None:
    bench.world.bookmark()
    at = bench.world.version
    bench.world.cut_watches()
    bench.world.wait(lambda: bench.world.count("GET", r"/pods\?.*watch=true") >= 2)
    bench.world.wait(lambda: bench.world.count("GET", rf"/pods\?.*resourceVersion={at}") >= 1)


def test_without_contact_nothing_is_told(fake: tuple[FakeKubernetes, str]) -> None:
    bench = bench_on(*fake, lost=0.2)
    bench.cluster.start()
    try:
        bench.until(lambda: isinstance(bench.cluster.observe(KEY), Snapshot))
        bench.world.fail(
            "GET", "watch=true", (503, {}, {"message": "etcd has no leader"}), times=10_000
        )
        bench.world.cut_watches()

        def unavailable_detail() -> str:
            snapshot = bench.cluster.observe(KEY)
            if isinstance(snapshot, Unavailable):
                return snapshot.detail
            return ""

        bench.until(unavailable_detail)
        bench.until(lambda: "etcd has no leader" in unavailable_detail())
        bench.world.faults.clear()
        bench.until(lambda: isinstance(bench.cluster.observe(KEY), Snapshot))
    finally:
        bench.cluster.close()


def test_an_absent_kind_is_empty_and_asked_for_again(fake: tuple[FakeKubernetes, str]) -> None:
    world, url = fake
    revisions = "/apis/serving.knative.dev/v1/revisions"
    world.collections.discard(revisions)
    bench = bench_on(world, url)
    bench.cluster.start()
    try:
        bench.until(lambda: isinstance(bench.cluster.observe(KEY), Snapshot))
        world.collections.add(revisions)  # Knative is installed
        path = "/apis/serving.knative.dev/v1/namespaces/team-a/revisions/fraud-00001"
        world.put(
            path,
            {
                "kind": "Revision",
                "metadata": {"labels": {"serving.kserve.io/inferenceservice": "fraud"}},
            },
        )
        bench.until(lambda: names(bench.observe()) == {"Revision/fraud-00001"})
    finally:
        bench.cluster.close()


def test_a_kind_that_is_unknown_for_a_moment_is_not_forgotten(
    fake: tuple[FakeKubernetes, str],
) -> None:
    """As by an API server that has just started and does not serve its custom resources yet."""
    world, url = fake
    path = "/apis/serving.knative.dev/v1/namespaces/team-a/revisions/fraud-00001"
    meta = {"labels": {"serving.kserve.io/inferenceservice": "fraud"}}
    world.put(path, {"kind": "Revision", "metadata": meta})
    bench = bench_on(world, url, absent=600.0)
    seen: list[set[str]] = []

    def visible_names() -> set[str]:
        snapshot = bench.cluster.observe(KEY)
        if isinstance(snapshot, Snapshot):
            return names(snapshot)
        return {"Unavailable"}

    bench.cluster.watch(lambda key: seen.append(visible_names()))
    try:
        bench.until(lambda: visible_names() == {"Revision/fraud-00001"})
        seen.clear()
        world.fail(
            "GET",
            "revisions",
            (404, {}, status(404, "NotFound", "the server could not find it")),
            times=2,
        )
        world.compact()  # every collection is read anew
        bench.until(lambda: not any(fault.times for fault in world.faults))
        world.put(path, {"kind": "Revision", "metadata": meta, "status": {"observedGeneration": 1}})
        bench.until(lambda: seen)
        assert set() not in seen, "it was forgotten for a moment"
    finally:
        bench.cluster.close()


def test_a_label_without_a_binding_is_not_permitted_until_it_is_bound(bench: Bench) -> None:
    bench.world.denied.add("team-b")
    bench.world.put(
        "/api/v1/namespaces/team-b", {"metadata": {"labels": {"tidegate.dev/tenant": "true"}}}
    )
    key = EndpointKey("team-b", "fraud")

    def unavailable_detail() -> str:
        snapshot = bench.cluster.observe(key)
        if isinstance(snapshot, Unavailable) and snapshot.lasting:
            return snapshot.detail
        return ""

    bench.until(lambda: "not permitted" in unavailable_detail())
    bench.world.denied.clear()
    bench.until(lambda: isinstance(bench.cluster.observe(key), Snapshot))
    # The binding is taken back: what was read must not be told any more
    bench.world.denied.add("team-b")
    bench.world.compact()
    bench.until(lambda: "not permitted" in unavailable_detail())
    bench.observe()  # the other tenant is not touched


def test_a_denial_that_lasts_a_moment_costs_a_moment(fake: tuple[FakeKubernetes, str]) -> None:
    """As by an API server that has just started and has not read its roles."""
    world, url = fake
    bench = bench_on(world, url, denied=600.0)
    bench.cluster.start()
    try:
        bench.until(lambda: isinstance(bench.cluster.observe(KEY), Snapshot))
        no = (
            403,
            {},
            status(403, "Forbidden", 'User "tidegate" cannot list resource "namespaces"'),
        )
        world.fail("GET", r"/namespaces\?", no, times=2)
        world.fail("GET", "inferenceservices", no, times=2)
        watches = len(bench.cluster.tenants.all())
        world.compact()  # every collection is read anew
        bench.until(lambda: not any(fault.times for fault in world.faults))
        bench.until(lambda: isinstance(bench.cluster.observe(KEY), Snapshot))
        assert len(bench.cluster.tenants.all()) == watches
    finally:
        bench.cluster.close()


def test_a_namespace_that_loses_its_label_is_left(bench: Bench) -> None:
    bench.world.drop("/api/v1/namespaces/team-a")  # as a watch by label tells it
    bench.until(lambda: isinstance(bench.cluster.observe(KEY), Unavailable))
    snapshot = bench.cluster.observe(KEY)
    assert isinstance(snapshot, Unavailable)
    assert "tidegate.dev/tenant=true" in snapshot.detail
    assert snapshot.lasting


def test_a_tenant_s_endpoints_are_looked_at_once_when_it_comes_and_when_it_goes(
    fake: tuple[FakeKubernetes, str],
) -> None:
    """Objects that went while nobody watched wake nobody."""
    world, url = fake
    bench, turned = bench_on(world, url), list[tuple[str, bool]]()

    def note(namespace: str) -> None:
        turned.append((namespace, isinstance(bench.cluster.observe(KEY), Snapshot)))

    bench.cluster.tenants.turned = note
    bench.cluster.start()
    try:
        bench.until(lambda: turned)
        world.put(f"{POD_PATH}/p1", pod("p1"))
        bench.until(lambda: names(bench.observe()) == {"Pod/p1"})
        assert turned == [("team-a", True)]
        taken = world.drop("/api/v1/namespaces/team-a")  # its label, as the watch by label tells it
        bench.until(lambda: len(turned) == 2)
        world.put(
            "/api/v1/namespaces/team-a", {"metadata": {"labels": taken["metadata"]["labels"]}}
        )
        bench.until(lambda: len(turned) == 3)
        world.denied.add("team-a")  # its binding goes, and comes back
        world.compact()
        bench.until(lambda: isinstance(bench.cluster.observe(KEY), Unavailable))
        world.denied.clear()
        bench.until(lambda: len(turned) == 4)
        assert turned[1:] == [("team-a", False), ("team-a", True), ("team-a", True)]
    finally:
        bench.cluster.close()


def test_a_service_of_somebody_else_is_seen_before_the_first_create(bench: Bench) -> None:
    key = EndpointKey("team-a", "shop")
    theirs = {"metadata": {"name": "shop"}, "spec": {"type": "ClusterIP"}}
    bench.world.put(f"{SERVICE_PATH}/shop", theirs)
    assert names(bench.observe(key)) == {"Service/shop"}
    requested = bench.world.count("GET", "/services/shop")
    bench.observe(key)
    assert bench.world.count("GET", "/services/shop") == requested  # not at every reconcile


class Silent:
    """The answer to a watch that says nothing until the reader gives up, by its own clock; and
    where nothing is kept."""

    def __init__(self) -> None:
        self.now = 1000.0

    def stream(self, size: int, decode_content: bool) -> Iterator[bytes]:
        self.now += 75.0
        raise ReadTimeoutError(HTTPConnectionPool("fake"), "/pods", "read timed out")
        yield b""

    def close(self) -> None:
        """Nothing to close."""

    def replace(self, items: Iterable[Mapping[str, Any]], version: str) -> frozenset[str]:
        return frozenset()

    def event(self, kind: str, item: Mapping[str, Any]) -> frozenset[str]:
        return frozenset()


class SilentApi:
    """A server whose watches say nothing, at these versions by turns. asked: what it was asked
    for."""

    def __init__(self, silent: Silent, *versions: str) -> None:
        self.asked: list[str] = []
        self._silent = silent
        self._versions = list(versions)

    def call(self, method: str, path: str, body: Any = None, **more: Any) -> Answer:
        self.asked.append("list")
        return Answer(200, {"metadata": {"resourceVersion": self._versions.pop(0)}, "items": []})

    def watch(self, path: str, query: Mapping[str, str], silence: float) -> Stream:
        self.asked.append(f"watch from {query['resourceVersion']}")
        return Stream(self._silent)


def test_silence_reads_the_collection_again_and_nobody_notices() -> None:
    """A connection that died without a word looks like silence; so does a watch from a version that
    a restored etcd has not come to, which would tell nothing of what was restored."""
    silent = Silent()
    api = SilentApi(silent, "900", "7", "8")
    reflector = Reflector(
        api, POD_PATH, {}, silent, lambda _: None, Timing(lost=0.0, clock=lambda: silent.now)
    )
    for _ in range(3):
        assert reflector.turn() == 0.0
        assert reflector.trouble(silent.now) is None
    assert api.asked == ["list", "watch from 900", "list", "watch from 7", "list", "watch from 8"]


def test_what_is_said_of_lost_contact_does_not_change_with_time() -> None:
    """It becomes every endpoint's status, and each change of one is an event."""
    silent = Silent()
    reflector = Reflector(
        SilentApi(silent, "7"),
        POD_PATH,
        {},
        silent,
        lambda _: None,
        Timing(clock=lambda: silent.now),
    )
    reflector.turn()
    assert reflector.trouble(silent.now) is None
    assert (
        reflector.trouble(silent.now + 500.0) == reflector.trouble(silent.now + 600.0) is not None
    )
    reflector.contact = replace(reflector.contact, broken="no route", broken_at=silent.now)
    assert reflector.trouble(silent.now + 20.0) == reflector.trouble(silent.now + 600.0)


def test_a_server_that_asks_for_time_gets_it(bench: Bench) -> None:
    reflector = bench.cluster.tenants.watch
    later = (429, {"Retry-After": "7"}, {"message": "too many requests"})
    bench.world.fail("GET", "/api/v1/namespaces\\?.*watch=true", later)
    assert reflector.turn() >= 7.0


def warning(name: str, about: str) -> dict[str, object]:
    involved = {"kind": "InferenceService", "name": about}
    return {"metadata": {"name": name}, "involvedObject": involved, "message": "denied"}


def test_a_warning_about_an_inference_service_wakes_its_endpoint_and_is_seen(bench: Bench) -> None:
    bench.world.put(f"{EVENT_PATH}/w1", warning("w1", "fraud-r2"))
    bench.world.put(f"{EVENT_PATH}/w2", warning("w2", "fraudulent"))
    bench.world.wait(lambda: KEY in bench.woken)
    assert names(bench.observe()) == {"Event/w1"}
    requested = bench.world.count(
        "GET", r"/events\?.*fieldSelector=involvedObject.kind%3DInferenceService%2Ctype%3DWarning"
    )
    assert requested >= 2, "its list and its watch"


def test_a_warning_about_a_pod_that_cannot_start_wakes_its_endpoint_and_is_seen(
    bench: Bench,
) -> None:
    pod = "fraud-r2-predictor-5d8f9c7b6-x2x9z"
    mount = warning("w1", pod)
    mount["involvedObject"] = {"kind": "Pod", "name": pod}
    bench.world.put(f"{EVENT_PATH}/w1", mount)
    bench.world.wait(lambda: KEY in bench.woken)
    assert names(bench.observe()) == {"Event/w1"}
    requests = bench.world.count("GET", r"/events\?.*fieldSelector=involvedObject.kind%3DPod%2C")
    assert requests >= 2, "its list and its watch"


def test_without_the_right_to_read_warnings_everything_else_goes_on(
    fake: tuple[FakeKubernetes, str],
) -> None:
    world, url = fake
    no = (403, {}, status(403, "Forbidden", 'User "tidegate" cannot list resource "events"'))
    world.fail("GET", r"/events\?", no, times=50)
    bench = bench_on(world, url)
    bench.cluster.start()
    try:
        bench.until(lambda: world.count("GET", r"/events\?") > 1)
        bench.until(lambda: isinstance(bench.cluster.observe(KEY), Snapshot))
        assert bench.cluster.tenants.denied("team-a") is None
    finally:
        bench.cluster.close()
