"""The few calls to the API server that the dev cluster needs: apply, patch, get, list, delete,
wait.

Plain REST over HTTP: paths come from the server's own discovery, objects are plain JSON.
"""

import json
import re
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import httpx2
import yaml

from tidegate.core.errors import TidegateError

Json = dict[str, Any]
_POLL_S = 0.05
_TEMPLATE_LINE = re.compile(r"^\{\{.*$", re.MULTILINE)  # a Helm chart's condition around the file
_SEPARATOR = re.compile(r"^---.*$", re.MULTILINE)
_MANAGER = "tidegate-devcluster"


class KubeError(TidegateError):
    """The API server refused a call; holds its words. status: the HTTP code, 0 where nobody
    answered."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class Kube:
    """A connection to the API server as somebody, or with an admin's token under another name. Safe
    to use from several threads."""

    def __init__(
        self, url: str, token: str, authority: Path, user: str = "", groups: Iterable[str] = ()
    ) -> None:
        context = ssl.create_default_context(cafile=str(authority))
        headers = [("Authorization", f"Bearer {token}")]
        if user:
            headers += [("Impersonate-User", user)]
        headers += [("Impersonate-Group", group) for group in groups]
        # 127.0.0.1 is never reached through a proxy.
        self._http = httpx2.Client(
            base_url=url, headers=headers, verify=context, timeout=30.0, trust_env=False
        )
        self._kinds: dict[tuple[str, str], tuple[str, bool]] = {}
        self._lock = threading.Lock()

    def close(self) -> None:
        """Drop the connections."""
        self._http.close()

    def apply(self, manifest: Json) -> Json:
        """Server-side apply, by force. Returns the object as the server now has it. Raises
        KubeError."""
        meta = manifest["metadata"]
        path = self.path(
            manifest["apiVersion"], manifest["kind"], meta.get("namespace"), meta["name"]
        )
        return self.apply_text(path, json.dumps(manifest))

    def apply_text(self, path: str, text: str) -> Json:
        """Server-side apply of an object that is YAML or JSON text, by force, to its path."""
        query = {"fieldManager": _MANAGER, "force": "true"}
        return self.call("PATCH", path, text, "application/apply-patch+yaml", query)

    def apply_all(self, manifests: Iterable[Json], namespace: str = "") -> None:
        """Apply several, in order; those without a namespace where one is needed get
        `namespace`."""
        for manifest in manifests:
            placed = manifest
            if (
                namespace
                and not manifest["metadata"].get("namespace")
                and self._namespaced(manifest)
            ):
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
        manifest = self.get(self.path(api_version, kind, namespace)) or {}
        return list(manifest.get("items", []))

    def delete(self, path: str) -> None:
        """Delete one object, or every object of a collection; what is gone already is fine."""
        try:
            self.call("DELETE", path)
        except KubeError as error:
            if error.status != 404:
                raise

    def wait(self, path: str, until: Callable[[Json], bool], seconds: float = 60.0) -> Json:
        """Look until the object is as awaited. Raises KubeError with what it last was."""
        manifest: Json | None = None

        def observe() -> bool:
            nonlocal manifest
            manifest = self.get(path)
            return manifest is not None and until(manifest)

        try:
            self.until(observe, path, seconds)
        except KubeError as error:
            status = "there is no such object"
            if manifest:
                status = manifest.get("status", "it has no status")
            raise KubeError(f"{error}: {status}") from None
        assert manifest is not None
        return manifest

    def until(self, fact: Callable[[], bool], what: str, seconds: float) -> None:
        """Look until something is a fact. Raises KubeError that says what was awaited."""
        deadline = time.monotonic() + seconds
        while not fact():
            if time.monotonic() > deadline:
                raise KubeError(f"{what}: not as awaited within {seconds:g} s")
            time.sleep(_POLL_S)

    def path(
        self, api_version: str, kind: str, namespace: str | None = None, name: str = ""
    ) -> str:
        """Where an object of this kind lives; without a name its collection."""
        plural, namespaced = self._discover(api_version, kind)
        where = ""
        if namespaced and (namespace or name):
            where = f"/namespaces/{namespace or 'default'}"
        return f"{_root(api_version)}{where}/{plural}" + (f"/{name}" if name else "")

    def call(
        self,
        method: str,
        path: str,
        body: Json | str | None = None,
        kind: str = "application/json",
        query: Any = None,
    ) -> Json:
        """One call; a body is an object or the text of one. Raises KubeError."""
        content = json.dumps(body) if isinstance(body, dict) else body
        try:
            answer = self._http.request(
                method, path, content=content, headers={"Content-Type": kind}, params=query
            )
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
    if "/" in api_version:
        return f"/apis/{api_version}"
    return f"/api/{api_version}"


def documents(*files: Path) -> list[Json]:
    """Every object in these YAML files."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return [
        item for file in files for item in yaml.load_all(file.read_text(), Loader=loader) if item
    ]


def ready(thing: Json, kind: str = "Ready") -> bool:
    """Whether a condition of its status is True."""
    conditions = (thing.get("status") or {}).get("conditions") or []
    return any(item["type"] == kind and item["status"] == "True" for item in conditions)


def definitions(*files: Path) -> dict[str, str]:
    """The CRDs in these files as YAML text by name, unparsed: some have 40,000 lines, and the
    server reads YAML."""
    crds = {}
    for file in files:
        for text in _SEPARATOR.split(_TEMPLATE_LINE.sub("", file.read_text())):
            name = re.search(r"^  name: (\S+)$", text, re.MULTILINE)
            if name is not None and re.search(
                r"^kind: CustomResourceDefinition$", text, re.MULTILINE
            ):
                crds[name[1].strip("'\"")] = text
    return crds


def establish(kube: Kube, crds: Mapping[str, str]) -> None:
    """Create the CRDs (text by name) that are not there yet, and wait until the server serves them.
    Created rather than applied, and looked for in the discovery: one of KServe's is 2 MB, and
    tracking its fields takes seconds."""
    for text in crds.values():
        try:
            kube.call(
                "POST",
                "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
                text,
                "application/yaml",
            )
        except KubeError as error:
            if error.status != 409:
                raise
    kube.until(
        lambda: all(_served(kube, name) for name in crds),
        f"the CRDs {', '.join(crds)} are served",
        60.0,
    )


def _served(kube: Kube, name: str) -> bool:
    plural, _, group = name.partition(".")
    versions = (kube.get(f"/apis/{group}") or {}).get("versions", [])
    served = (kube.get(f"/apis/{item['groupVersion']}") or {} for item in versions)
    return any(
        item["name"] == plural for manifest in served for item in manifest.get("resources", [])
    )
