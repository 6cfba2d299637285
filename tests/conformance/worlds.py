"""What a script needs of a control plane, the fake or the real one."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from tests.conformance.states import Split
from tidegate.core.drivers.rendering import ENDPOINT, Platform
from tidegate.core.intent import EndpointKey
from tidegate.core.ports import Apply, Cluster, Manifest, Snapshot, Unavailable, Write, WriteResult

HOLD = "dev.tidegate.dev/hold"  # on every pod of a script: it gets ready when the world lets it
STORE = "00000000-0000-4000-8000-00000000c0fe"
ENDED = 1.0  # seconds that a revision drains, and that a lost candidate must be ready again


class World(Protocol):
    """One endpoint's control plane. quiet: seconds without any change after which things are at
    rest. patience: seconds that a step may take."""

    key: EndpointKey
    platform: Platform
    cluster: "Gated"
    quiet: float
    patience: float

    def now(self) -> float:
        """Epoch seconds."""

    def advance(self, tick: Callable[[], object]) -> None:
        """Let the controllers do a little; `tick` is called whenever something changed."""

    def splits(self) -> list[Split]:
        """What the data plane was told since the last call, oldest first; what it was told last
        when it is empty."""

    def hold(self, revision: int) -> None:
        """New pods of a revision do not get ready; those that run go on."""

    def release(self, revision: int) -> None:
        """They do, those that wait too."""

    def crash(self, revision: int) -> None:
        """New pods of a revision crash again and again."""

    def kill(self, revision: int) -> None:
        """Somebody deletes every pod of a revision."""

    def zero(self) -> None:
        """Knative's autoscaler takes, after its shortest window, what is not needed; before
        anything is deployed."""

    def ask(self, revision: int, requests: float) -> None:
        """So many requests for a revision are under way at any time from now on."""

    def get(self, kind: str, name: str) -> Manifest | None:
        """An object as its admin sees it."""

    def put(self, manifest: Manifest) -> None:
        """Somebody else makes an object."""

    def edit(self, kind: str, name: str, change: Mapping[str, Any]) -> None:
        """Somebody else's JSON merge patch; returns when the worker can see it."""

    def delete(self, kind: str, name: str) -> None:
        """Somebody else deletes an object; returns when the worker can see it."""


class Gated:
    """A Cluster whose InferenceServices carry the label that makes their pods wait for the world's
    word. annotations: what else their pods carry."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self.annotations: Mapping[str, str] = {}

    def observe(self, key: EndpointKey) -> Snapshot | Unavailable:
        """As it is."""
        return self._cluster.observe(key)

    def write(self, write: Write, *, dry_run: bool = False) -> WriteResult:
        """The write, with the label."""
        if isinstance(write, Apply) and write.manifest["kind"] == "InferenceService":
            predictor = dict(write.manifest["spec"]["predictor"])
            predictor["labels"] = {**predictor.get("labels", {}), HOLD: "true"}
            if self.annotations:
                predictor["annotations"] = {**predictor.get("annotations", {}), **self.annotations}
            write = Apply(
                {**write.manifest, "spec": {"predictor": predictor}}, write.uid, write.message
            )
        return self._cluster.write(write, dry_run=dry_run)


def strangers(key: EndpointKey) -> tuple[dict[str, Any], ...]:
    """Objects of somebody else beside the endpoint's."""
    meta = {"namespace": key.namespace, "labels": {"app.kubernetes.io/managed-by": "somebody"}}
    route = {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {**meta, "name": f"{key.name}ster"},
        "spec": {
            "parentRefs": [{"name": "other"}],
            "rules": [{"backendRefs": [{"name": "other", "port": 80}]}],
        },
    }
    note = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {**meta, "name": f"{key.name}-notes", "labels": {ENDPOINT: "another"}},
        "data": {"said": "mine"},
    }
    return route, note


def content(manifest: Manifest | None) -> Any:
    """What of an object is its owner's: all but what the API server and controllers keep."""
    if manifest is None:
        return None
    meta = {
        k: manifest["metadata"].get(k)
        for k in ("name", "namespace", "uid", "labels", "annotations")
    }
    return {**{k: v for k, v in manifest.items() if k != "status"}, "metadata": meta}
