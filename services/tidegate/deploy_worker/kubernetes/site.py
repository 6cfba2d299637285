"""`preflight.site.Site` on a real cluster: tenants, quotas, nodes, what KServe would make, and who
counts.

Everything here is read at the moment of the question; what Tidegate's roles do not permit is told,
never assumed.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any

from tidegate.core.adopted_runtime import mode_of
from tidegate.core.drivers.rendering import number_of
from tidegate.core.intent import EndpointKey, Mode, Runtime
from tidegate.core.ports import Manifest, Snapshot, Unavailable
from tidegate.core.preflight import Finding, Level
from tidegate.deploy_worker.kubernetes import children
from tidegate.deploy_worker.kubernetes.api import Answer, Api
from tidegate.deploy_worker.kubernetes.listing import Unread, pages
from tidegate.deploy_worker.kubernetes.nodes import PLACED, node_of, others_of, own_of
from tidegate.deploy_worker.kubernetes.pods import amounts, ended, pod_of, present_of
from tidegate.deploy_worker.kubernetes.watched_tenants import Tenants
from tidegate.deploy_worker.preflight.places import Amounts
from tidegate.deploy_worker.preflight.site import Budget, Made, Pod, Quota

PODS_S = (
    4.0  # for all pods of the cluster: what is free is worth a moment, and not the whole answer
)
Evidence = Callable[[EndpointKey, Mode, Runtime], tuple[str, ...]]
_SERVING = "/apis/serving.kserve.io/v1alpha1"
_PLURALS = {
    "Pod": "pods",
    "Deployment": "deployments",
    "HorizontalPodAutoscaler": "horizontalpodautoscalers",
    "ScaledObject": "scaledobjects",
}
_UNTOLD = "what other pods take on the nodes: only what the nodes offer was compared"
_BIND = (
    "; bind ClusterRole tidegate-capacity to the worker in the whole cluster "
    "(the chart's rbac.readAllPods) to check it"
)
_NO_RIGHT = (
    "cannot create resource"  # RBAC's own words; webhooks and policies refuse with the same status
)


class KubernetesSite:
    """See the module. grows: nodes come when pods wait for them. untold: which requests
    without an answer nobody counts, by mode and runtime. timeout: seconds of one call.
    clock: monotonic seconds."""

    def __init__(
        self,
        api: Api,
        tenants: Tenants,
        evidence: Evidence,
        *,
        grows: bool,
        untold: Callable[[Mode, Runtime], tuple[str, ...]] = lambda _mode, _runtime: (),
        timeout: float = 5.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._api = api
        self._tenants = tenants
        self._evidence = evidence
        self._grows = grows
        self._untold = untold
        self._timeout = timeout
        self._clock = clock

    def denied(self, namespace: str) -> str | None:
        """See Site."""
        return self._tenants.denied(namespace)

    def evidence(self, key: EndpointKey, mode: Mode, runtime: Runtime) -> tuple[str, ...]:
        """See Site."""
        return self._evidence(key, mode, runtime)

    def untold(self, mode: Mode, runtime: Runtime) -> tuple[str, ...]:
        """See Site."""
        return self._untold(mode, runtime)

    def budget(self, snapshot: Snapshot) -> Budget:
        """See Site."""
        unread: list[str] = []
        path = f"/api/v1/namespaces/{snapshot.key.namespace}/resourcequotas"
        quotas = self._items(path, "quotas", unread)
        whole = [
            q for q in quotas if not (q["spec"].get("scopes") or q["spec"].get("scopeSelector"))
        ]
        unread += [
            f"quota {q['metadata']['name']!r} counts only some pods"
            for q in quotas
            if q not in whole
        ]
        nodes = tuple(node_of(node) for node in self._items("/api/v1/nodes", "nodes", unread))
        others = None
        if nodes and not self._grows:
            others = self._others(snapshot, unread)
        return Budget(
            tuple(_quota(quota) for quota in whole),
            nodes,
            present_of(snapshot),
            self._grows,
            tuple(unread),
            own_of(snapshot),
            others,
        )

    def _others(self, snapshot: Snapshot, unread: list[str]) -> Mapping[str, Amounts] | None:
        """What pods of the whole cluster take; not asked for where nodes come when pods wait for
        them."""
        ends = self._clock() + PODS_S
        try:
            pods = pages(
                self._api, "/api/v1/pods", self._timeout, PLACED, lambda: self._clock() > ends
            )
            return others_of(pods, snapshot)
        except Unread as error:
            unread.append(_UNTOLD + (_BIND if error.denied else f": {error}"))
            return None

    def made_of(self, isvc: Manifest, runtime: Runtime, snapshot: Snapshot) -> Made:
        """See Site. What exists is read, not rendered."""
        known = _known(isvc, snapshot)
        if known is not None:
            return Made(known)
        result = self._runtime(isvc["metadata"]["namespace"], runtime.name)
        if isinstance(result, str):
            return Made(None, (Finding(Level.UNCHECKED, "what KServe makes", result),))
        pod = pod_of(children.pod(isvc, result), admitted=False)
        if mode_of(isvc) is Mode.KNATIVE:
            message = "the Knative Service that KServe makes is admitted only when it is made"
            return Made(pod, (Finding(Level.UNCHECKED, "what KServe makes", message),))
        made = [
            children.deployment(isvc, result),
            children.first_pod(isvc, result),
            children.autoscaler(isvc),
        ]
        results = [(item, self._dry_run(item)) for item in made if item is not None]
        refused = tuple(
            finding for item, answer in results if (finding := _refusal(item, answer)) is not None
        )
        admitted = next(
            (_admitted(answer) for item, answer in results if item["kind"] == "Pod"), None
        )
        checked = len(results) - len([item for item in refused if item.level is Level.UNCHECKED])
        return Made(admitted or pod, refused, checked)

    def _runtime(self, namespace: str, name: str) -> Manifest | str:
        """The tenant's own runtime, else the cluster's; or why it is unknown."""
        for path in (
            f"{_SERVING}/namespaces/{namespace}/servingruntimes",
            f"{_SERVING}/clusterservingruntimes",
        ):
            answer = self._get(f"{path}/{name}")
            if isinstance(answer, Answer) and answer.ok:
                return answer.body
        if isinstance(answer, Unavailable):
            return f"runtime {name} could not be read: {answer.detail}"
        return f"runtime {name} could not be read: {answer.words}"

    def _dry_run(self, item: Manifest) -> Answer | Unavailable:
        group = item["apiVersion"]
        meta = item["metadata"]
        if "/" in group:
            root = f"/apis/{group}"
        else:
            root = f"/api/{group}"
        path = f"{root}/namespaces/{meta['namespace']}/{_PLURALS[item['kind']]}"
        query = {"dryRun": "All", "fieldManager": "tidegate"}
        return self._api.call("POST", path, item, query=query, timeout=self._timeout)

    def _items(self, path: str, what: str, unread: list[str]) -> list[Mapping[str, Any]]:
        try:
            return list(pages(self._api, path, self._timeout))
        except Unread as error:
            unread.append(f"{what} could not be read: {error}")
            return []

    def _get(self, path: str) -> Answer | Unavailable:
        return self._api.call("GET", path, timeout=self._timeout)


def _quota(manifest: Mapping[str, Any]) -> Quota:
    status = manifest.get("status") or {}
    hard = status.get("hard") or manifest["spec"].get("hard") or {}
    return Quota(manifest["metadata"]["name"], amounts(hard), amounts(status.get("used") or {}))


def _refusal(item: Manifest, answer: Answer | Unavailable) -> Finding | None:
    meta = item["metadata"]
    where = f"{item['kind']} {meta['namespace']}/{meta.get('name') or meta['generateName'] + '…'}"
    if isinstance(answer, Unavailable):
        return Finding(Level.UNCHECKED, "what KServe makes", answer.detail, object=where)
    if answer.ok or answer.status == 409:
        return None
    if answer.status == 404 or (answer.status == 403 and _NO_RIGHT in answer.words):
        message = "its dry run is not permitted: bind ClusterRole tidegate-preflight in the namespace to check it"
        return Finding(Level.UNCHECKED, "what KServe makes", message, object=item["kind"])
    return Finding(Level.PROBLEM, "what KServe makes", answer.words, object=where)


def _admitted(answer: Answer | Unavailable) -> Pod | None:
    """The pod as the cluster's admission leaves it: with a LimitRange's requests, and with what
    plugins and policies add, such as a toleration of the taint that is named after a GPU."""
    spec = None
    if isinstance(answer, Answer) and answer.ok:
        spec = answer.body.get("spec")
    if not spec:
        return None
    return pod_of(spec, admitted=True)


def _known(isvc: Manifest, snapshot: Snapshot) -> Pod | None:
    """A pod of a revision that runs already: one that is there, else by its Deployment."""
    number = number_of(isvc) or number_of({"metadata": isvc["spec"]["predictor"]}) or 0
    pods = (
        pod for pod in snapshot.all("Pod") if (number_of(pod) or 0) == number and not ended(pod)
    )
    specs = (pod_of(pod["spec"], admitted=True) for pod in pods if pod.get("spec"))
    there = next(specs, None)
    if there is not None:
        return there
    deployment = snapshot.get("Deployment", f"{isvc['metadata']['name']}-predictor")
    if deployment is None:
        return None
    return pod_of(deployment["spec"]["template"]["spec"], admitted=False)
