"""Every split of traffic that a real data plane is told, by watches of routes and of Knative's
ingresses."""

import threading
from collections.abc import Callable, Mapping
from typing import Any

from tests.conformance.states import Split
from tidegate.core.drivers.rendering import REVISION, parse_label
from tidegate.core.intent import EndpointKey
from tidegate.deploy_worker.kubernetes.api import KubeApi, Stream
from tidegate_local.devcluster.kube import Kube

PATHS = (
    "/apis/gateway.networking.k8s.io/v1/httproutes",
    "/apis/networking.internal.knative.dev/v1alpha1/ingresses",
)
SILENCE_S = 3600.0
UNKNOWN = -1  # no revision of ours
Named = tuple[tuple[str, float], ...]  # backend or Knative revision, percent


class Splits:
    """See the module. `wake` is called with the namespace of each event."""

    def __init__(self, api: KubeApi, kube: Kube, wake: Callable[[str], None]) -> None:
        self._api = api
        self._kube = kube
        self._wake = wake
        self._lock = threading.Lock()
        self._told: dict[EndpointKey, list[Named]] = {}
        self._numbers: dict[EndpointKey, dict[str, int]] = {}
        self._streams = [self._begin(path) for path in PATHS]
        self._threads = [
            threading.Thread(target=self._read, args=(stream,)) for stream in self._streams
        ]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """End."""
        for stream in self._streams:
            stream.abort()
        for thread in self._threads:
            thread.join()

    def of(self, key: EndpointKey) -> list[Split]:
        """What is new of an endpoint, oldest first."""
        with self._lock:
            messages = self._told.pop(key, [])
        return [self._numbered(key, named) for named in messages]

    def trouble(self) -> list[str]:
        """Watches that broke: what happened since then was not seen."""
        return [stream.trouble for stream in self._streams if stream.trouble]

    def _begin(self, path: str) -> Stream:
        stream = self._api.watch(path, {"timeoutSeconds": f"{SILENCE_S:.0f}"}, SILENCE_S)
        assert isinstance(stream, Stream), stream
        return stream

    def _read(self, stream: Stream) -> None:
        for event in stream:
            item = event["object"]
            if "metadata" not in item or "name" not in item["metadata"]:
                continue
            meta = item["metadata"]
            gone = event["type"] == "DELETED"
            route = item["kind"] == "HTTPRoute"
            key = EndpointKey(
                meta["namespace"],
                meta["name"] if route else meta["name"].removesuffix("-predictor"),
            )
            messages: Named = () if gone else _by_route(item) if route else _by_ingress(item)
            with self._lock:
                self._told.setdefault(key, []).append(messages)
            self._wake(key.namespace)

    def _numbered(self, key: EndpointKey, named: Named) -> Split:
        result: Split = {}
        # the route is gone, and with it the revisions: those of the next one have the same names
        if not named:
            self._numbers.pop(key, None)
        for name, percent in named:
            number = self._number(key, name)
            result[number] = result.get(number, 0) + percent
        return result

    def _number(self, key: EndpointKey, name: str) -> int:
        """Ours of a backend `<endpoint>-r<n>-predictor` or of a Knative revision."""
        number = parse_label(name.removesuffix("-predictor").rpartition("-")[2])
        if number is not None:
            return number
        known = self._numbers.setdefault(key, {})
        if name not in known:
            manifest = self._kube.get(
                self._kube.path("serving.knative.dev/v1", "Revision", key.namespace, name)
            )
            if manifest is None:
                return UNKNOWN
            number = parse_label(manifest["metadata"]["labels"].get(REVISION, ""))
            known[name] = UNKNOWN if number is None else number
        return known[name]


def _by_route(item: Mapping[str, Any]) -> Named:
    rules = item["spec"].get("rules") or ()
    http = [
        rule
        for rule in rules
        if "/" in [m.get("path", {}).get("value", "/") for m in rule.get("matches") or [{}]]
    ]
    return tuple(
        (ref["name"], ref.get("weight", 1))
        for ref in (http[0].get("backendRefs") or () if http else ())
    )


def _by_ingress(item: Mapping[str, Any]) -> Named:
    """The rule of the durable name; those of tags (`latest-…`) are other hosts."""
    name = item["metadata"]["name"]
    namespace = item["metadata"]["namespace"]
    for rule in item["spec"].get("rules") or ():
        if any(host.startswith(f"{name}.{namespace}") for host in rule["hosts"]):
            splits = rule["http"]["paths"][0]["splits"]
            return tuple((split["serviceName"], split.get("percent", 0)) for split in splits)
    return ()
