"""The few calls to the API server that the dev cluster needs: apply, patch, get, list, delete, wait.

Plain REST over HTTP: paths come from the server's own discovery, objects are plain JSON.
"""

import ssl
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import httpx2
import yaml

from tidegate.core.errors import TidegateError

Json = dict[str, Any]
_POLL_S = 0.05
_MANAGER = "tidegate-devcluster"


class KubeError(TidegateError):
    """The API server refused a call; holds its words. status: the HTTP code, 0 where nobody answered."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class Kube:
    """A connection to the API server as somebody. Safe to use from several threads."""

    def __init__(self, url: str, token: str, authority: Path) -> None:
        context = ssl.create_default_context(cafile=str(authority))
        headers = {"Authorization": f"Bearer {token}"}
        # 127.0.0.1 is never reached through a proxy.
        self._http = httpx2.Client(base_url=url, headers=headers, verify=context, timeout=30.0, trust_env=False)
        self._kinds: dict[tuple[str, str], tuple[str, bool]] = {}
        self._lock = threading.Lock()

    def close(self) -> None:
        """Drop the connections."""
        self._http.close()

    def apply(self, manifest: Json) -> Json:
        """Server-side apply, by force. Returns the object as the server now has it. Raises KubeError."""
        meta = manifest["metadata"]
        path = self.path(manifest["apiVersion"], manifest["kind"], meta.get("namespace"), meta["name"])
        kind = "application/apply-patch+yaml"
        return self.call("PATCH", path, manifest, kind, {"fieldManager": _MANAGER, "force": "true"})

    def apply_all(self, manifests: Iterable[Json], namespace: str = "") -> None:
        """Apply several, in order; those without a namespace where one is needed get `namespace`."""
        for manifest in manifests:
            placed = manifest
            if namespace and not manifest["metadata"].get("namespace") and self._namespaced(manifest):
                placed = {**manifest, "metadata": {**manifest["metadata"], "namespace": namespace}}
            self.apply(placed)

    def patch(self, path: str, change: Json) -> Json:
        """A JSON merge patch on a path as of `path`, `/status` appended for the status."""
        return self.call("PATCH", path, change, "application/merge-patch+json")

    def get(self, path: str) -> Json | None:
        """One object or a list; None where there is none."""
        try:
            return self.call("GET", path)
        except KubeError as error:
            if error.status == 404:
                return None
            raise

    def items(self, api_version: str, kind: str, namespace: str | None = None) -> list[Json]:
        """Every object of a kind, in one namespace or in all."""
        found = self.get(self.path(api_version, kind, namespace)) or {}
        return list(found.get("items", []))

    def delete(self, path: str) -> None:
        """Delete one object, or every object of a collection; what is gone already is fine."""
        try:
            self.call("DELETE", path)
        except KubeError as error:
            if error.status != 404:
                raise

    def wait(self, path: str, until: Callable[[Json], bool], seconds: float = 60.0) -> Json:
        """Look until the object is as awaited. Raises KubeError with what it last was."""
        deadline = time.monotonic() + seconds
        while True:
            found = self.get(path)
            if found is not None and until(found):
                return found
            if time.monotonic() > deadline:
                status = (found or {}).get("status", "there is no such object")
                raise KubeError(f"{path} was not as awaited within {seconds:g} s: {status}")
            time.sleep(_POLL_S)

    def path(self, api_version: str, kind: str, namespace: str | None = None, name: str = "") -> str:
        """Where an object of this kind lives; without a name its collection."""
        plural, namespaced = self._discover(api_version, kind)
        where = f"/namespaces/{namespace or 'default'}" if namespaced and (namespace or name) else ""
        return f"{_root(api_version)}{where}/{plural}" + (f"/{name}" if name else "")

    def call(
        self, method: str, path: str, body: Json | None = None, kind: str = "application/json", query: Any = None
    ) -> Json:
        """One call. Raises KubeError."""
        try:
            answer = self._http.request(method, path, json=body, headers={"Content-Type": kind}, params=query)
        except httpx2.HTTPError as error:
            raise KubeError(f"{method} {path}: the API server did not answer: {error}") from error
        if answer.is_success:
            parsed: Json = answer.json()
            return parsed
        try:
            words = answer.json()["message"]
        except (ValueError, KeyError):
            words = answer.text[:500]
        raise KubeError(f"{method} {path}: {words}", answer.status_code)

    def _namespaced(self, manifest: Json) -> bool:
        return self._discover(manifest["apiVersion"], manifest["kind"])[1]

    def _discover(self, api_version: str, kind: str) -> tuple[str, bool]:
        with self._lock:
            if (api_version, kind) not in self._kinds:
                for item in self.call("GET", _root(api_version))["resources"]:
                    if "/" not in item["name"]:
                        self._kinds[api_version, item["kind"]] = (item["name"], item["namespaced"])
            if (api_version, kind) not in self._kinds:
                raise KubeError(f"the cluster has no kind {kind} in {api_version}", 404)
            return self._kinds[api_version, kind]


def _root(api_version: str) -> str:
    return f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"


def documents(*files: Path) -> list[Json]:
    """Every object in these YAML files."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # CRDs are large
    return [item for file in files for item in yaml.load_all(file.read_text(), Loader=loader) if item]  # noqa: S506


def ready(thing: Json, kind: str = "Ready") -> bool:
    """Whether a condition of its status is True."""
    conditions = (thing.get("status") or {}).get("conditions") or []
    return any(item["type"] == kind and item["status"] == "True" for item in conditions)


def establish(kube: Kube, manifests: Iterable[Json], *, replace: bool = True) -> None:
    """Apply CRDs and wait until the server serves them. replace=False leaves those that exist as they are."""
    applied = []
    for crd in manifests:
        path = kube.path(crd["apiVersion"], crd["kind"], None, crd["metadata"]["name"])
        if replace or kube.get(path) is None:
            kube.apply(crd)
            applied.append(path)
    for path in applied:
        kube.wait(path, lambda found: ready(found, "Established"), 30.0)
