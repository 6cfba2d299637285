"""The pieces that need no process: CRD files, certificates, Knative's routes, who runs."""

import datetime
import json
import os
import ssl
import subprocess
import sys
from pathlib import Path

import pytest

from tidegate_local.devcluster import certs, golang, launch
from tidegate_local.devcluster.cluster import ClusterError, modules, ordered
from tidegate_local.devcluster.knative import Ingresses
from tidegate_local.devcluster.kube import Json, definitions, ready

CRD = """{{- if .Values.on }}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  annotations: {}
  name: things.example.com
spec:
  names:
    name: thing
---
apiVersion: v1
kind: Namespace
metadata:
  name: example
{{- end }}
"""


def test_crds_are_found_in_a_helm_template(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(CRD)
    result = definitions(tmp_path / "a.yaml")
    assert list(result) == ["things.example.com"]
    assert "{{" not in result["things.example.com"]


def test_a_condition_counts_only_when_true() -> None:
    assert not ready({})
    assert not ready({"status": {"conditions": [{"type": "Ready", "status": "Unknown"}]}})
    assert ready({"status": {"conditions": [{"type": "Ready", "status": "True"}]}})


def test_the_certificate_is_good_for_loopback_only(tmp_path: Path) -> None:
    pair = certs.make(tmp_path, datetime.datetime.now(datetime.UTC))
    assert pair.key.stat().st_mode & 0o077 == 0
    ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(pair.cert, pair.key)
    trust = ssl.create_default_context(cafile=str(pair.cert))
    (get_ca_cert,) = trust.get_ca_certs()
    assert ("IP Address", "127.0.0.1") in get_ca_cert["subjectAltName"]


class FakeKube:
    """Two ingresses: one in place, one whose spec has changed since."""

    def __init__(self) -> None:
        done = {"observedGeneration": 1}
        self.found: list[Json] = [
            {"metadata": {"name": "a", "namespace": "x", "generation": 1}, "status": done},
            {"metadata": {"name": "b", "namespace": "x", "generation": 2}, "status": done},
        ]
        self.patched: dict[str, Json] = {}

    def items(self, api_version: str, kind: str) -> list[Json]:
        return self.found

    def path(self, api_version: str, kind: str, namespace: str, name: str) -> str:
        return f"/{namespace}/{name}"

    def patch(self, path: str, change: Json) -> None:
        self.patched[path] = change


def test_knatives_routes_are_marked_for_their_present_generation() -> None:
    kube = FakeKube()
    assert Ingresses(kube).once() == 1
    assert list(kube.patched) == ["/x/b/status"]
    status = kube.patched["/x/b/status"]["status"]
    assert status["observedGeneration"] == 2
    assert ready({"status": status})


def test_parts_start_in_their_order_whatever_the_caller_wrote() -> None:
    assert ordered(["kserve", "knative", "gateway"]) == ("gateway", "knative", "kserve")
    assert modules(["kserve", "gateway"]) == (
        "etcd",
        "kubernetes",
        "kwok",
        "envoygateway",
        "kserve",
    )
    with pytest.raises(ClusterError, match="no such part: kafka"):
        ordered(["kafka"])


def test_a_killed_dev_cluster_counts_as_none(tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    (tmp_path / "cluster.json").write_text(json.dumps({"state": "ready", "pid": gone.pid}))
    assert launch.state(tmp_path) is None
    assert launch.down(tmp_path, lambda _: None) is False


def test_a_second_up_asks_for_no_part_that_is_missing(tmp_path: Path) -> None:
    state = {"state": "ready", "pid": os.getpid(), "parts": ["kserve"]}
    (tmp_path / "cluster.json").write_text(json.dumps(state))
    assert launch.up(tmp_path, ["kserve"], lambda _: None)["state"] == "ready"
    with pytest.raises(launch.LaunchError, match="without knative runs already"):
        launch.up(tmp_path, ["kserve", "knative"], lambda _: None)


def test_what_is_no_go_has_no_version(tmp_path: Path) -> None:
    fake = tmp_path / "go"
    assert golang.version_of(fake) is None
    fake.write_text("#!/bin/sh\necho go1.26.8\n")
    fake.chmod(0o755)
    assert golang.version_of(fake) == (1, 26, 8)
