"""Which autoscaler a revision has, from its begin to its end."""

from dataclasses import replace

import pytest

from tidegate.core.drivers import Platform, StandardDriver, route
from tidegate.core.drivers.base import Memory
from tidegate.core.drivers.rendering import AUTOSCALER
from tidegate.core.intent import EndpointKey, Intent, Mode, Model, Revision, Runtime, Scaling
from tidegate.core.ports import Apply, Snapshot
from tidegate.core.traffic import desired

KEY = EndpointKey("team", "fraud")
PLATFORM = Platform("store")
INTENT = Intent(KEY, 3, Mode.STANDARD, 1)
REVISIONS = {
    n: Revision(n, Model("fraud", str(n), "s3://models/fraud/", f"sha256-{n}"), Runtime(), "")
    for n in (1, 2)
}


def services(intent: Intent, *there: dict[str, object]) -> dict[str, dict[str, object]]:
    """What the driver writes of InferenceServices, by name; `there`: those that exist."""
    traffic = desired(replace(intent, candidate=None))
    assert traffic is not None
    stamped = route.render(intent, traffic, (1,), PLATFORM)
    stamped["metadata"]["uid"] = "u"
    driver = StandardDriver(PLATFORM)
    snapshot = Snapshot(KEY, (stamped, *there))
    plan = driver.writes(
        intent, REVISIONS, snapshot, driver.read(KEY, REVISIONS, snapshot), Memory(), 0.0
    )
    writes = [write.manifest for write in plan.writes if isinstance(write, Apply)]
    return {
        item["metadata"]["name"]: dict(item)
        for item in writes
        if item["kind"] == "InferenceService"
    }


def kind(isvc) -> str:
    return isvc["metadata"]["annotations"][AUTOSCALER]


@pytest.mark.parametrize(
    ("scaling", "desired"),
    [(Scaling(1, 4), "hpa"), (Scaling(2, 2), "none"), (Scaling(1, 4, keda=True), "keda")],
)
def test_the_class_follows_the_bounds(scaling: Scaling, desired: str) -> None:
    made = services(replace(INTENT, scaling=scaling))["fraud-r1"]
    assert kind(made) == desired
    assert ("autoScaling" in made["spec"]["predictor"]) == (desired == "keda")


@pytest.mark.parametrize("before", [False, True])
def test_keda_comes_and_goes_with_a_new_revision_only(before: bool) -> None:
    """KServe leaves the HPA or the ScaledObject of the class before behind."""
    old = services(replace(INTENT, scaling=Scaling(1, 4, keda=before)))["fraud-r1"]
    old["metadata"]["uid"] = "u1"
    changed = replace(INTENT, scaling=Scaling(1, 6, keda=not before), candidate=2)
    result = services(changed, old)
    assert kind(result["fraud-r1"]) == kind(old)
    assert result["fraud-r1"]["spec"]["predictor"]["maxReplicas"] == 6
    assert ("autoScaling" in result["fraud-r1"]["spec"]["predictor"]) == before
    assert kind(result["fraud-r2"]) == ("hpa" if before else "keda")
