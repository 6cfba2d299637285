"""Knative mode as the real controllers were seen to do it: the order of writes is everything."""

from tests.simulation.lab import Lab
from tests.simulation.manifests import knative
from tidegate_local.played.api import ISVC, REVISION


def deployed() -> Lab:
    """r1 serves everything."""
    lab = Lab()
    lab.apply(knative("fraud", 1))
    lab.settle()
    return lab


def rollout(percent: int) -> Lab:
    """r1 stable, r2 on rollout."""
    lab = deployed()
    lab.apply(knative("fraud", 2, percent))
    lab.settle()
    return lab


def test_first_deploy_ignores_the_percent_and_gives_everything_to_the_only_revision() -> None:
    lab = Lab()
    lab.apply(knative("fraud", 1, 10))
    lab.settle()
    assert lab.knative_traffic("fraud") == "00001 latest 10, 00001 90 prev"
    assert lab.pointers("fraud")["latestRolledoutRevision"] == "fraud-predictor-00001"
    assert lab.shares("fraud") == {"r1": 100}


def test_model_and_percent_in_one_write_keep_the_share_on_the_old_revision_until_the_new_is_ready() -> (
    None
):
    lab = deployed()
    lab.kubelet.hang("fraud-v2")
    lab.apply(knative("fraud", 2, 10))
    lab.settle()
    assert lab.shares("fraud") == {"r1": 100}
    lab.kubelet.heal("fraud-v2")
    lab.settle()
    assert lab.knative_traffic("fraud") == "00002 latest 10, 00001 90 prev"
    assert lab.shares("fraud") == {"r2": 10, "r1": 90}


def test_percents_rise_without_a_new_revision_and_dropping_the_percent_promotes() -> None:
    lab = rollout(10)
    for percent in (25, 50):
        lab.apply(knative("fraud", 2, percent))
        lab.settle()
    lab.apply(knative("fraud", 2))
    lab.settle()
    assert lab.names(REVISION) == ["fraud-predictor-00001", "fraud-predictor-00002"]
    assert lab.knative_traffic("fraud") == "00002 latest 100"
    assert lab.pointers("fraud")["latestRolledoutRevision"] == "fraud-predictor-00002"
    assert lab.pointers("fraud")["previousRolledoutRevision"] == "fraud-predictor-00001"
    assert [share.get("r2", 0) for share in lab.history("fraud")] == [0, 10, 25, 50, 100]


def test_model_without_a_percent_takes_everything_as_soon_as_it_is_ready() -> None:
    lab = deployed()
    lab.apply(knative("fraud", 2))
    lab.settle()
    assert lab.shares("fraud") == {"r2": 100}


def test_naive_abort_sends_everything_to_the_bad_revision() -> None:
    lab = rollout(10)
    lab.kubelet.hang("fraud-v1")  # the restored revision takes its time
    lab.apply(knative("fraud", 1))
    lab.settle()
    assert lab.knative_traffic("fraud") == "00002 latest 100"
    assert lab.shares("fraud") == {"r2": 100}
    assert lab.pointers("fraud")["latestRolledoutRevision"] == "fraud-predictor-00002"
    lab.kubelet.heal("fraud-v1")
    lab.settle()
    assert lab.shares("fraud") == {"r1": 100}
    assert lab.pointers("fraud")["previousRolledoutRevision"] == "fraud-predictor-00002"


def test_safe_abort_never_gives_the_bad_revision_more_than_it_had() -> None:
    lab = rollout(10)
    lab.apply(knative("fraud", 2, 0))
    lab.settle()
    assert lab.knative_traffic("fraud") == "00002 latest 0, 00001 100 prev"
    lab.kubelet.hang("fraud-v1")
    lab.kubelet.heal("00001-deployment")  # the old pods keep running, only new ones hang
    lab.apply(knative("fraud", 1, 0))
    lab.settle()
    assert lab.knative_traffic("fraud") == "00002 latest 0, 00001 100 prev"
    lab.kubelet.heal("fraud-v1")
    lab.settle()
    assert (
        lab.pointers("fraud")["latestReadyRevision"]
        == lab.pointers("fraud")["latestCreatedRevision"]
    )
    lab.apply(knative("fraud", 1))
    lab.settle()
    assert lab.knative_traffic("fraud") == "00003 latest 100"
    assert max(share.get("r2", 0) for share in lab.history("fraud")) == 10


