"""Uploads go where they were sent, in any order, by people with rights in one place and not in the
other; and a KFP that cannot run the templates gets none."""

from collections.abc import Sequence
from itertools import permutations
from typing import Any

import pytest

from tests.template_service.conftest import Make, Service
from tests.template_service.fake_kfp import FakeKfp
from tests.template_service.fake_pipelines import OWN_NAMESPACE

PROXY = {"peer": "10.1.2.3", "trusted_proxies": "10.1.0.0/16"}
SHARED = ""
TEMPLATES = 7


@pytest.fixture
def kfp() -> FakeKfp:
    """anna works in team-a, ben in team-b, and carla looks after what is shared."""
    users = {"anna": {"team-a"}, "ben": {"team-b"}, "carla": {OWN_NAMESPACE}}
    return FakeKfp(multi_user=True, users=users)


@pytest.fixture
def service(make: Make, kfp: FakeKfp) -> Service:
    return make(kfp, **PROXY)


def upload(service: Service, user: str, namespace: str, **more: Any) -> Any:
    headers = {"kubeflow-userid": user}
    body = {"namespace": namespace, **more}
    return service.call("POST", "/uploads", body, token=None, headers=headers)


def where(kfp: FakeKfp) -> dict[str, int]:
    """How many versions lie in each namespace; "" is shared by all."""
    home = {pipeline["pipeline_id"]: pipeline["namespace"] for pipeline in kfp.pipelines}
    counts: dict[str, int] = {}
    for version in kfp.versions:
        namespace = home[version["pipeline_id"]]
        counts[namespace] = counts.get(namespace, 0) + 1
    return counts


@pytest.mark.parametrize(
    "order", list(permutations([("anna", "team-a"), ("ben", "team-b"), ("carla", SHARED)]))
)
def test_each_upload_goes_to_its_own_place_in_any_order(
    service: Service, kfp: FakeKfp, order: Sequence[tuple[str, str]]
) -> None:
    for user, namespace in order:
        made = upload(service, user, namespace).json()["items"]
        assert [item["created"] for item in made] == [True] * TEMPLATES
    for user, namespace in reversed(order):
        again = upload(service, user, namespace).json()["items"]
        assert [item["created"] for item in again] == [False] * TEMPLATES
    assert where(kfp) == {"team-a": TEMPLATES, "team-b": TEMPLATES, SHARED: TEMPLATES}


def test_another_image_is_a_version_where_it_was_sent_and_nowhere_else(
    service: Service, kfp: FakeKfp
) -> None:
    upload(service, "carla", SHARED)
    upload(service, "anna", "team-a")
    upload(service, "carla", SHARED, image="registry.example.com/tidegate:0.2.0")
    assert where(kfp) == {SHARED: 2 * TEMPLATES, "team-a": TEMPLATES}


@pytest.mark.parametrize(
    ("user", "namespace", "there"),
    [
        ("anna", SHARED, "team-a"),
        ("anna", "team-b", "team-a"),
        ("carla", "team-a", SHARED),
        ("ben", SHARED, "team-b"),
    ],
)
def test_who_has_no_rights_there_uploads_nothing_anywhere(
    service: Service, kfp: FakeKfp, user: str, namespace: str, there: str
) -> None:
    """Although pipelines of these names exist where this person may write."""
    upload(service, user, there)
    before = where(kfp)
    answer = upload(service, user, namespace)
    assert (answer.status_code, answer.json()["code"]) == (403, "kfp-forbidden")
    assert where(kfp) == before


def test_who_may_only_read_there_is_told_what_is_missing(service: Service, kfp: FakeKfp) -> None:
    """KFP answers a missing permission as it answers a broken file."""
    upload(service, "anna", "team-a")
    kfp.readers["ben"] = {"team-a"}
    image = "registry.example.com/tidegate:0.2.0"
    answer = upload(service, "ben", "team-a", image=image)
    assert (answer.status_code, answer.json()["code"]) == (422, "kfp-refused")
    assert "this identity may not create pipelines there" in answer.json()["detail"]
    assert where(kfp) == {"team-a": TEMPLATES}


def test_what_was_uploaded_meanwhile_counts_as_there(service: Service, kfp: FakeKfp) -> None:
    """Two people at the same time: the second one's pipeline is answered with a conflict."""
    listed = kfp._list_pipelines
    looked_for: set[str] = set()

    def once_blind(request: Any, body: Any) -> Any:
        name = request.url.params["filter"]
        if name in looked_for:
            return listed(request, body)
        looked_for.add(name)
        return {}

    upload(service, "carla", SHARED)
    kfp._list_pipelines = once_blind  # type: ignore[method-assign]
    again = upload(service, "carla", SHARED).json()["items"]
    assert [item["created"] for item in again] == [False] * TEMPLATES
    assert where(kfp) == {SHARED: TEMPLATES}


@pytest.mark.parametrize("multi_user", [False, True])
def test_where_pipelines_are_objects_the_shared_ones_lie_in_kfps_own_namespace(
    make: Make, multi_user: bool
) -> None:
    kfp = FakeKfp(multi_user=multi_user, objects=True, users={"carla": {OWN_NAMESPACE, "team-a"}})
    service = make(kfp, **PROXY)
    upload(service, "carla", "team-a")
    for created in (multi_user, False):
        made = upload(service, "carla", SHARED).json()["items"]
        assert [item["created"] for item in made] == [created] * TEMPLATES
    if multi_user:
        assert where(kfp) == {OWN_NAMESPACE: TEMPLATES, "team-a": TEMPLATES}
    else:
        assert where(kfp) == {OWN_NAMESPACE: TEMPLATES}


@pytest.mark.parametrize("release", ["2.14.4", "2.4.1", "2.0.0-rc.2", "v2.14.0", "1.8.22"])
def test_a_kfp_that_is_too_old_gets_nothing(make: Make, release: str) -> None:
    kfp = FakeKfp(release=release)
    service = make(kfp)
    for answer in (service.submit(), service.call("POST", "/uploads", {})):
        assert (answer.status_code, answer.json()["code"]) == (409, "kfp-too-old")
        detail = answer.json()["detail"]
        assert f"KFP at http://kfp is {release}, and the templates need 2.15 or newer" in detail
        assert detail.endswith("nothing was sent: upgrade KFP to 2.15 or newer")
    assert [call["method"] for call in kfp.seen] == ["GET"] * len(kfp.seen)
    assert (kfp.experiments, kfp.runs, kfp.pipelines) == ([], [], [])
    assert service.call("GET", "/runs").status_code == 200, "what is there is still read"


@pytest.mark.parametrize("release", ["2.15.0", "2.17.0", "v2.16.1", "3.0.0", "2.15.0-rc.1"])
def test_a_kfp_that_is_new_enough_gets_them(make: Make, release: str) -> None:
    service = make(FakeKfp(release=release))
    assert service.submit().status_code == 201


@pytest.mark.parametrize("release", ["", "unknown", "test", "2a34bcd", "nightly-2.14"])
def test_a_build_that_does_not_say_its_release_is_tried(make: Make, release: str) -> None:
    """And what an old one answers to a run is told as what it is."""
    kfp = FakeKfp(release=release)
    service = make(kfp)
    assert service.submit().status_code == 201
    kfp.knows_optional = False
    answer = service.submit()
    assert (answer.status_code, answer.json()["code"]) == (502, "kfp-failed")
    assert "it is older than 2.15, which the templates need: upgrade it" in answer.json()["detail"]
    assert len(kfp.runs) == 1
