"""Routes as Tidegate writes them, and what Envoy made of them."""

import httpx2

from tidegate_local.devcluster.kube import Json

GATEWAY = "gateway.networking.k8s.io/v1"


def route(weights: dict[str, int], suffix: str = "", name: str = "fraud") -> Json:
    """One rule with a backend for each revision, each told by its header; `suffix`: of the
    Services' names."""

    def backend(revision: str, weight: int) -> Json:
        state = {"set": [{"name": "x-tidegate-revision", "value": revision}]}
        filters = [{"type": "ResponseHeaderModifier", "responseHeaderModifier": state}]
        return {"name": revision + suffix, "port": 80, "weight": weight, "filters": filters}

    return {
        "apiVersion": GATEWAY,
        "kind": "HTTPRoute",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "parentRefs": [{"name": "gateway"}],
            "rules": [
                {"backendRefs": [backend(revision, weight) for revision, weight in weights.items()]}
            ],
        },
    }


def settled(result: Json) -> bool:
    """Our generation was accepted by our gateway with its references resolved."""
    parents = result.get("status", {}).get("parents", [])
    fresh = [
        c
        for p in parents
        for c in p["conditions"]
        if c["observedGeneration"] == result["metadata"]["generation"]
    ]
    return {c["type"] for c in fresh if c["status"] == "True"} >= {"Accepted", "ResolvedRefs"}


def has_weights(admin: int, weights: dict[str, int], name: str = "fraud") -> bool:
    """Whether one of Envoy's routes splits so, with one cluster for each backend by its place in
    the list. Backends of weight 0 keep their place, but no route names them."""
    places = enumerate(weights.values())
    desired = {
        f"httproute/default/{name}/rule/0/backend/{place}": weight
        for place, weight in places
        if weight
    }
    return desired in _weights_of(admin)


def _weights_of(admin: int) -> list[dict[str, int]]:
    """The weighted clusters of each route that Envoy has now, by the pages of its admin port."""
    page = f"http://127.0.0.1:{admin}/config_dump?resource=dynamic_route_configs"
    dump = httpx2.get(page, trust_env=False).json().get("configs", [])
    hosts = [host for item in dump for host in item["route_config"].get("virtual_hosts", [])]
    return [_weights(item["route"]) for host in hosts for item in host.get("routes", [])]


def _weights(action: Json) -> dict[str, int]:
    return {
        item["name"]: item["weight"]
        for item in action.get("weighted_clusters", {}).get("clusters", [])
    }
