"""The folders of `policies/` are what Kyverno's policy library expects, and what is derived from
them is up to date."""

import runpy
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
POLICIES = ROOT / "policies"
DEPLOY = ROOT / "deploy" / "k8s" / "policies" / "kyverno"
NAMES = sorted(path.name for path in POLICIES.iterdir())
BOTH = "validate-kserve-rollout-tenants"


def loaded(path: Path) -> dict[str, Any]:
    content = yaml.safe_load(path.read_text())
    assert isinstance(content, dict)
    return content


@pytest.mark.parametrize("name", NAMES)
def test_a_folder_holds_the_policy_its_package_and_its_tests(name: str) -> None:
    policy = loaded(POLICIES / name / f"{name}.yaml")
    assert (policy["apiVersion"], policy["kind"]) == ("policies.kyverno.io/v1", "ValidatingPolicy")
    assert policy["metadata"]["name"] == name
    about = policy["metadata"]["annotations"]
    messages = {key.removeprefix("policies.kyverno.io/") for key in about}
    assert messages == {"title", "category", "severity", "subject", "minversion", "description"}
    spec = policy["spec"]
    assert spec["validationActions"] == ["Audit"], (
        "the library's habit: who installs it decides to deny"
    )
    assert spec["matchConstraints"]["namespaceSelector"] == {
        "matchLabels": {"tidegate.dev/tenant": "true"}
    }
    assert spec["matchConditions"], (
        "else an object that was there before could not lose its finalizer"
    )
    assert (POLICIES / name / "artifacthub-pkg.yml").exists()


@pytest.mark.parametrize("name", NAMES)
def test_the_cases_of_a_policy_pass_and_fail(name: str) -> None:
    tests = sorted((POLICIES / name / ".kyverno-test").rglob("kyverno-test.yaml"))
    results = {row["result"] for path in tests for row in loaded(path)["results"]}
    assert "fail" in results
    assert results & {"pass", "skip"}
    for path in tests:
        test = loaded(path)
        files = [*test["policies"], *test["resources"], *filter(None, [test.get("userinfo")])]
        assert all((path.parent / file).is_file() for file in files), path
        every = (path.parent / file for file in test["resources"])
        there = {
            item["metadata"]["name"]
            for file in every
            for item in yaml.safe_load_all(file.read_text())
        }
        named = {resource.split("/")[1] for row in test["results"] for resource in row["resources"]}
        assert named <= there, "a result for a resource that does not exist tests nothing"


def test_what_is_derived_from_the_policies_is_up_to_date() -> None:
    desired: dict[Path, str] = runpy.run_path(str(ROOT / "scripts" / "write_policies.py"))[
        "rendered"
    ]()
    stale = [
        str(path.relative_to(ROOT)) for path, text in desired.items() if path.read_text() != text
    ]
    assert stale == [], "run scripts/write_policies.py"
    assert {path.name for path in DEPLOY.iterdir()} == {
        path.name for path in desired if path.parent == DEPLOY
    }


def test_what_a_user_applies_denies_and_the_old_kind_says_the_same() -> None:
    new = loaded(DEPLOY / f"{BOTH}.yaml")
    old = loaded(DEPLOY / f"{BOTH}.clusterpolicy.yaml")
    assert (new["kind"], new["spec"]["validationActions"]) == ("ValidatingPolicy", ["Deny"])
    assert (old["apiVersion"], old["kind"]) == ("kyverno.io/v1", "ClusterPolicy")
    (rule,) = old["spec"]["rules"]
    assert rule["validate"]["failureAction"] == "Enforce"
    assert [expression["expression"] for expression in rule["validate"]["cel"]["expressions"]] == [
        validation["expression"] for validation in new["spec"]["validations"]
    ]
    listed = loaded(DEPLOY / "kustomization.yaml")["resources"]
    assert listed == [f"{name}.yaml" for name in NAMES], (
        "the old kind is left out: a cluster needs one of the two"
    )
    assert all(loaded(DEPLOY / file)["spec"]["validationActions"] == ["Deny"] for file in listed)