def test_pointer_flips_back_when_a_percent_meets_the_gap_before_the_new_revision() -> None:
    """r2 is promoted. r3 is written at 10 %: the route moves before the Configuration makes its
    Revision."""
    lab = rollout(10)
    lab.apply(knative("fraud", 2))
    lab.settle()
    lab.apply(knative("fraud", 3, 10))
    late = ("knative-configuration", "knative-revision")
    lab.kubelet.hang("fraud-v3")
    lab.step("kserve")  # writes the new template and [latest 10, r2 90]
    lab.steps_without(*late)
    assert lab.pointers("fraud")["latestRolledoutRevision"] == "fraud-predictor-00001"
    assert lab.shares("fraud") == {"r2": 10, "r1": 90}  # stable r2 lost 90 % of its requests to r1


def test_without_the_gap_the_pointer_stays() -> None:
    lab = rollout(10)
    lab.apply(knative("fraud", 2))
    lab.settle()
    lab.kubelet.hang("fraud-v3")
    lab.apply(knative("fraud", 3, 10))
    lab.step("kserve", "knative-service", "knative-configuration", "knative-revision")
    lab.settle()
    assert lab.pointers("fraud")["latestRolledoutRevision"] == "fraud-predictor-00002"
    assert lab.shares("fraud") == {"r2": 100}


def test_an_annotation_makes_a_new_revision_and_moves_all_traffic() -> None:
    lab = deployed()
    lab.objects.edit(ISVC, "team", "fraud", {"metadata": {"annotations": {"note": "hello"}}})
    lab.settle()
    assert lab.names(REVISION) == ["fraud-predictor-00001", "fraud-predictor-00002"]
    assert lab.knative_traffic("fraud") == "00002 latest 100"


def test_a_change_of_min_replicas_during_a_rollout_replaces_the_candidate() -> None:
    lab = rollout(10)
    lab.apply(knative("fraud", 2, 10, minReplicas=2))
    lab.settle()
    assert lab.knative_traffic("fraud") == "00003 latest 10, 00001 90 prev"


def test_revision_that_never_gets_ready_leaves_the_traffic_and_says_why() -> None:
    lab = deployed()
    lab.kubelet.crash("fraud-v2", "unexpected shape of OUTPUT0")
    lab.apply(knative("fraud", 2, 10))
    lab.settle()
    isvc = lab.get(ISVC, "fraud")
    words = {c["type"]: c["status"] for c in isvc["status"]["conditions"]}
    assert words["PredictorReady"] == "False"
    assert lab.shares("fraud") == {"r1": 100}
    assert (
        isvc["status"]["modelStatus"]["lastFailureInfo"]["message"] == "unexpected shape of OUTPUT0"
    )
    pointers = lab.pointers("fraud")
    assert (pointers["latestReadyRevision"], pointers["latestCreatedRevision"]) == (
        "fraud-predictor-00001",
        "fraud-predictor-00002",
    )


def test_percent_out_of_range_is_refused_by_knative_only_and_the_status_stays() -> None:
    lab = deployed()
    lab.apply(knative("fraud", 1, 150))
    lab.settle()
    assert "expected 0 <= 150 <= 100" in lab.plane.world.events[-1]
    assert lab.knative_traffic("fraud") == "00001 latest 100"


def seen_of_r1(lab: Lab) -> tuple[str, str, int]:
    """Active, Ready, and how many pods."""
    status = lab.get(REVISION, "fraud-predictor-00001")["status"]
    words = {c["type"]: c["status"] for c in status["conditions"]}
    return words["Active"], words["Ready"], status["actualReplicas"]


def test_scaled_to_zero_still_counts_as_ready() -> None:
    lab = Lab()
    lab.apply(knative("fraud", 1, minReplicas=0))
    lab.settle()
    lab.settle(seconds=61)
    assert seen_of_r1(lab) == ("False", "True", 1), (
        "inactive first: by the grace period's end the activator answers"
    )
    lab.settle(seconds=31)
    lab.settle(seconds=1)
    assert seen_of_r1(lab) == ("False", "True", 0)
    assert lab.knative_traffic("fraud") == "00001 latest 100"


def test_what_knative_does_not_let_into_a_revision_is_refused_when_kserve_writes_it() -> None:
    for change, words in (
        (
            {"ports": [{"containerPort": 8080}, {"containerPort": 8002}]},
            "more than one container port",
        ),
        ({"ports": [{"name": "http", "containerPort": 8080}]}, "Port name http is not allowed"),
        ({"lifecycle": {"preStop": {"sleep": {"seconds": 5}}}}, "must not set the field(s)"),
    ):
        lab = Lab()
        manifest = knative("fraud", 1)
        manifest["spec"]["predictor"]["model"].update(change)
        lab.apply(manifest)
        lab.settle()
        assert words in lab.plane.world.events[-1]
        assert lab.names(REVISION) == []
