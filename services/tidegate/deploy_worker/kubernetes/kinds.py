"""Which kinds are watched, where the API serves them, and which endpoints an object concerns."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tidegate.core.drivers.rendering import ENDPOINT, ISVC_LABEL

Object = Mapping[str, Any]
_REVISION_SUFFIX = re.compile(r"-r\d+$")
_NOTE_SUFFIX = "-tidegate"
_PREDICTOR = "-predictor"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind as the API serves it. selector, fields: of its watch, '' for all. What KServe makes is
    selected by KServe's label, because what it made of an adopted InferenceService carries none of
    ours; kinds whose names we claim are watched whole where they are few, so that an object of
    somebody else that holds one of them is seen."""

    api_version: str
    kind: str
    plural: str
    selector: str = ENDPOINT
    fields: str = ""

    @property
    def root(self) -> str:
        """The path of its group and version."""
        if "/" in self.api_version:
            return f"/apis/{self.api_version}"
        return f"/api/{self.api_version}"

    @property
    def selection(self) -> dict[str, str]:
        """The query of its watch."""
        selectors = {"labelSelector": self.selector, "fieldSelector": self.fields}
        return {name: value for name, value in selectors.items() if value}

    def path(self, namespace: str, name: str = "") -> str:
        """The path of one object, or of the namespace's collection."""
        collection = f"{self.root}/namespaces/{namespace}/{self.plural}"
        if name:
            return f"{collection}/{name}"
        return collection


ISVC = Kind("serving.kserve.io/v1beta1", "InferenceService", "inferenceservices", "")
HTTP_ROUTE = Kind("gateway.networking.k8s.io/v1", "HTTPRoute", "httproutes", "")
DEPLOYMENT = Kind("apps/v1", "Deployment", "deployments", ISVC_LABEL)
POD = Kind("v1", "Pod", "pods", ISVC_LABEL)
SERVICE = Kind("v1", "Service", "services")
CONFIG_MAP = Kind("v1", "ConfigMap", "configmaps")
REVISION = Kind("serving.knative.dev/v1", "Revision", "revisions", ISVC_LABEL)
WATCHED = (ISVC, HTTP_ROUTE, DEPLOYMENT, POD, SERVICE, CONFIG_MAP, REVISION)
WARNING = Kind("v1", "Event", "events", "", "involvedObject.kind=InferenceService,type=Warning")
# What holds up a pod before its containers start, as a mount that fails; the rest its status tells.
POD_WARNING = Kind(
    "v1",
    "Event",
    "events",
    "",
    "involvedObject.kind=Pod,type=Warning,reason!=BackOff,reason!=Failed,reason!=FailedScheduling,"
    "reason!=Unhealthy",
)
# Words for people: where they may not be read, everything else goes on without them
HEARSAY = (WARNING, POD_WARNING)
WRITTEN = (ISVC, HTTP_ROUTE, SERVICE, CONFIG_MAP)


def written(api_version: str, kind: str) -> Kind | None:
    """The kind of a write; None for one that no driver writes."""
    return next(
        (item for item in WRITTEN if (item.api_version, item.kind) == (api_version, kind)), None
    )


def names_of(endpoint: str) -> tuple[tuple[Kind, str], ...]:
    """Names that an endpoint may claim in kinds that are watched by label only."""
    return (SERVICE, endpoint), (CONFIG_MAP, f"{endpoint}{_NOTE_SUFFIX}")


def endpoints_of(item: Object) -> frozenset[str]:
    """The names of every endpoint that an object concerns: by our label, by KServe's label on what
    it made of an InferenceService, by the InferenceService that a warning is about or whose pod it
    is about, and by the names that an endpoint claims."""
    meta = item["metadata"]
    kind = item["kind"]
    labels = meta.get("labels") or {}
    if ENDPOINT in labels:
        names = {labels[ENDPOINT]}
    else:
        names = set()
    if kind == ISVC.kind:
        isvc = meta["name"]
    else:
        isvc = labels.get(ISVC_LABEL)
    if kind == WARNING.kind:
        about = item["involvedObject"]
        isvc = about["name"]
        if about.get("kind") == POD.kind:  # named after its Deployment
            isvc = isvc.rpartition(_PREDICTOR)[0]
    if isvc:
        names |= {isvc, _REVISION_SUFFIX.sub("", isvc)}
    if kind in (HTTP_ROUTE.kind, SERVICE.kind):
        names.add(meta["name"])
    if kind == CONFIG_MAP.kind:
        names.add(meta["name"].removesuffix(_NOTE_SUFFIX))
    return frozenset(names)
