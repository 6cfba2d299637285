"""The garbage collector: what names an owner that is gone, or another object of that name, goes
too."""

from tidegate_local.played.api import kind_of
from tidegate_local.played.workloads import alive
from tidegate_local.played.world import World


def reconcile(world: World) -> None:
    """One pass: children go one generation at a time, as in a cluster."""
    for obj in world.objects.all():
        metadata = obj["metadata"]
        for reference in metadata.get("ownerReferences", ()):
            kind = type(kind_of(obj))(reference["apiVersion"], reference["kind"])
            parent = world.objects.get(kind, metadata["namespace"], reference["name"])
            if (parent is None or parent["metadata"]["uid"] != reference["uid"]) and alive(obj):
                world.objects.delete(
                    kind_of(obj), metadata["namespace"], metadata["name"], metadata["uid"]
                )
