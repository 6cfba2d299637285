"""Where one revision alone answers, past the route that splits the endpoint's traffic: for smoke
tests and people.

Standard: the Service that KServe makes for each InferenceService, port 80, plain HTTP inside the
cluster. Knative: the URL of traffic tag `latest` (tag routing is switched on when the endpoint is
made), which is the head; gRPC where that is the protocol, because a Knative revision has one port.
"""

from collections.abc import Mapping
from typing import Any

from tidegate.core.intent import Protocol, Revision
from tidegate.core.ports import Manifest

LATEST = "latest"


def standard(isvc: Manifest) -> str:
    """Of an InferenceService of one revision: what KServe says, else the name it will give its
    Service."""
    url = ((isvc.get("status") or {}).get("address") or {}).get("url")
    metadata = isvc["metadata"]
    return str(
        url or f"http://{metadata['name']}-predictor.{metadata['namespace']}.svc.cluster.local"
    )


def knative(status: Mapping[str, Any], name: str, revision: Revision | None) -> str | None:
    """Of a Knative revision: the URL of its tag. status: of the InferenceService's predictor. None:
    it has no tag."""
    tagged = (
        t
        for t in status.get("traffic") or ()
        if t.get("tag") == LATEST and t.get("revisionName") == name
    )
    url = next((str(t["url"]) for t in tagged if t.get("url")), None)
    if url is None or revision is None or revision.runtime.protocol is not Protocol.GRPC_V2:
        return url
    return url.replace("https://", "grpcs://", 1).replace("http://", "grpc://", 1)
