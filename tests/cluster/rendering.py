"""What the drivers write for an intent, without a worker: to be applied as it is."""

from dataclasses import replace

from tidegate.core.drivers import Platform, driver_for
from tidegate.core.drivers.base import Memory
from tidegate.core.intent import EndpointKey, Intent, Mode, Model, Revision, Runtime, Scaling
from tidegate.core.ports import Apply, Snapshot
from tidegate_local.devcluster.kube import Json

PLATFORM = Platform(
    "store", prometheus="http://prometheus.monitoring:9090", trigger_authentication="prometheus"
)


def revision(number: int, runtime: Runtime) -> Revision:
    """A revision of add_sub."""
    model = Model("add_sub", str(number), f"s3://models/add_sub/{number}/", f"sha256-{number}")
    return Revision(number, model, runtime, f"sha256-{number}")


def rendered(key: EndpointKey, mode: Mode, scaling: Scaling, runtime: Runtime) -> Json:
    """The InferenceService of r1, written onto nothing."""
    intent = Intent(key, 1, mode, 1, scaling=scaling)
    revisions = {1: revision(1, runtime)}
    seen = Snapshot(key, ())
    driver = driver_for(mode, PLATFORM)
    for _ in range(3):  # the generation is written before it, alone
        plan = driver.writes(
            intent, revisions, seen, driver.read(key, revisions, seen), Memory(), 0.0
        )
        writes = [a.manifest for a in plan.writes if isinstance(a, Apply)]
        for manifest in writes:
            if manifest["kind"] == "InferenceService":
                return dict(manifest)
        there = ({**item, "metadata": {**item["metadata"], "uid": "u"}} for item in writes)
        seen = replace(seen, objects=(*seen.objects, *there))
    raise AssertionError("no InferenceService was written")
