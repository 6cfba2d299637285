"""The same policies, judged by the real `kyverno` CLI: their own cases, and every object that
Tidegate may write."""

import re
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.built import require
from tests.policies.written import KEY, written

pytestmark = pytest.mark.cluster
ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy" / "k8s" / "policies" / "kyverno"
BOTH = "validate-kserve-rollout-tenants"
WORKER = "system:serviceaccount:tidegate-system:tidegate-deploy-worker"


@pytest.fixture(scope="module")
def program() -> str:
    return str(require(["kyverno"])["kyverno"].program("kyverno"))


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, check=False, timeout=300
    )


def test_every_case_of_every_policy_is_as_its_folder_says(program: str) -> None:
    done = run(
        program, "test", ROOT / "policies", "--require-tests", "--remove-color", "--fail-only"
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    rows = (
        row
        for path in (ROOT / "policies").rglob("kyverno-test.yaml")
        for row in yaml.safe_load(path.read_text())["results"]
    )
    cases = sum(len(row["resources"]) for row in rows)
    judged = re.search(r"Test Summary: 0 out of (\d+) tests failed", done.stdout)
    assert judged is not None, done.stdout[-1000:]
    assert int(judged[1]) >= cases, "none was passed over"


def test_every_object_that_tidegate_writes_is_admitted(program: str, tmp_path: Path) -> None:
    """In one run: all policies, all objects. Names are made distinct, for the CLI keeps one of each
    name."""
    things = [_numbered(index, dict(manifest)) for index, (_, manifest) in enumerate(written())]
    (tmp_path / "objects.yaml").write_text(
        "---\n".join(yaml.safe_dump(manifest) for manifest in things)
    )
    (tmp_path / "values.yaml").write_text(yaml.safe_dump(_values()))
    (tmp_path / "user.yaml").write_text(yaml.safe_dump(_user()))
    policies = [path for path in sorted(DEPLOY.glob("*.yaml")) if path.name != "kustomization.yaml"]
    more = ["--values-file", tmp_path / "values.yaml", "--userinfo", tmp_path / "user.yaml"]
    report = ["--policy-report", "--output-format", "yaml", "--remove-color"]
    done = run(program, "apply", *policies, "-r", tmp_path / "objects.yaml", *more, *report)
    results = Counter((row["policy"], row["result"]) for row in _rows(done.stdout))
    services = sum(manifest["kind"] == "InferenceService" for manifest in things)
    routes = sum(manifest["kind"] == "HTTPRoute" for manifest in things)
    refused = [row for row in _rows(done.stdout) if row["result"] not in ("pass", "skip")]
    assert (done.returncode, refused) == (0, []), done.stdout[-2000:] + done.stderr[-1000:]
    assert results[BOTH, "pass"] == 2 * services, "by both kinds of the policy"
    assert results["restrict-kserve-storage-uris", "pass"] == services
    assert results["restrict-tenant-routes", "pass"] == routes
    assert not any(
        policy == "protect-tidegate-objects" and result == "pass" for policy, result in results
    )


def _numbered(index: int, manifest: dict[str, Any]) -> dict[str, Any]:
    return {
        **manifest,
        "metadata": {**manifest["metadata"], "name": f"{manifest['metadata']['name']}-{index}"},
    }


def _values() -> dict[str, Any]:
    labels = {"tidegate.dev/tenant": "true"}
    return {
        "apiVersion": "cli.kyverno.io/v1alpha1",
        "kind": "Values",
        "metadata": {"name": "values"},
        "namespaceSelector": [{"name": KEY.namespace, "labels": labels}],
        "namespaces": [
            {"metadata": {"name": KEY.namespace, "labels": labels}, "status": {"phase": "Active"}}
        ],
    }


def _user() -> dict[str, Any]:
    groups = ["system:serviceaccounts", "system:authenticated"]
    return {
        "apiVersion": "cli.kyverno.io/v1alpha1",
        "kind": "UserInfo",
        "metadata": {"name": "user-info"},
        "userInfo": {"username": WORKER, "groups": groups},
    }


def _rows(out: str) -> list[dict[str, Any]]:
    """The results in the reports, which stand between lines for people."""
    start = out.find("apiVersion:")
    reports = []
    if start >= 0:
        reports = [
            manifest for manifest in yaml.safe_load_all(out[start:]) if isinstance(manifest, dict)
        ]
    return [row for report in reports for row in report.get("results") or []]
