"""`preflight.site.Site` on a real cluster: tenants, quotas, nodes, what KServe would make, and who counts.

Everything here is read at the moment of the question; what Tidegate's roles do not permit is told, never assumed.
"""

from collections.abc import Callable, Mapping
from typing import Any

from tidegate.core.drivers.rendering import number_of
from tidegate.core.intent import EndpointKey, Mode, Runtime
from tidegate.core.ports import Manifest, Snapshot, Unavailable
from tidegate.core.preflight import Finding, Level
from tidegate.deploy_worker.kubernetes import children
from tidegate.deploy_worker.kubernetes.api import Answer, Api
from tidegate.deploy_worker.kubernetes.pods import amounts, pod_asks, present_of
from tidegate.deploy_worker.kubernetes.tenants import Tenants
from tidegate.deploy_worker.preflight.site import Amounts, Budget, Made, Quota

Evidence = Callable[[EndpointKey, Mode, Runtime], tuple[str, ...]]
_SERVING = "/apis/serving.kserve.io/v1alpha1"
_PLURALS = {
    "Pod": "pods",
    "Deployment": "deployments",
    "HorizontalPodAutoscaler": "horizontalpodautoscalers",
    "ScaledObject": "scaledobjects",
}
_NO_RIGHT = "cannot create resource"  # RBAC's own words; webhooks and policies refuse with the same status


class KubernetesSite:
    """See the module. grows: nodes come when pods wait for them. timeout: seconds of one call."""

    def __init__(self, api: Api, tenants: Tenants, evidence: Evidence, *, grows: bool, timeout: float = 5.0) -> None:
        self._api, self._tenants, self._evidence = api, tenants, evidence
        self._grows, self._timeout = grows, timeout

    def denied(self, namespace: str) -> str | None:
        """See Site."""
        return self._tenants.denied(namespace)

    def evidence(self, key: EndpointKey, mode: Mode, runtime: Runtime) -> tuple[str, ...]:
        """See Site."""
        return self._evidence(key, mode, runtime)

    def budget(self, snapshot: Snapshot) -> Budget:
        """See Site."""
        unread: list[str] = []
        quotas = self._items(f"/api/v1/namespaces/{snapshot.key.namespace}/resourcequotas", "quotas", unread)
        nodes = self._items("/api/v1/nodes?limit=500", "nodes", unread)
        whole = [q for q in quotas if not (q["spec"].get("scopes") or q["spec"].get("scopeSelector"))]
        unread += [f"quota {q['metadata']['name']!r} counts only some pods" for q in quotas if q not in whole]
        offered = [node for node in nodes if not (node.get("spec") or {}).get("unschedulable")]
        if offered:
            unread.append("what other pods take on the nodes: only what the nodes offer was compared")
        return Budget(
            tuple(_quota(quota) for quota in whole),
            tuple(amounts((node.get("status") or {}).get("allocatable") or {}) for node in offered),
            present_of(snapshot),
            self._grows,
            tuple(unread),
        )

    def made_of(self, isvc: Manifest, runtime: Runtime, snapshot: Snapshot) -> Made:
        """See Site. What exists is read, not rendered."""
        known = _known(isvc, snapshot)
        if known is not None:
            return Made(known)
        found = self._runtime(isvc["metadata"]["namespace"], runtime.name)
        if isinstance(found, str):
            return Made(None, (Finding(Level.UNCHECKED, "what KServe makes", found),))
        pod = pod_asks(children.pod(isvc, found))
        if "Knative" in str(isvc["metadata"].get("annotations")) or "Serverless" in str(
            isvc["metadata"].get("annotations")
        ):
            said = "the Knative Service that KServe makes is admitted only when it is made"
            return Made(pod, (Finding(Level.UNCHECKED, "what KServe makes", said),))
        made = [children.deployment(isvc, found), children.first_pod(isvc, found), children.autoscaler(isvc)]
        results = [self._dry_run(item) for item in made if item is not None]
        refused = tuple(one for one in results if one is not None)
        return Made(pod, refused, len(results) - len([one for one in refused if one.level is Level.UNCHECKED]))

    def _runtime(self, namespace: str, name: str) -> Manifest | str:
        """The tenant's own runtime, else the cluster's; or why it is unknown."""
        for path in (f"{_SERVING}/namespaces/{namespace}/servingruntimes", f"{_SERVING}/clusterservingruntimes"):
            answer = self._get(f"{path}/{name}")
            if isinstance(answer, Answer) and answer.ok:
                return answer.body
        if isinstance(answer, Unavailable):
            return f"runtime {name} could not be read: {answer.detail}"
        return f"runtime {name} could not be read: {answer.words}"

    def _dry_run(self, item: Mapping[str, Any]) -> Finding | None:
        group, meta = item["apiVersion"], item["metadata"]
        root = f"/apis/{group}" if "/" in group else f"/api/{group}"
        path = f"{root}/namespaces/{meta['namespace']}/{_PLURALS[item['kind']]}"
        query = {"dryRun": "All", "fieldManager": "tidegate"}
        answer = self._api.call("POST", path, item, query=query, timeout=self._timeout)
        where = f"{item['kind']} {meta['namespace']}/{meta.get('name') or meta['generateName'] + '…'}"
        if isinstance(answer, Unavailable):
            return Finding(Level.UNCHECKED, "what KServe makes", answer.detail, object=where)
        if answer.ok or answer.status == 409:
            return None
        if answer.status == 404 or (answer.status == 403 and _NO_RIGHT in answer.words):
            said = "its dry run is not permitted: bind ClusterRole tidegate-preflight in the namespace to check it"
            return Finding(Level.UNCHECKED, "what KServe makes", said, object=item["kind"])
        return Finding(Level.PROBLEM, "what KServe makes", answer.words, object=where)

    def _items(self, path: str, what: str, unread: list[str]) -> list[Mapping[str, Any]]:
        answer = self._get(path)
        if isinstance(answer, Answer) and answer.ok:
            return list(answer.body.get("items") or ())
        why = answer.detail if isinstance(answer, Unavailable) else answer.words
        unread.append(f"{what} could not be read: {why}")
        return []

    def _get(self, path: str) -> Answer | Unavailable:
        return self._api.call("GET", path, timeout=self._timeout)


def _quota(found: Mapping[str, Any]) -> Quota:
    status = found.get("status") or {}
    hard = status.get("hard") or found["spec"].get("hard") or {}
    return Quota(found["metadata"]["name"], amounts(hard), amounts(status.get("used") or {}))


def _known(isvc: Manifest, snapshot: Snapshot) -> Amounts | None:
    """What a pod of a revision asks for that runs already."""
    found = snapshot.get("Deployment", f"{isvc['metadata']['name']}-predictor")
    if found is not None:
        return pod_asks(found["spec"]["template"]["spec"])
    number = number_of(isvc) or number_of({"metadata": isvc["spec"]["predictor"]})
    pods = (pod for pod in snapshot.all("Pod") if number_of(pod) == number)
    return next((pod_asks(pod.get("spec") or {}) for pod in pods), None)
